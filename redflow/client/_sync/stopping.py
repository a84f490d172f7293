# GENERATED from redflow/client/_async/stopping.py by tests/tools/unasync.py: change that file.
"""Ending executions from outside: cancel them, or fail them."""

from redflow.client._sync.acting import Acting
from redflow.client.actor import cancel_body
from redflow.crypto.values import Values
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.store.stopping import stop_execution


class Stopping:
    """Stops executions of one namespace; safe to repeat."""

    def __init__(self, acting: Acting, values: Values) -> None:
        self._acting = acting
        self._values = values

    def cancel(self, execution: str, reason: str) -> None:
        """Cancel an execution; raises NotFound, Conflict."""
        self._stop("c", "cancel", execution, cancel_body(reason))

    def fail(self, execution: str, message: str) -> None:
        """Fail an execution; raises NotFound, Conflict."""
        error = ErrorInfo("Failed", message, OutcomeReason.OPERATOR)
        self._stop("f", "fail", execution, self._values.seal_error(error, execution))

    def _stop(self, kind: str, action: str, execution: str, body: bytes) -> None:
        target = self._acting.find(execution)
        op = stop_execution(
            target.space,
            target.partition,
            kind=kind,
            body=body,
            execution=execution,
            plan=target.plan.hash,
            queues=target.plan.queues,
        )
        word, orders, _ = self._acting.ask(target.partition, target.plan, op)
        self._acting.carry_out(target, orders)
        self._acting.accept(action, target, word)
