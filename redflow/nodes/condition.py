"""The `condition` node: chooses the label "true" or "false"; the output is the input."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta

from redflow.errors import Problem
from redflow.expressions import ExpressionError, parse_expression
from redflow.expressions.truth import holds
from redflow.model.checks import shown
from redflow.model.outcome import Branch
from redflow.nodes.base import NodeConfig
from redflow.nodes.comparing import (
    OPERATORS,
    PRESENCES,
    compare,
    is_empty,
)
from redflow.nodes.shaped import ShapedType, refuse, wrong

if TYPE_CHECKING:
    from redflow.nodes.context import Context


class ConditionNode(ShapedType):
    """Takes the edges labelled "true" or "false"; the output is the input."""

    type = "condition"
    labels = ("true", "false")
    templated = ("value",)

    class Config(NodeConfig, frozen=True):
        """Either `expression` alone, or `variable` and `operator`, mostly with `value`.

        `variable` is an expression for what is compared, such as input.order.amount; `operator` is
        how it is compared; `value` is what it is compared with, which exists, empty and their
        opposites have not; `expression` is an expression that gives true or false.
        """

        variable: str | None = None
        operator: Annotated[str, Meta(extra_json_schema={"enum": list(OPERATORS)})] | None = None
        value: Any = UNSET
        expression: str | None = None

        def __post_init__(self) -> None:
            refuse(_problems(self))

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Choose the label."""
        if config.expression is not None:
            chosen = holds(config.expression, ctx.scope)
        else:
            chosen = _compared(config, ctx)
        return Branch("true" if chosen else "false", ctx.input)


def _problems(config: ConditionNode.Config) -> Iterator[Problem]:
    """Say what is missing, and what is too much."""
    if config.expression is None:
        if config.variable is None:
            yield wrong("it has neither variable nor expression; give one of them")
        yield from _of_operator(config)
        return
    given = (config.variable is not None, config.operator is not None, config.value is not UNSET)
    for name, is_given in zip(("variable", "operator", "value"), given, strict=True):
        if is_given:
            yield wrong(f"expression stands alone; remove {name}, or expression", name)


def _of_operator(config: ConditionNode.Config) -> Iterator[Problem]:
    given = config.operator
    if given is None:
        yield wrong(f"there is no operator; give one of {', '.join(OPERATORS)}", "operator")
    elif given not in OPERATORS:
        near = get_close_matches(given[:80], OPERATORS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"give one of {', '.join(OPERATORS)}"
        yield wrong(f"{shown(given)} is not an operator; {hint}", "operator")
    elif given in PRESENCES and config.value is not UNSET:
        yield wrong(f"{given} compares with nothing; remove value", "value")
    elif given not in PRESENCES and config.value is UNSET:
        yield wrong(f"there is no value; {given} compares with one", "value")


def _compared(config: ConditionNode.Config, ctx: Context) -> bool:
    text, operator = config.variable or "", config.operator or ""
    if operator in PRESENCES:
        return _present(text, operator, ctx)
    value = parse_expression(text).evaluate(ctx.scope)
    return compare(operator, value, config.value, text)


def _present(text: str, operator: str, ctx: Context) -> bool:
    """Whether there is something at the path; a path that is missing is no error here."""
    try:
        value = parse_expression(text).evaluate(ctx.scope)
    except ExpressionError as error:
        if not error.missing:
            raise
        return operator in ("not_exists", "empty")
    if operator in ("exists", "not_exists"):
        return operator == "exists"
    return is_empty(value) == (operator == "empty")
