"""The payload store of a namespace: removing what no execution holds any more."""

import time

from redflow.client._async.asking import ask_all
from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.storing import apart
from redflow.defaults import PAYLOAD_GRACE
from redflow.errors import InvalidInput, Misconfigured
from redflow.store.payloads import PayloadSweep


@guarded
class AsyncPayloads:
    """Sweeps the payload store of one namespace."""

    def __init__(self, namespace: AsyncNamespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    async def sweep(self, grace: float = PAYLOAD_GRACE) -> int:
        """Remove payloads whose executions were purged; answers how many.

        Those put there in the last `grace` seconds stay: an execution may be about to refer to
        them. Workers do it once an hour. Raises Misconfigured without a store, Unavailable.
        """
        if not grace >= 0:
            raise InvalidInput(f"grace {grace!r} is not 0 or more seconds", field="grace")
        if self._namespace.values.payloads is None:
            raise Misconfigured(
                "there is no payload store here",
                hint="set REDFLOW_PAYLOADS, or give payloads=FileStore(directory)",
            )
        return await sweep_payloads(self._namespace, grace)


async def sweep_payloads(namespace: AsyncNamespace, grace: float = PAYLOAD_GRACE) -> int:
    """Remove payloads that nothing refers to; 0 without a store."""
    values = namespace.values
    if values.payloads is None:
        return 0
    space, driver = await namespace.space(), namespace.driver
    sweep = PayloadSweep(space, values.payloads, time.time() - grace)
    while await apart(values, sweep.read):
        await ask_all(driver, sweep.ask())
        await apart(values, sweep.remove)
    await ask_all(driver, sweep.spare())
    await apart(values, sweep.remove)
    return sweep.removed
