"""Templates: JSON values whose texts may hold `${...}`; `$${` stands for a literal `${`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from redflow.errors import InvalidWorkflow, Problem
from redflow.expressions.errors import ExpressionError, Refused
from redflow.expressions.expression import Expression, parse_expression
from redflow.expressions.lexer import closing_brace
from redflow.expressions.limits import STEPS, TEXT, VALUE_DEPTH
from redflow.expressions.scope import CONFIG_NAMES, References
from redflow.expressions.values import plain_text
from redflow.model.checks import pointer

Scope = Mapping[str, Any]
Render = Callable[[Scope], Any]
Part = str | Expression

_OPEN, _LITERAL = "${", "$${"


class Template:
    """A parsed template: immutable, and safe to render from several threads at once."""

    __slots__ = ("_render", "is_literal", "references")

    references: References
    is_literal: bool

    def __init__(self, render: Render, references: References, is_literal: bool) -> None:
        self._render = render
        self.references = references
        self.is_literal = is_literal

    def render(self, scope: Scope) -> Any:
        """Return the value; raise ExpressionError.

        Maps and lists of the template are new each time; what an expression that stands alone
        gives is the scope's own. Beside other text it is written as text.
        """
        return self._render(scope)


def parse_template(value: Any, names: frozenset[str] = CONFIG_NAMES) -> Template:
    """Parse a JSON value; raise InvalidWorkflow with every problem and its pointer in the value."""
    reader = _Reader(names)
    render = reader.read(value, "", 0)
    if reader.problems:
        raise InvalidWorkflow(reader.problems)
    references = References()
    for expression in reader.expressions:
        references |= expression.references
    return Template(render, references, not reader.expressions)


class _Reader:
    """One walk over a template; collects its expressions and its problems."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self.expressions: list[Expression] = []
        self.problems: list[Problem] = []

    def read(self, value: Any, at: str, depth: int) -> Render:
        if depth > VALUE_DEPTH:
            message = f"it is nested deeper than {VALUE_DEPTH} levels"
            self.problems.append(Problem(at, "bad_expression", message))
        elif isinstance(value, str):
            return self._text(value, at)
        elif isinstance(value, Mapping):
            fields = {
                key: self.read(below, at + pointer(key), depth + 1) for key, below in value.items()
            }
            return lambda scope: {key: render(scope) for key, render in fields.items()}
        elif isinstance(value, (list, tuple)):
            items = [self.read(below, f"{at}/{i}", depth + 1) for i, below in enumerate(value)]
            return lambda scope: [render(scope) for render in items]
        return lambda scope: value

    def _text(self, text: str, at: str) -> Render:
        parts = list(self._parts(text, at))
        if not any(isinstance(part, Expression) for part in parts):
            literal = "".join(part for part in parts if isinstance(part, str))
            return lambda scope: literal
        if len(parts) == 1 and isinstance(parts[0], Expression):
            return parts[0].evaluate
        return lambda scope: _joined(parts, scope)

    def _parts(self, text: str, at: str) -> Iterator[Part]:
        """Cut a text into literal parts and expressions, and note what is wrong with them."""
        done = 0
        while (found := text.find(_OPEN, done)) >= 0:
            if text[found - 1 : found] == "$" and found > done:
                yield text[done : found - 1] + _OPEN
                done = found + len(_OPEN)
                continue
            if found > done:
                yield text[done:found]
            try:
                end = closing_brace(text, found + len(_OPEN))
            except ExpressionError as error:
                self._tell(at, error)
                return
            done = end + 1
            try:
                expression = parse_expression(text[found + len(_OPEN) : end], self._names)
            except ExpressionError as error:
                self._tell(at, error)
                continue
            self.expressions.append(expression)
            yield expression
        if done < len(text):
            yield text[done:]

    def _tell(self, at: str, error: ExpressionError) -> None:
        self.problems.append(Problem(at, "bad_expression", str(error)))


def _joined(parts: list[Part], scope: Scope) -> str:
    texts, left = [], TEXT
    for part in parts:
        made = part if isinstance(part, str) else _shown(part, scope)
        left -= len(made)
        if left < 0:
            text = part if isinstance(part, str) else part.text
            raise ExpressionError(f"the text would have over {TEXT:,} characters", text, 0, 1)
        texts.append(made)
    return "".join(texts)


def _shown(expression: Expression, scope: Scope) -> str:
    """Write the value of an expression as text."""
    value = expression.evaluate(scope)
    try:
        return plain_text([STEPS], value)
    except Refused as refused:
        text = expression.text
        raise ExpressionError(refused.reason, text, 0, len(text), hint=refused.hint) from None
