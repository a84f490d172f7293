"""Writes docs/faults.md: `python -m tests.faults.report RESULTS...`, files that a run with
REDFLOW_FAULTS_RESULTS wrote.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.table import ROWS, Row
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "faults.md"
HEAD = """# What was broken on purpose

Every row is a fault, what redflow does then, what a test must show, and what it showed when this
page was written: `bash .ci/full` does so, by `python -m tests.faults.report`; of a test that ran
again the last run counts. Durations are scaled down to what a test run can wait for; the tests say
how. Figures are those of one run each on a machine with two shared cores.
"""


VERSIONS = """The tests of scripts, client, worker and driver that need a server, on each. On a
cluster and behind sentinels those are not run that start a server of their own, or that a reason in
their mark `single` keeps to one server.

| server | passed | failed | not run |
|---|---|---|---|"""


def read_results(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the lines of some runs; the last run of a test, or on a version, counts."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    found = {one.get("test") or one["version"]: one for one in map(json.loads, lines)}
    return list(found.values())


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the page; raises ValueError for a row without a test and without a reason."""
    parts = [HEAD]
    for title, rows in ROWS.items():
        parts.append(f"## {title}\n")
        parts.append("| # | fault | redflow | passes when | shown |\n|---|---|---|---|---|")
        parts += [_line(number, row, _of(number, results)) for number, row in rows.items()]
        parts.append("")
    return "\n".join([*parts, *_versions(results)])


def _versions(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tests of scripts, client, worker and driver said on other servers."""
    found = sorted((one for one in results if "version" in one), key=lambda one: one["version"])
    return ["## Servers\n", VERSIONS, *map(_version, found), ""]


def _version(one: Mapping[str, Any]) -> str:
    cells = (one["version"], f"{one['passed']:,}", one["failed"], one.get("single", 0))
    return f"| {' | '.join(map(str, cells))} |"


def _of(number: int, results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(
        (one for one in results if number in one.get("rows", ())), key=lambda one: one["test"]
    )


def _line(number: int, row: Row, shown: Sequence[Mapping[str, Any]]) -> str:
    cell = "<br>".join(_shown(name, of) for name, of in _by_function(shown).items())
    if row.without:
        cell = f"not shown: {row.without}"
    elif not shown:
        raise ValueError(f"row {number} ({row.fault}) has neither a test nor a reason")
    return f"| {number} | {row.fault} | {row.answer} | {row.passes} | {cell} |"


def _by_function(shown: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The cases of one test function together."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in shown:
        path, _, name = one["test"].rpartition("::")
        place = f"{Path(path).stem}::{name.partition('[')[0]}"
        found.setdefault(place, []).append(one)
    return found


def _shown(name: str, cases: Sequence[Mapping[str, Any]]) -> str:
    failed = [one["test"] for one in cases if one["outcome"] != "passed"]
    told = [_figures(one["figures"]) for one in cases if one["figures"]]
    count = f" x{len(cases)}" if len(cases) > 1 else ""
    text = f"`{name}`{count}" + (": " + "; ".join(dict.fromkeys(told)) if told else "")
    return f"{text} **FAILED {len(failed)}**" if failed else text


def _figures(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in figures.items())


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else str(value).replace("|", "/")


if __name__ == "__main__":
    PAGE.write_text(page(read_results(map(Path, sys.argv[1:]))), encoding="utf-8")
