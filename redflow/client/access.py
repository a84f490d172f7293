"""Which resource a call touches, and what is left out for who may not see values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import isfunction, signature
from typing import Any

from redflow.auth.actions import FREE, RULES, Choice, Rule
from redflow.model.execution import Execution, ExecutionSummary, Page, Step
from redflow.model.outcome import ErrorInfo

Asked = tuple[Rule, Mapping[str, Any]]
"""What a call needs, and its arguments, `self` among them."""

_NAME = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
_LONGEST = 255


def calls_of(kind: type) -> dict[str, Rule | Choice]:
    """Return the rule of every public method of a class but the free ones.

    Raises TypeError for one that is in no table.
    """
    found: dict[str, Rule | Choice] = {}
    name = kind.__name__.removeprefix("Async")
    for attribute in dir(kind):
        if attribute.startswith("_") or not isfunction(getattr(kind, attribute)):
            continue
        call = f"{name}.{attribute}"
        if call in RULES:
            found[attribute] = RULES[call]
        elif call not in FREE:
            raise TypeError(f"{call} is public and stands in no table of redflow.auth.actions")
    return found


def reading(
    method: Callable[..., Any], rule: Rule | Choice
) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], Asked]:
    """Return what says of a call which rule holds, and its arguments by name."""
    form = signature(method)

    def read(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        values = form.bind(self, *args, **kwargs).arguments
        if isinstance(rule, Choice):
            return (rule.given if values.get(rule.argument) else rule.otherwise), values
        return rule, values

    return read


def resource_of(template: str, namespace: str, values: Mapping[str, Any]) -> str:
    """Fill in a template; of a workflow its id counts, what is no text becomes "?"."""

    def value(found: re.Match[str]) -> str:
        name, attribute = found.groups()
        if name == "ns":
            return namespace
        one = values.get(name)
        one = getattr(one, attribute or "id", one)
        return one[:_LONGEST] if isinstance(one, str) else "?"

    return _NAME.sub(value, template)


def conceal(answer: Any) -> Any:
    """Leave out input, output and the texts of errors; everything else stays."""
    if isinstance(answer, Page):
        return replace(answer, items=tuple(conceal(one) for one in answer.items))
    if isinstance(answer, list):
        return [conceal(one) for one in answer]
    if isinstance(answer, Execution):
        answer = replace(answer, input=None, output=None)
    if isinstance(answer, ExecutionSummary):
        return replace(answer, cancel_reason=None, error=_silent(answer.error))
    if isinstance(answer, Step):
        return replace(answer, output=None, error=_silent(answer.error))
    raise TypeError(f"{type(answer).__name__} is not known to hold values")


def _silent(error: ErrorInfo | None) -> ErrorInfo | None:
    return None if error is None else replace(error, message="")
