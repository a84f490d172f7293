"""The `switch` node: chooses the label of the case that has a value; the output is the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redflow.errors import InvalidInput, Problem
from redflow.expressions import ExpressionError, parse_expression
from redflow.model.ids import check_label
from redflow.model.outcome import Branch
from redflow.nodes.base import NodeConfig
from redflow.nodes.comparing import described, error_at, identity
from redflow.nodes.shaped import ShapedType, refuse, wrong

if TYPE_CHECKING:
    from redflow.nodes.context import Context

_CASES_SHOWN = 10


class SwitchNode(ShapedType):
    """Takes the edges with the label of the case that fits; the output is the input."""

    type = "switch"
    templated = ("cases",)

    class Config(NodeConfig, frozen=True, kw_only=True):
        """Either `variable` or `expression`; they mean the same.

        `variable` is an expression for the value, such as input.plan; `expression` is an expression
        for the value, such as input.amount > 100; `cases` is a map from each label to the value
        that chooses it, or to a list of such values; `default` is the label for every other value,
        which fails the step when there is none.
        """

        variable: str | None = None
        expression: str | None = None
        cases: dict[str, Any]
        default: str | None = None

        def __post_init__(self) -> None:
            refuse(_problems(self))

        @property
        def text(self) -> str:
            """The expression for the value."""
            return self.variable or self.expression or ""

    def labels_of(self, config: Config) -> Sequence[str]:
        """The labels of the cases, and the default."""
        rest = () if config.default is None else (config.default,)
        return tuple(dict.fromkeys((*config.cases, *rest)))

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Choose the label."""
        value = parse_expression(config.text).evaluate(ctx.scope)
        wanted = identity(value)
        for label, case in config.cases.items():
            if any(identity(one) == wanted for one in _values(case)):
                return Branch(label, ctx.input)
        if config.default is None:
            raise _no_case(config, value)
        return Branch(config.default, ctx.input)


def _values(case: Any) -> Sequence[Any]:
    """The values of a case; one that is a list itself stands in a list."""
    return case if isinstance(case, (list, tuple)) else (case,)


def _problems(config: SwitchNode.Config) -> Iterator[Problem]:
    if (config.variable is None) == (config.expression is None):
        lacks = "neither variable nor" if config.variable is None else "both variable and"
        yield wrong(f"it has {lacks} expression; give one of them")
    if not config.cases:
        yield wrong("there is no case; give each label a value", "cases")
    for label, case in config.cases.items():
        yield from _label(label, "cases", label)
        if not _values(case):
            yield wrong("the list is empty: nothing chooses the label", "cases", label)
    if config.default is not None:
        yield from _label(config.default, "default")
    yield from _doubled(config.cases)


def _label(label: str, *at: str) -> Iterator[Problem]:
    try:
        check_label(label)
    except InvalidInput as error:
        yield wrong(str(error), *at)


def _doubled(cases: Mapping[str, Any]) -> Iterator[Problem]:
    """Tell of values with two labels: which of them is meant must not depend on an order."""
    owners: dict[Any, str] = {}
    for label, case in cases.items():
        for value in _values(case):
            owner = owners.setdefault(identity(value), label)
            if owner != label:
                message = f"{described(value)} chooses {owner!r} already; remove it from one"
                yield wrong(message, "cases", label)


def _no_case(config: SwitchNode.Config, value: Any) -> ExpressionError:
    more = [f"and {len(config.cases) - _CASES_SHOWN} more"] * (len(config.cases) > _CASES_SHOWN)
    cases = ", ".join([*list(config.cases)[:_CASES_SHOWN], *more])
    return error_at(
        config.text,
        f"it is {described(value)}: none of the cases {cases} has that value",
        hint='give a case for it, or a default; 5 is not "5"',
    )
