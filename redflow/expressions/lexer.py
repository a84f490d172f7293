"""Cuts an expression into tokens, before Python's parser may see it, and finds where one ends."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from redflow.expressions.errors import ExpressionError, shorten

_NUMBER = (
    r"0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?"
)
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"""|(?P<string>[A-Za-z]{0,2}(?:'(?:[^'\\\r\n]|\\[^\r\n])*'|"(?:[^"\\\r\n]|\\[^\r\n])*"))"""
    r"|(?P<name>[^\W\d]\w*)"
    rf"|(?P<number>{_NUMBER})"
    r"|(?P<operator>\*\*|//|==|!=|<=|>=|:=|&&|\|\||<<|>>|->|[-+*/%<>=|.,:()\[\]{}&^~@;!?`$\\#])"
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = frozenset("\\'\"abfnrtvxuUN0")
_LONGEST_NUMBER = 60


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression and its place; `kind` is string, name, number or operator."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens from `start` on; raise ExpressionError at what is none."""
    at = start
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        token = Token(kind, match[0], match.start(), at)
        _CHECKS.get(kind, _check_nothing)(token, text)
        yield token


def closing_brace(text: str, start: int) -> int:
    """Return where the brace is that ends the expression which starts at `start`."""
    depth = 0
    for token in tokens(text, start):
        if token.text in ("{", "(", "["):
            depth += 1
        elif token.text == "}" and depth <= 0:
            return token.start
        elif token.text in ("}", ")", "]"):
            depth -= 1
    raise ExpressionError(
        "there is no } that ends the expression",
        text,
        start,
        start + 1,
        hint="write $${ for a literal ${",
    )


def _check_nothing(token: Token, text: str) -> None:
    pass


def _check_string(token: Token, text: str) -> None:
    quote = token.text[-1]
    prefix = token.text[: token.text.index(quote)]
    body = token.text[len(prefix) + 1 : -1]
    if prefix.lower() not in ("", "r"):
        what = "f-strings are" if "f" in prefix.lower() else f"the prefix {prefix} is"
        hint = 'write "a " + str(x), or a template: a ${x}' if "f" in prefix.lower() else ""
        raise _at(token, text, f"{what} not part of the language", hint)
    if not body and text[token.end : token.end + 1] == quote:
        raise _at(token, text, "texts in triple quotes are not part of the language", "use one")
    if not prefix:
        for escape in _ESCAPE.finditer(body):
            if escape[1] not in _ESCAPES:
                shown = shorten(escape[1], 10)
                hint = f"write \\\\{shown}, or put r before the quotes"
                raise _at(token, text, f"\\{shown} means nothing in a text", hint)


def _check_name(token: Token, text: str) -> None:
    name = token.text
    if not name.isidentifier() or unicodedata.normalize("NFKC", name) != name:
        raise _at(
            token,
            text,
            f"{shorten(name, 40)} cannot be written as a name",
            'write a key with such characters as ["..."]',
        )


def _check_number(token: Token, text: str) -> None:
    if len(token.text) > _LONGEST_NUMBER:
        raise _at(token, text, f"this number has over {_LONGEST_NUMBER} characters")
    after = text[token.end : token.end + 1]
    if after == "_" or after.isalnum():
        raise _at(
            token, text, f"the number {token.text} runs into {after!r}", "put a space between"
        )


_CHECKS = {"string": _check_string, "name": _check_name, "number": _check_number}


def _at(token: Token, text: str, reason: str, hint: str = "") -> ExpressionError:
    return ExpressionError(reason, text, token.start, token.end, hint=hint)


def _unreadable(text: str, at: int) -> ExpressionError:
    if text[at] in "'\"":
        reason = "the text that starts here has no end"
    else:
        reason = f"the character {text[at]!a} has no meaning here"
    return ExpressionError(reason, text, at, at + 1)
