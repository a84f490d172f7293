"""One execution as a test sees it: how it stands now, and assertions that explain themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redflow.client import AsyncHandle
from redflow.model.execution import Execution, Step
from redflow.model.explain import Reason
from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus, StepStatus
from redflow.testing.history import History
from redflow.testing.naming import unknown
from redflow.testing.stubs import Call
from redflow.testing.tables import explained, table

if TYPE_CHECKING:
    from redflow.client._async.signalling import Delivery
    from redflow.testing.environment import Environment

Explain = Callable[[str], Sequence[Reason]]


class Steps(dict[str, Step]):
    """The steps of an execution by node id, parents first."""

    def __missing__(self, node: str) -> Step:
        raise unknown("node", node, self)


class Run:
    """An execution in an environment; what it shows is as of the environment's last call."""

    def __init__(self, environment: Environment, handle: AsyncHandle, explain: Explain) -> None:
        self._environment = environment
        self._handle = handle
        self._explain = explain
        self._execution: Execution | None = None
        self.steps: Mapping[str, Step] = Steps()
        """Steps by node id; those that undo others only once they are due."""
        self.history = History()
        """What happened, in order."""

    # How it stands

    @property
    def id(self) -> str:
        """The id of the execution."""
        return self._handle.id

    @property
    def execution(self) -> Execution:
        """All that is known of the execution itself."""
        assert self._execution is not None
        return self._execution

    @property
    def status(self) -> ExecutionStatus:
        """PENDING, RUNNING, COMPLETED, FAILED or CANCELLED."""
        return self.execution.status

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._execution is not None and self.status.terminal

    @property
    def output(self) -> Any:
        """What it gave; None until it has COMPLETED."""
        return self.execution.output

    @property
    def error(self) -> ErrorInfo | None:
        """The first failure that no edge handled."""
        return self.execution.error

    @property
    def failed_node(self) -> str | None:
        """The node of that failure."""
        return self.execution.failed_node

    @property
    def path(self) -> list[str]:
        """Nodes that completed, in order; what undoes a node is `<node>~undo`."""
        return self.history.path

    def calls(self, node: str) -> list[Call]:
        """What a node was run with, stubbed or not; several calls for several attempts."""
        return self._environment.calls(self.id, node)

    # What a test does to it

    async def signal(self, name: str, data: Any = None, *, id: str | None = None) -> Delivery:
        """Send a signal, and run what comes of it; the clock stands still."""
        answer = await self._handle.signal(name, data, id=id)
        await self._environment.settle()
        return answer

    async def cancel(self, reason: str = "") -> None:
        """Cancel it, and run what comes of it; the clock stands still."""
        await self._handle.cancel(reason)
        await self._environment.settle()

    async def refresh(self) -> Run:
        """Read how it stands; every call of the environment ends with this."""
        self._execution = await self._handle.execution()
        steps = await self._handle.steps()
        self.history = await self._environment.history(self._execution)
        self.steps = Steps({one.node_id: self._timed(one) for one in steps if _shown(one)})
        return self

    # What a test asks of it

    def assert_completed(self) -> None:
        """Check that it COMPLETED."""
        self._assert_status(ExecutionStatus.COMPLETED)

    def assert_failed(self, node: str | None = None) -> None:
        """Check that it FAILED, at this node."""
        self._assert_status(ExecutionStatus.FAILED)
        if node is not None and self.failed_node != node:
            raise self._failure(f"expected to have failed at {node!r}")

    def assert_cancelled(self) -> None:
        """Check that it was CANCELLED."""
        self._assert_status(ExecutionStatus.CANCELLED)

    def assert_path(self, *nodes: str) -> None:
        """Check which nodes completed, in this order."""
        expected, found = ", ".join(nodes), ", ".join(self.path)
        if self.path != list(nodes):
            raise self._failure(
                f"expected the path {expected or 'of no node'}; it was {found or 'of no node'}"
            )

    def _assert_status(self, expected: ExecutionStatus) -> None:
        if self.status != expected:
            raise self._failure(f"expected {expected}")

    def _failure(self, expected: str) -> AssertionError:
        """All there is to know, for whoever reads the failure of a test.

        Raised, not asserted: pytest would add its own words to an assert of this module.
        """
        parts = [f"execution {self.id} of {self.execution.workflow} is {self.status}: {expected}"]
        if self.error is not None:
            at = f" at {self.failed_node}" if self.failed_node else ""
            parts.append(f"it failed{at}: {self.error.type}: {self.error.message}")
        parts.append(table(list(self.steps.values()), self._environment.now))
        if not self.done:
            parts.append(explained(self._explain(self.id)))
        return AssertionError("\n".join(parts))

    def __repr__(self) -> str:
        if self._execution is None:
            return f"<Run {self.id}>"
        steps = ", ".join(f"{name} {one.status}" for name, one in self.steps.items())
        return f"<Run {self.id} of {self.execution.workflow}: {self.status}; {steps}>"

    def _timed(self, step: Step) -> Step:
        """A step with times of the environment's clock: a server counts tokens by its own."""
        if step.ready_at is None:
            return step
        ready = self._environment.virtual(step.ready_at)
        ended = [event.at for event in self.history.of(step.node_id)][-1:]
        return replace(
            step,
            ready_at=ready,
            started_at=None if step.started_at is None else ready,
            finished_at=ended[0] if ended and step.finished_at is not None else None,
        )


def _shown(step: Step) -> bool:
    """Not the hidden step that makes the output, nor an undo step that is not due."""
    undo = step.node_id.endswith("~undo")
    return not step.node_id.startswith("~") and not (
        undo and step.status == StepStatus.PENDING and not step.attempt
    )
