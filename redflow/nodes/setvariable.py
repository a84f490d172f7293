"""The `setvariable` node: names values that every later step can read as `vars.<name>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from redflow.errors import InvalidInput, Problem
from redflow.model.ids import check_node_id
from redflow.nodes.base import NodeConfig
from redflow.nodes.shaped import ShapedType, refuse, wrong

if TYPE_CHECKING:
    from redflow.nodes.context import Context


class SetVariableNode(ShapedType):
    """Sets variables; the output is the input, when it is a map, with the variables laid over."""

    type = "setvariable"
    templated = ("variables",)

    class Config(NodeConfig, frozen=True):
        """`variables` is a map from each name to its value, which later steps read as vars.name."""

        variables: dict[str, Any]

        def __post_init__(self) -> None:
            refuse(_problems(self.variables))

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Lay the variables over the input."""
        if isinstance(ctx.input, Mapping):
            return {**ctx.input, **config.variables}
        return config.variables


def _problems(variables: Mapping[str, Any]) -> Iterator[Problem]:
    if not variables:
        yield wrong("no variable is named; give one a value", "variables")
    for name in variables:
        try:
            check_node_id(name, field="variable name")
        except InvalidInput as error:
            yield wrong(str(error), "variables", name)
