"""Expressions as values: parsed once, evaluated often."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from redflow.expressions.checks import check
from redflow.expressions.compiler import Compiler, steps_of
from redflow.expressions.errors import ExpressionError, Refused
from redflow.expressions.limits import CACHED, CHARS, STEPS
from redflow.expressions.scope import CONFIG_NAMES, References
from redflow.expressions.syntax import read
from redflow.expressions.values import FIRST_NAME, measure

_MAKES: Final = (
    ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.BinOp,
)  # fmt: skip


class Expression:
    """A parsed expression: immutable, and safe to evaluate from several threads at once."""

    __slots__ = ("_budget", "_makes", "_names", "_room", "_run", "references", "text")

    text: str
    references: References

    def __init__(self, text: str, names: frozenset[str]) -> None:
        source, tree = read(text)
        self.text = text
        self.references = check(source, tree, names)
        self._names = sorted(self.references.names)
        compiler = Compiler(source, self._names)
        self._run: Callable[[list[Any]], Any] = compiler.compile(tree)
        self._room = [None] * (compiler.width - FIRST_NAME - len(self._names))
        self._budget = STEPS - steps_of(tree)
        self._makes = any(isinstance(node, _MAKES) for node in ast.walk(tree))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """Return the value; raise ExpressionError.

        Parts of the scope are handed out as they are, not copied. A `now` in the scope is the
        time that `now()` returns, in place of the clock's.
        """
        try:
            names = [scope[name] for name in self._names]
        except KeyError as error:
            name = str(error.args[0])
            at = max(self.text.find(name), 0)
            raise ExpressionError(
                f"{name} has no value here", self.text, at, at + len(name)
            ) from None
        try:
            result = self._run([self._budget, scope, set(), *names, *self._room])
            if self._makes:
                measure(result)
        except Refused as refused:
            raise self._whole(refused.reason, refused.hint) from None
        except (RecursionError, MemoryError):
            raise self._whole("it takes more memory than there is") from None
        return result

    def _whole(self, reason: str, hint: str = "") -> ExpressionError:
        return ExpressionError(reason, self.text, 0, len(self.text), hint=hint)


def parse_expression(text: str, names: frozenset[str] = CONFIG_NAMES) -> Expression:
    """Parse and check an expression over these names; raise ExpressionError.

    Expressions are kept, so that parsing the same text again costs nothing.
    """
    if not isinstance(text, str) or len(text) > CHARS:
        return Expression(text, names)
    return _parsed(text, names)


_parsed = lru_cache(maxsize=CACHED)(Expression)
