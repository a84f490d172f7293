"""The functions over text; patterns are matched by RE2, in time linear in the text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from redflow.expressions.errors import Refused, shorten
from redflow.expressions.limits import (
    CHARS_PER_STEP,
    ITEMS,
    ITEMS_PER_STEP,
    PATTERN,
    PATTERN_STEPS,
    SEARCH_PER_STEP,
    SEARCHED,
)
from redflow.expressions.values import (
    PATTERNS,
    Frame,
    is_list,
    kind,
    new_items,
    plain_text,
    spend,
    spend_chars,
)

_PATTERN_MEMORY = 1 << 20


def lower(frame: Frame, text: Any) -> str:
    return _changed(frame, "lower", text, str.lower)


def upper(frame: Frame, text: Any) -> str:
    return _changed(frame, "upper", text, str.upper)


def strip(frame: Frame, text: Any, chars: Any = None) -> str:
    if chars is not None:
        chars = checked("strip", chars)
    if chars is not None and len(chars) > CHARS_PER_STEP:
        raise Refused(f"strip takes at most {CHARS_PER_STEP} characters to strip")
    return _changed(frame, "strip", text, lambda value: value.strip(chars))


def split(frame: Frame, text: Any, separator: Any = None, limit: Any = None) -> list[str]:
    """Cut a text at every separator, at most `limit` times; by default at blanks."""
    text = checked("split", text)
    spend_chars(frame, len(text))
    if separator is not None and not checked("split", separator):
        raise Refused("split cannot cut at an empty text")
    if limit is not None and (type(limit) is not int or limit < 0):
        raise Refused("the limit of split is a whole number of 0 or more")
    made: list[str] = text.split(separator, min(ITEMS, ITEMS if limit is None else limit))
    new_items(frame, len(made))
    spend(frame, len(made) // 2)
    return made


def join(frame: Frame, items: Any, separator: Any = "") -> str:
    """Join the texts of the items."""
    if not is_list(items):
        raise Refused(f"join takes a list, not {kind(items)}", 'write join(items, ", ")')
    separator = checked("join", separator)
    new_items(frame, len(items))
    texts = [plain_text(frame, item) for item in items]
    spend_chars(frame, sum(map(len, texts)) + len(separator) * len(texts))
    made: str = separator.join(texts)
    return made


def startswith(frame: Frame, text: Any, prefix: Any) -> bool:
    return checked("startswith", text).startswith(checked("startswith", prefix))


def endswith(frame: Frame, text: Any, suffix: Any) -> bool:
    return checked("endswith", text).endswith(checked("endswith", suffix))


def matches(frame: Frame, text: Any, pattern: Any) -> bool:
    """Say whether the pattern is found anywhere in the text."""
    text = checked("matches", text)
    if len(text) > SEARCHED:
        raise Refused(f"matches searches texts of at most {SEARCHED:,} characters")
    pattern = checked("matches", pattern)
    program = compiled(pattern)
    _pay(frame, pattern, program.programsize, len(text))
    try:
        return program.search(text.encode()) is not None
    except UnicodeEncodeError:
        raise Refused("the text holds a lone surrogate, which cannot be searched") from None


def _pay(frame: Frame, pattern: str, size: int, chars: int) -> None:
    """Pay for a search, which at worst takes the size of the program for every character."""
    if pattern not in frame[PATTERNS]:
        frame[PATTERNS].add(pattern)
        spend(frame, PATTERN_STEPS + len(pattern) + size // ITEMS_PER_STEP)
    spend(frame, chars * size // SEARCH_PER_STEP)


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """Compile a pattern; refuse one that RE2 refuses."""
    if len(pattern) > PATTERN:
        raise Refused(f"a pattern has at most {PATTERN:,} characters")
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError):
        hint = "RE2 knows neither back-references nor lookarounds"
        raise Refused(f"{shorten(pattern, 60)!r} is not a pattern", hint) from None


def checked(name: str, value: Any) -> str:
    """Let text pass."""
    if isinstance(value, str):
        return value
    hint = "str(x) makes text of a value" if value is not None else ""
    raise Refused(f"{name} takes text, not {kind(value)}", hint)


def _changed(frame: Frame, name: str, text: Any, change: Callable[[str], str]) -> str:
    text = checked(name, text)
    spend_chars(frame, len(text))
    made = change(text)
    spend_chars(frame, max(0, len(made) - len(text)))
    return made
