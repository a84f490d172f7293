"""Sending signals to steps that wait for them, or will."""

from typing import Any, Literal

from redflow.client._async.acting import AsyncActing
from redflow.client._async.storing import packed
from redflow.client.refusals import signal_of, signals_full
from redflow.crypto.values import Field, Values
from redflow.errors import Unavailable
from redflow.model.ids import new_execution_id
from redflow.store.waiting import deliver_signal

Delivery = Literal["delivered", "buffered", "duplicate"]

_ANSWERS: dict[str, Delivery] = {
    "delivered": "delivered",
    "buffered": "buffered",
    "dup": "duplicate",
}


class AsyncSignalling:
    """Sends signals to executions of one namespace."""

    def __init__(self, acting: AsyncActing, values: Values) -> None:
        self._acting = acting
        self._values = values

    async def send(self, execution: str, node: str, data: Any, signal_id: str | None) -> Delivery:
        """Send a signal once, however often the call is repeated with one id.

        Raises NotFound, Conflict, InvalidInput.
        """
        encoded = self._values.encode(data)
        target = await self._acting.find(execution)
        name = signal_of(target.plan, node)
        id = signal_id or new_execution_id()
        payload = await packed(self._values, encoded, execution, Field.SIGNAL, name)
        op = deliver_signal(
            target.space,
            target.partition,
            execution=execution,
            plan=target.plan.hash,
            queues=target.plan.queues,
            name=name,
            id=id,
            payload=payload,
        )
        try:
            word = await self._acting.ask(target.partition, target.plan, op)
        except Unavailable as error:
            raise Unavailable(
                f"signal {name!r} to execution {execution!r}: {error.args[0]}",
                ambiguous=error.ambiguous,
                hint=f"repeat with signal_id={id!r}: it counts once",
            ) from error
        await self._acting.accept(f"send signal {name!r}", target, word)
        if word == "full":
            raise signals_full(execution, name)
        return _ANSWERS[word]
