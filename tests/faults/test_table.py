"""The page of faults: every row has a test that passed, or says why there is none."""

import re

import pytest

from tests.faultkit.programs import VERSIONS
from tests.faults.report import PAGE, page
from tests.faults.table import ROWS
from tests.faults.versions import TOPOLOGIES
from tests.support.tree import ROOT

NUMBERS = [number for rows in ROWS.values() for number in rows]
MARK = re.compile(r"mark\.row\(([\d, ]+)\)")


def marked() -> dict[int, list[str]]:
    """Files with tests that show a row, by its number."""
    found: dict[int, list[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for match in MARK.finditer(path.read_text(encoding="utf-8")):
            for number in match[1].split(","):
                found.setdefault(int(number), []).append(path.stem)
    return found


def test_the_rows_are_those_of_the_fault_table():
    assert [*range(1, 52), 59, 60] == NUMBERS


def test_every_row_is_marked_by_a_test_or_says_why_not():
    silent = {n for rows in ROWS.values() for n, row in rows.items() if row.without}
    assert set(marked()) == set(NUMBERS) - silent


def test_the_page_shows_every_row_and_no_failure():
    text = PAGE.read_text(encoding="utf-8")
    assert [int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == NUMBERS
    assert "FAILED" not in text
    on = re.findall(r"^\| ((?:Redis|Valkey) [^|]+) \| ([\d,]+) \| 0 \|", text, re.MULTILINE)
    assert len({server for server, _ in on}) == len(VERSIONS) + len(TOPOLOGIES)


def test_a_row_that_nothing_shows_is_refused():
    with pytest.raises(ValueError, match=r"row 1 .* neither a test nor a reason"):
        page([])


def test_cases_of_one_test_are_told_together():
    results = [
        {"rows": [n for n in NUMBERS if n != 2], "test": "tests/x.py::one", "outcome": "passed",
         "figures": {}},
        *({"rows": [2], "test": f"tests/x.py::two[{v}]", "outcome": "passed",
           "figures": {"cuts": 1000 * v}} for v in (1, 2)),
        {"rows": [2], "test": "tests/x.py::three", "outcome": "failed", "figures": {}},
    ]  # fmt: skip
    (line,) = (line for line in page(results).splitlines() if line.startswith("| 2 |"))
    assert line.endswith("| `x::three` **FAILED 1**<br>`x::two` x2: cuts 1,000; cuts 2,000 |")


def test_each_server_is_a_line_and_says_what_was_not_run():
    shown = {"rows": NUMBERS, "test": "tests/x.py::one", "outcome": "passed", "figures": {}}
    servers = [
        {"version": "Redis 7.0.15, cluster of 3 + 3", "passed": 1730, "failed": 1, "single": 4},
        {"version": "Redis 7.0.15", "passed": 1734, "failed": 0},
    ]
    assert page([shown, *servers]).splitlines()[-2:] == [
        "| Redis 7.0.15 | 1,734 | 0 | 0 |",
        "| Redis 7.0.15, cluster of 3 + 3 | 1,730 | 1 | 4 |",
    ]
