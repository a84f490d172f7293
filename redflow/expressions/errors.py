"""The one error of expressions: what is wrong, where in the text, and what to write instead."""

from __future__ import annotations

from functools import partial

from redflow.errors import InvalidInput

_WINDOW = 72
_PATH = 80
_REASON = 300


class ExpressionError(InvalidInput):
    """An expression cannot be parsed or evaluated.

    The message is a line with the path and the reason, then the text with carets under the place
    (one line of it, cut around the place). `field` is the path, `text` the whole expression,
    `start` and `end` the place in it. `missing`: a path leads to nothing, and only that is wrong.
    """

    def __init__(
        self, reason: str, text: str, start: int, end: int, *, path: str = "", hint: str = ""
    ) -> None:
        path = shorten(path, _PATH)
        said = f"{path}: {shorten(reason, _REASON)}" if path else shorten(reason, _REASON)
        first = f"{said} ({hint})" if hint else said
        super().__init__(f"{first}\n{excerpt(text, start, end)}", field=path, hint=hint)
        self.reason = reason
        self.text = text
        self.start = start
        self.end = end
        self.missing = False

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        made = partial(type(self), path=self.field, hint=self.hint)
        return made, (self.reason, self.text, self.start, self.end), {"missing": self.missing}


class Refused(Exception):
    """What an operator or a function cannot do; the place is added where it was called."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Absent(Refused):
    """There is nothing at a key or an index."""


def shorten(text: str, limit: int) -> str:
    """Cut a text in its middle; what no terminal can show becomes an escape."""
    if len(text) > limit:
        half = limit // 2 - 2
        text = f"{text[:half]}...{text[-half:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def excerpt(text: str, start: int, end: int) -> str:
    """Return the part of the text around a place, and carets under the place."""
    first = max(0, min(start - _WINDOW // 2, len(text) - _WINDOW))
    last = first + _WINDOW
    # One character each, so that the carets stay under the place.
    line = "".join(c if c.isprintable() else " " for c in text[first:last])
    before, after = "..." if first else "", "..." if last < len(text) else ""
    width = max(1, min(end, last) - start)
    return f"  {before}{line}{after}\n  {' ' * (len(before) + start - first)}{'^' * width}"
