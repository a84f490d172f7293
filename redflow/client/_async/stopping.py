"""Ending executions from outside: cancel them, or fail them."""

from redflow.client._async.acting import AsyncActing
from redflow.client.actor import cancel_body
from redflow.crypto.values import Values
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.store.stopping import stop_execution


class AsyncStopping:
    """Stops executions of one namespace; safe to repeat."""

    def __init__(self, acting: AsyncActing, values: Values) -> None:
        self._acting = acting
        self._values = values

    async def cancel(self, execution: str, reason: str) -> None:
        """Cancel an execution; raises NotFound, Conflict."""
        await self._stop("c", "cancel", execution, cancel_body(reason))

    async def fail(self, execution: str, message: str) -> None:
        """Fail an execution; raises NotFound, Conflict."""
        error = ErrorInfo("Failed", message, OutcomeReason.OPERATOR)
        await self._stop("f", "fail", execution, self._values.seal_error(error, execution))

    async def _stop(self, kind: str, action: str, execution: str, body: bytes) -> None:
        target = await self._acting.find(execution)
        op = stop_execution(
            target.space,
            target.partition,
            kind=kind,
            body=body,
            execution=execution,
            plan=target.plan.hash,
            queues=target.plan.queues,
        )
        word, orders, _ = await self._acting.ask(target.partition, target.plan, op)
        await self._acting.carry_out(target, orders)
        await self._acting.accept(action, target, word)
