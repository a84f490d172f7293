"""The keys that values are sealed with: how many values each has, and sealing them anew."""

from redflow.client._async.asking import ask_all
from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.errors import Misconfigured
from redflow.model.operations import KeyUse
from redflow.store.explaining import read_queues
from redflow.store.rekeying import Rekeying


@guarded
class AsyncKeyring:
    """Says where keys are needed; values are read a page at a time, workers may go on."""

    def __init__(self, namespace: AsyncNamespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    async def status(self) -> list[KeyUse]:
        """Count the values of each key; needs no key itself. A key that has none may go."""
        return self._used(await self._walk(reseal=False))

    async def rotate(self) -> tuple[int, list[KeyUse]]:
        """Seal with the newest key what has an older one; answers how many, and what is left.

        Safe to break off and to repeat. What travels with steps that are ready or running goes as
        they do. Raises Misconfigured without keys.
        """
        if self._namespace.crypto is None:
            raise Misconfigured(
                "there is no key to seal values with",
                hint="set REDFLOW_CRYPTO_KEYS, the newest key first",
            )
        walked = await self._walk(reseal=True)
        return walked.replaced, self._used(walked)

    def _used(self, walked: Rekeying) -> list[KeyUse]:
        known = self._namespace.crypto.ids if self._namespace.crypto is not None else ()
        names = [*known, *sorted({*walked.values, *walked.tokens} - {*known})]
        current = known[0] if known else None
        return [
            KeyUse(
                name,
                walked.values[name],
                walked.tokens[name],
                here=name in known,
                current=name == current,
            )
            for name in names
        ]

    async def _walk(self, *, reseal: bool) -> Rekeying:
        space = await self._namespace.space()
        queues = await self._namespace.driver.run(read_queues(space))
        walk = Rekeying(space, queues, self._namespace.crypto if reseal else None)
        await ask_all(self._namespace.driver, walk.walk())
        return walk
