"""The `wait` node: rests for a duration or until a time, without a worker."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from redflow.errors import InvalidInput
from redflow.model.checks import shown
from redflow.model.durations import seconds
from redflow.model.outcome import Sleeping
from redflow.nodes.base import NodeConfig, NodeType
from redflow.nodes.kinds import Duration, Text

if TYPE_CHECKING:
    from redflow.nodes.context import Context


class WaitNode(NodeType):
    """Rests once for each attempt; the output is the input."""

    type = "wait"

    class Config(NodeConfig, frozen=True):
        """`duration` is seconds or "1.5s"; `until` is a time with a zone, as RFC 3339 text."""

        duration: Duration = None
        until: Text = None

        def __post_init__(self) -> None:
            self.rest()

        def rest(self) -> Sleeping:
            """The rest this config asks for; raises InvalidInput."""
            if (self.duration is None) == (self.until is None):
                raise InvalidInput(
                    "config of node type 'wait' has "
                    + ("neither duration nor until" if self.duration is None else "both"),
                    hint="give one of duration and until",
                )
            if self.until is None:
                return Sleeping(delay=seconds(self.duration))
            return Sleeping(until=_time(self.until))

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Rest, then pass the input through."""
        return config.rest() if ctx.resume is None else ctx.input


def _time(value: Any) -> datetime:
    time = value
    if isinstance(value, str):
        try:
            time = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            time = None
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise InvalidInput(
            f"until {shown(value)} is not a time with a zone",
            field="until",
            hint='write "2030-01-31T09:00:00Z" or "2030-01-31T09:00:00+01:00"',
        )
    return time
