"""The `log` node: writes a line and passes its input through."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from redflow.nodes.base import NodeConfig, NodeType

if TYPE_CHECKING:
    from redflow.nodes.context import Context

LOGGER = logging.getLogger("redflow.node.log")


class LogNode(NodeType):
    """Logs `message` with `fields` at `level`; the output is the input."""

    type = "log"

    class Config(NodeConfig, frozen=True):
        """`message` is the line; `level` is as in logging, in lower case; `fields` go with it."""

        message: str
        level: Literal["debug", "info", "warning", "error"] = "info"
        fields: dict[str, Any] = msgspec.field(default_factory=dict)

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Write the line."""
        LOGGER.log(
            logging.getLevelName(config.level.upper()),
            config.message,
            extra={"fields": config.fields, "step": ctx},
        )
        return ctx.input
