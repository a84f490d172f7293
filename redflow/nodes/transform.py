"""The `transform` node: makes a new value from what the step can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redflow.nodes.base import NodeConfig, NodeType

if TYPE_CHECKING:
    from redflow.nodes.context import Context


class TransformNode(NodeType):
    """Makes a value; the output is the mapping with its `${...}` evaluated."""

    type = "transform"

    class Config(NodeConfig, frozen=True):
        """`mapping` is the output: any JSON value, most often a map with `${...}` in its values."""

        mapping: Any

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Answer the mapping, whose templates are rendered."""
        return config.mapping
