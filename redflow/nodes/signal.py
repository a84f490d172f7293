"""The `signal` node: rests without a worker until a signal comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redflow.errors import InvalidInput
from redflow.model.durations import seconds
from redflow.model.ids import check_label, check_signal_name
from redflow.model.outcome import AwaitingSignal, Branch, ErrorInfo, Failed, OutcomeReason
from redflow.nodes.base import NodeConfig, NodeType
from redflow.nodes.kinds import Duration

if TYPE_CHECKING:
    from redflow.nodes.context import Context

FAIL = "fail"


class SignalNode(NodeType):
    """Waits for one signal; the output is its data, with `merge` laid over the input."""

    type = "signal"

    class Config(NodeConfig, frozen=True):
        """`name` is the node's id unless given; `timeout` is seconds or "2h", none unless given.

        `on_timeout` is "fail" or the label to take; `merge` lays the data over the input.
        """

        name: str | None = None
        timeout: Duration = None
        on_timeout: str = FAIL
        merge: bool = False

        def __post_init__(self) -> None:
            if self.name is not None:
                check_signal_name(self.name, field="name")
            if self.timeout is not None:
                seconds(self.timeout, positive=True, field="timeout")
            if self.on_timeout == FAIL:
                return
            check_label(self.on_timeout, field="on_timeout")
            if self.timeout is None:
                raise InvalidInput(
                    f"on_timeout {self.on_timeout!r} is never taken: there is no timeout",
                    field="on_timeout",
                    hint='give a timeout, such as "1h", or leave on_timeout out',
                )

        def wish(self, node_id: str) -> AwaitingSignal:
            """The signal a node with this id waits for."""
            timeout = None if self.timeout is None else seconds(self.timeout)
            return AwaitingSignal(self.name or node_id, timeout)

    def labels_of(self, config: Config) -> Sequence[str]:
        """The label taken when no signal came in time."""
        return () if config.on_timeout == FAIL else (config.on_timeout,)

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Wait, then answer what came."""
        match ctx.resume:
            case ("signal", data):
                both = isinstance(ctx.input, Mapping) and isinstance(data, Mapping)
                return {**ctx.input, **data} if config.merge and both else data
            case ("timeout",) if config.on_timeout == FAIL:
                return _nothing_came(config.wish(ctx.node_id), ctx.attempt)
            case ("timeout",):
                return Branch(config.on_timeout, ctx.input)
        return config.wish(ctx.node_id)


def _nothing_came(wish: AwaitingSignal, attempt: int) -> Failed:
    text = f"no signal {wish.name!r} came within {wish.timeout:g} s"
    info = ErrorInfo("TimeoutError", text, OutcomeReason.TIMEOUT, attempt)
    return Failed(info, retryable=False)
