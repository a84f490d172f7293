"""From the text of an expression to a checked tree of Python's own parser.

The parser is given nothing that could hurt it: length, nesting and tokens are checked first, and
texts with escapes of which Python would warn are refused.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable
from typing import Final

from redflow.expressions.errors import ExpressionError, shorten
from redflow.expressions.lexer import Token, tokens
from redflow.expressions.limits import CHARS, DEPTH, NESTING

_WORDS: Final = frozenset("and or not in is if else for True False None".split())
_VALUES: Final = frozenset({"True", "False", "None"})
_REFUSED_WORDS: Final = frozenset(keyword.kwlist) - _WORDS
_WORD_HINTS = {"lambda": 'functions take paths instead: sorted(items, by="a.b")'}
_REFUSED_OPERATORS: Final = {
    ":=": "",
    "@": "",
    "->": "",
    ";": "write one expression",
    "&": "write and",
    "&&": "write and",
    "||": "write or",
    "!": "write not, or != to compare",
    "^": "",
    "~": "",
    "<<": "",
    ">>": "",
    "?": "write x if condition else y",
    "`": "write texts in quotes",
    "$": "${ } stands around a whole expression, not inside",
    "#": "",
    "\\": "",
}
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_PREFIXES: Final = frozenset({"-", "+", "not"})
_RECURSIVE: Final = frozenset({"if", "**"})
_LINE_ENDS: Final = str.maketrans("\r\n\t\f", "    ")


class Source:
    """The text of an expression, and errors that point into it."""

    __slots__ = ("_places", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: bytes | None = None if text.isascii() else text.encode()

    def place(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node starts and ends, in characters; the parser counts bytes."""
        start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
        end = len(self.text) if end is None else end
        if self._places is None:
            return start, end
        return len(self._places[:start].decode()), len(self._places[:end].decode())

    def segment(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, end = self.place(node)
        return self.text[start:end]

    def error(
        self, node: ast.AST, reason: str, hint: str = "", *, path: bool = False
    ) -> ExpressionError:
        """Make the error of a node; `path` puts its text before the reason."""
        start, end = self.place(node)
        before = self.text[start:end] if path else ""
        if isinstance(node, ast.Attribute):
            start = end - len(node.attr)
        elif isinstance(node, ast.Subscript):
            start = self.place(node.value)[1]
        return ExpressionError(reason, self.text, start, end, path=before, hint=hint)


def read(text: str) -> tuple[Source, ast.expr]:
    """Parse the text; raise ExpressionError."""
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is text, not a {type(text).__name__}", "", 0, 0)
    if len(text) > CHARS:
        reason = f"the expression has {len(text):,} characters; allowed are {CHARS:,}"
        raise ExpressionError(reason, text, 0, 1)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        reason = "it holds a lone surrogate, which is not text"
        raise ExpressionError(reason, text, error.start, error.end) from None
    # Python ends an expression with its line; documents break lines anywhere.
    line = text.translate(_LINE_ENDS).strip()
    _check_tokens(line, list(tokens(line)))
    source = Source(line)
    return source, _parsed(source)


def _check_tokens(text: str, found: list[Token]) -> None:
    if not found:
        raise ExpressionError("the expression is empty", text, 0, 1)
    for before, token in zip([None, *found], found, strict=False):
        if token.kind == "name" and token.text in _REFUSED_WORDS | _WORDS:
            _check_word(text, before, token)
        elif token.kind == "operator" and token.text in _REFUSED_OPERATORS:
            hint = _REFUSED_OPERATORS[token.text]
            raise _at(text, token, f"{token.text} is not part of the language", hint)
    _check_brackets(text, found)
    _check_recursion(text, found)


def _check_word(text: str, before: Token | None, token: Token) -> None:
    if before is not None and before.text == ".":
        reason = f"{token.text} is a word of the language and cannot follow a dot"
        raise _at(text, token, reason, f'write ["{token.text}"]')
    if token.text in _REFUSED_WORDS:
        reason = f"{token.text} is not part of the language"
        raise _at(text, token, reason, _WORD_HINTS.get(token.text, ""))


def _check_brackets(text: str, found: Iterable[Token]) -> None:
    opened: list[Token] = []
    for token in found:
        if token.kind != "operator":
            continue
        if token.text in "([{":
            opened.append(token)
            if len(opened) > NESTING:
                raise _at(text, token, f"brackets are nested deeper than {NESTING} levels")
        closes = _PAIRS.get(token.text)
        if closes is not None and (not opened or opened.pop().text != closes):
            raise _at(text, token, f"this {token.text} closes nothing")
    if opened:
        raise _at(text, opened[-1], f"this {opened[-1].text} is never closed")


def _check_recursion(text: str, found: Iterable[Token]) -> None:
    """Refuse what makes the parser call itself beside brackets: prefixes, `if else`, powers."""
    run = deep = 0
    for token in found:
        run = run + 1 if token.text in _PREFIXES else 0
        deep += token.text in _RECURSIVE
        if run > NESTING or deep > NESTING:
            raise _at(text, token, f"{token.text} stands more than {NESTING} times")


def _parsed(source: Source) -> ast.expr:
    try:
        tree = ast.parse(source.text, mode="eval")
    except SyntaxError as error:
        raise _explained(source.text, error) from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise ExpressionError("the expression is too complex", source.text, 0, 1) from None
    _check_depth(source, tree.body)
    return tree.body


def _check_depth(source: Source, root: ast.expr) -> None:
    todo: list[tuple[ast.AST, int]] = [(root, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > DEPTH:
            reason = f"more than {DEPTH} operations stand in one another"
            raise source.error(root, reason, "use join, sum or any over a list")
        todo.extend((below, depth + 1) for below in ast.iter_child_nodes(node))


def _explained(text: str, error: SyntaxError) -> ExpressionError:
    at = min(max((error.offset or 1) - 1, 0), len(text))
    if error.end_offset and error.end_offset - 1 > at:
        end = error.end_offset - 1
    else:
        end = at + 1
    found = list(tokens(text))
    if found[-1].text in _WORDS - _VALUES or (
        found[-1].kind == "operator" and found[-1].text not in _PAIRS
    ):
        return ExpressionError("the expression ends too early", text, len(text), len(text) + 1)
    if any(token.text == "=" for token in found):
        hint = "== compares; a single = names an argument of a function"
        return ExpressionError("the expression cannot be read here", text, at, end, hint=hint)
    return ExpressionError("the expression cannot be read here", text, at, end)


def _at(text: str, token: Token, reason: str, hint: str = "") -> ExpressionError:
    return ExpressionError(shorten(reason, 200), text, token.start, token.end, hint=hint)
