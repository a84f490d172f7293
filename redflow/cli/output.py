"""Results on standard output: a table, tab-separated lines, or JSON; notes on standard error."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import click

from redflow.cli.base import JSON, PLAIN, State

if TYPE_CHECKING:
    from rich.console import Console

# Text that others wrote must not move the cursor, ring, or reverse the reading direction.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CONTROL_BUT_NEWLINE = re.compile(_CONTROL.pattern.replace("[\x00-\x1f", "[\x00-\x09\x0b-\x1f"))
_WIDE = 200
"""Columns of a table that is not written to a terminal."""

_CLOCKS = timedelta(seconds=1)
"""By which the clocks here and at Redis may differ without anyone noticing."""

STYLES = {
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "yellow",
    "RUNNING": "cyan",
    "WAITING": "cyan",
    "SKIPPED": "dim",
    "INACTIVE": "dim",
}


def printable(text: str, *, lines: bool = False) -> str:
    """Escape what would control the terminal; `lines` keeps line breaks."""
    pattern = _CONTROL_BUT_NEWLINE if lines else _CONTROL
    return pattern.sub(lambda found: ascii(found[0])[1:-1], text)


def note(text: str) -> None:
    """Write a line for the person, not for the pipe."""
    click.echo(printable(text, lines=True), err=True)


def write_json(value: Any) -> None:
    """Write one JSON document; indented for a reader."""
    click.echo(as_json(value, indent=2 if sys.stdout.isatty() else None))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON text; what JSON has not becomes text: ISO dates, seconds, base64."""
    return json.dumps(value, default=_plain, indent=indent, ensure_ascii=not knows_unicode())


def knows_unicode(stream: IO[str] | None = None) -> bool:
    """Say whether a stream, by default standard output, can take any character."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").startswith("utf")


def write_rows(state: State, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows as a table, or as tab-separated lines without a header."""
    if state.style == PLAIN:
        write_lines(rows)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        table.add_column(column, no_wrap=at == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(said := human(one), style=STYLES.get(said, "")) for one in row))
    console(state).print(table)


def write_lines(rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as tab-separated lines for programs."""
    for row in rows:
        click.echo("\t".join(printable(machine(one)) for one in row))


def write_fields(state: State, fields: Sequence[tuple[str, Any]]) -> None:
    """Write one thing: a name and a value a line; what it has not is left out."""
    given = [(name, value) for name, value in fields if value not in (None, "", {})]
    if state.style == PLAIN:
        write_lines(given)
        return
    width = max((len(name) for name, _ in given), default=0)
    for name, value in given:
        click.echo(f"{name:<{width}}  {human(value, lines=True)}")


def console(state: State, stream: IO[str] | None = None) -> Console:
    """Return a rich console that takes text as it is."""
    from rich.console import Console

    stream = stream or sys.stdout
    return Console(
        file=stream,
        no_color=state.no_color or None,
        width=None if stream.isatty() else _WIDE,
        markup=False,
        highlight=False,
        emoji=False,
    )


def wants_json(state: State) -> bool:
    """Say whether JSON was asked for."""
    return state.format == JSON


def machine(value: Any) -> str:
    """Write a value for programs: exact, ISO dates, seconds."""
    if isinstance(value, (dict, list)):
        return as_json(value)
    return "" if value is None else str(_plain(value))


def human(value: Any, *, lines: bool = False) -> str:
    """Write a value for readers: how long ago, how long."""
    match value:
        case datetime():
            return _from_now(value)
        case timedelta():
            return lasting(value)
        case dict() if lines and all(isinstance(one, str) for one in value.values()):
            return printable(" ".join(f"{name}={one}" for name, one in value.items()))
    return printable(machine(value), lines=lines)


def _from_now(moment: datetime) -> str:
    """Write a moment as seen from now; what lies ahead by less than a second is a clock's error."""
    left = moment - datetime.now(UTC)
    return f"in {lasting(left)}" if left >= _CLOCKS else f"{lasting(-left)} ago"


def lasting(time: timedelta) -> str:
    """Write a time in the unit that suits it: 38ms, 1.8s, 4m10s, 3h05m, 2d4h."""
    seconds = max(0.0, time.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}m"
    return f"{hours // 24}d{hours % 24}h"


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            short = "auto" if value.microsecond % 1000 else "milliseconds"
            return re.sub(r"\+00:00$", "Z", value.isoformat(timespec=short))
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal() | UUID():
            return str(value)
    return _shut(value) or str(value)


def _shut(value: Any) -> dict[str, Any] | None:
    """Name the key that a value would need to be shown, or where it is kept."""
    from redflow.crypto.envelope import read_envelope
    from redflow.model.codec import Sealed, Stored

    if isinstance(value, Stored):
        return {"$stored": value.key, "size": value.size}
    return {"$sealed": read_envelope(value.data).key_id} if isinstance(value, Sealed) else None
