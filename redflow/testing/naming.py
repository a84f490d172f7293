"""Refusals of names that nobody knows, with the nearest that is known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from redflow.errors import InvalidInput

SHOWN = 10


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, if any is."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def unknown(what: str, name: str, known: Iterable[str], *, field: str = "") -> InvalidInput:
    """An error for a name that is not known."""
    names = sorted(set(known))
    like = near(name, names)
    if like is not None:
        hint = f"did you mean {like!r}?"
    else:
        hint = f"known: {', '.join(names[:SHOWN]) or 'none'}"
    return InvalidInput(f"there is no {what} {name!r}", field=field, hint=hint)
