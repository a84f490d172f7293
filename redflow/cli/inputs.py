"""What users type: JSON inputs, labels, durations, times; each refusal says what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from redflow.errors import InvalidInput
from redflow.model.durations import seconds

MOST_BYTES = 16 * 1024 * 1024
"""Of a file or of standard input; the limit of a value itself is far below."""

Callback = Callable[[click.Context, click.Parameter, str | None], Any]

reason_option = click.option(
    "--reason", metavar="TEXT", default="", help="Why; kept and shown to whoever asks."
)


def duration_option(*, positive: bool = False) -> Callback:
    """Make the callback of an option that takes seconds, or a number with a unit: 90, 1.5s, 5m."""

    def read(ctx: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
        field = str(parameter.name)
        return None if text is None else seconds(_number(text), positive=positive, field=field)

    return read


def _number(text: str) -> float | str:
    try:
        return float(text) if text.isascii() else text
    except ValueError:
        return text


def time_option(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Be the callback of an option that takes a time: so long ago (2h), or ISO 8601 with zone."""
    field = str(parameter.name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - timedelta(seconds=_ago(text, field))
    return _zoned(moment, field, text, "how long ago: 2h")


def moment_option(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Be the callback of an option that takes a time to come, in ISO 8601 with zone."""
    field = str(parameter.name)
    if text is None:
        return None
    try:
        return _zoned(datetime.fromisoformat(text), field, text, "--delay 2h")
    except ValueError:
        raise InvalidInput(
            f"{field} {text[:80]!a} is not a time",
            field=field,
            hint="write 2026-01-31T12:00:00Z, or --delay 2h",
        ) from None


def _zoned(moment: datetime, field: str, text: str, instead: str) -> datetime:
    if moment.utcoffset() is None:
        raise InvalidInput(
            f"{field} {text[:80]!a} has no time zone",
            field=field,
            hint=f"write 2026-01-31T12:00:00Z, or {instead}",
        )
    return moment


def _ago(text: str, field: str) -> float:
    try:
        return seconds(_number(text), field=field)
    except InvalidInput as error:
        raise InvalidInput(
            f"{field} {text[:80]!a} is not a time",
            field=field,
            hint="write how long ago (30m, 2h, 1d), or 2026-01-31T12:00:00Z",
        ) from error


def read_labels(texts: Sequence[str]) -> dict[str, str]:
    """Read `key=value` texts; raises InvalidInput for other forms and for a key given twice."""
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput(
                f"label {text[:80]!a} is not key=value",
                field="label",
                hint="write --label team=pay",
            )
        if labels.setdefault(key, value) != value:
            raise InvalidInput(f"label {key[:80]!a} is given twice", field="label")
    return labels


def read_input(text: str | None, name: str = "input") -> Any:
    """Read a value: JSON, `@file` or `-` for standard input; None when left out.

    Raises InvalidInput that says where it came from and what is wrong; `name` says what it is.
    """
    if text is None:
        return None
    if text == "-":
        source, data = "standard input", read_standard_input()
    elif text.startswith("@"):
        source, data = read_text(Path(text[1:]))
    else:
        source, data = f"the {name}", text
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise _refused(source, f"is not JSON: {error.msg} at {at}", text, name) from None
    except RecursionError:
        raise _refused(source, "is nested too deep", text, name) from None
    except ValueError as error:
        raise _refused(source, f"is not JSON: {error}", text, name) from None


def read_standard_input() -> str:
    """Return all of standard input as text; raises InvalidInput."""
    return _checked(_standard_input(), "standard input")


def read_text(path: Path) -> tuple[str, str]:
    """Return the name and the content of a file of JSON; raises InvalidInput."""
    source = f"file {str(path)!a}"
    try:
        with path.open("rb") as file:
            return source, _checked(file.read(MOST_BYTES + 1), source)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(
            f"{source} cannot be read: {cause}", field="input", hint="check the path"
        ) from None


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InvalidInput("standard input is closed", field="input")
    data: bytes = stream.read(MOST_BYTES + 1)
    return data


def _checked(data: bytes, source: str) -> str:
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"{source} has more than {MOST_BYTES:,} bytes", field="input")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{source} is not UTF-8: byte {error.start} is {data[error.start]:#04x}", field="input"
        ) from None


def _refused(source: str, cause: str, text: str, field: str) -> InvalidInput:
    hint = "give JSON such as '{\"amount\": 42}', @file, or - for standard input"
    if Path(text[:255]).suffix == ".json":
        hint = f"to read a file, write @{text[:80]}"
    return InvalidInput(f"{source} {cause}", field=field, hint=hint)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise ValueError(f"key {twice[:80]!a} stands twice in one object")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
