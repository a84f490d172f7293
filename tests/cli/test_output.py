"""Results: the table, the lines and the JSON of the same things; times; hostile text."""

import io
import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.cli.base import State
from redflow.cli.output import (
    as_json,
    human,
    knows_unicode,
    lasting,
    machine,
    printable,
    write_fields,
    write_rows,
)
from redflow.model import codec

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"),
        (0.0384, "38ms"),
        (1.84, "1.8s"),
        (59.94, "59.9s"),
        (250, "4m10s"),
        (11_100, "3h05m"),
        (2 * 86_400 + 4 * 3600, "2d4h"),
    ],
)
def test_lasting(seconds, text):
    assert lasting(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a\tb\nc", "a\tb\nc"),
        (7, "7"),
        (NOON, "2026-01-31T12:00:00.000Z"),
        (NOON.replace(microsecond=1), "2026-01-31T12:00:00.000001Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-01-31T14:00:00.000+02:00"),
        (timedelta(milliseconds=1500), "1.5"),
        ({"a": [1]}, '{"a": [1]}'),
    ],
)
def test_machine(value, text):
    assert machine(value) == text


def test_human():
    assert human(datetime.now(UTC) - timedelta(minutes=5)).startswith("5m0")
    assert human(datetime.now(UTC) + timedelta(minutes=5)).startswith("in ")
    assert human(datetime.now(UTC) + timedelta(seconds=0.5)) == "0ms ago"  # clocks differ
    assert human(timedelta(seconds=2)) == "2.0s"
    assert human({"team": "pay", "tier": "1"}, lines=True) == "team=pay tier=1"
    assert human("a\tb") == "a\\tb"


def test_json_of_every_value_a_step_may_return():
    values = [b"\xff", NOON, date(2026, 1, 31), timedelta(seconds=1), Decimal("1.10"), UUID(int=1)]
    assert json.loads(as_json(values)) == [
        "/w==",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31",
        1.0,
        "1.10",
        "00000000-0000-0000-0000-000000000001",
    ]


SIMPLE = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SIMPLE | st.text(st.characters(codec="utf-8")) | st.binary() | st.dates() | st.decimals(),
    lambda deeper: (
        st.lists(deeper) | st.dictionaries(st.text(st.characters(codec="utf-8")), deeper)
    ),
)


@given(VALUES)
def test_json_is_valid_for_whatever_the_codec_takes(value):
    try:
        stored = codec.decode(codec.encode(value))
    except Exception:  # refused at the other door
        return
    json.loads(as_json(stored), parse_constant=pytest.fail)


TURNING = set("LRE RLE LRO RLO PDF LRI RLI FSI PDI".split())


@given(st.text())
def test_printable_text_is_one_line_without_control(text):
    shown = printable(text)
    assert {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert {unicodedata.bidirectional(char) for char in shown} & TURNING == set()
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


def written(capsys, write, *arguments):
    write(*arguments)
    return capsys.readouterr().out


ROWS = [("e-1", "COMPLETED", timedelta(seconds=2), "a\tb"), ("e-22", "FAILED", None, None)]
COLUMNS = ("ID", "STATUS", "TOOK", "NOTE")


def test_rows_in_a_pipe_are_tab_separated_without_header(capsys):
    text = written(capsys, write_rows, State(), COLUMNS, ROWS)
    assert text == "e-1\tCOMPLETED\t2.0\ta\\tb\ne-22\tFAILED\t\t\n"


def test_rows_as_a_table(capsys):
    text = written(capsys, write_rows, State(format="table"), COLUMNS, ROWS)
    head, first, second = (line.split() for line in text.splitlines())
    assert head == list(COLUMNS)
    assert first == ["e-1", "COMPLETED", "2.0s", "a\\tb"]
    assert second == ["e-22", "FAILED"]


def test_a_table_takes_markup_as_text(capsys):
    rows = [("[bold]x[/bold]", ":smile:", "[red]", "\x1b[31m")]
    text = written(capsys, write_rows, State(format="table"), COLUMNS, rows)
    assert text.splitlines()[1].split() == ["[bold]x[/bold]", ":smile:", "[red]", "\\x1b[31m"]


def test_fields_leave_out_what_is_missing(capsys):
    fields = [("id", "e-1"), ("error", None), ("labels", {}), ("version", 2)]
    assert written(capsys, write_fields, State(), fields) == "id\te-1\nversion\t2\n"
    table = written(capsys, write_fields, State(format="table"), fields)
    assert table == "id       e-1\nversion  2\n"


def test_json_is_ascii_where_the_encoding_is_not_unicode(monkeypatch):
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert not knows_unicode(latin)
    assert as_json("é→") == '"é→"' or not knows_unicode()
    monkeypatch.setattr("sys.stdout", latin)
    assert as_json("é→") == '"\\u00e9\\u2192"'
