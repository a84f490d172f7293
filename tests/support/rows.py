"""Collects what tests marked `row` show, for docs/faults.md: a line of JSON for each."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "REDFLOW_FAULTS_RESULTS"
"""The file that lines are appended to; nothing is written without it."""

FIGURES = pytest.StashKey[dict[str, Any]]()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return what a test states its figures to: `measured(takeovers=0, resume_s=1.2)`."""
    figures = request.node.stash.setdefault(FIGURES, {})

    def state(**named: Any) -> None:
        figures.update(named)

    return state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    path, marks = os.environ.get(VARIABLE), list(item.iter_markers("row"))
    ended = report.when == "call" or (report.when == "setup" and not report.passed)
    if path and marks and ended:
        line = {
            "rows": sorted({number for mark in marks for number in mark.args}),
            "test": item.nodeid,
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
            "figures": item.stash.get(FIGURES, {}),
        }
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return report
