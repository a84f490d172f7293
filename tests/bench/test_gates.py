"""No change makes a step cost 15 % more unnoticed: steady figures beside the recorded ones.

The gate runs in a process of its own, without coverage and without the guard of declared keys.
A figure that has risen is measured three times, and the least counts. Ten runs of one look each,
on two cores with a load of 5 to 6: calls, lines, commands, bytes and memory were at most 3.2 %
above what was recorded (kept blocks: 0.04 a step); the CPU of Redis moved between 2.82 and 3.29
rows a step, that of the worker between 2.42 and 3.05. In the two runs that were left alone (a share
of 0.99) they were 2.82 to 2.90 and 2.42 to 2.61. So CPU is held to the 15 % where the machine is
quiet and to 40 % where it is not; all else is held to the 15 % everywhere.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from bench.baseline import CPU, ELSEWHERE, FILE, RISE, SLACK, limit_of, recorded_for, rises
from bench.steady import SHARE
from tests.support.tree import ROOT

RECORDED: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
ABSOLUTE = {"bytes/queued execution": 550, "bytes/finished execution": 600, "idle commands/s": 2}
SECONDS = 55


def run(module: str, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of a program."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_nothing_costs_more_than_recorded():
    code, found = run("bench", "gate", "--json")
    assert found["risen"] == {}, found
    assert code == 0
    assert set(found["figures"]) == set(found["recorded"]), "run: python -m bench baseline"


@pytest.mark.slow
def test_what_is_made_worse_on_purpose_is_noticed():
    code, found = run("tests.bench.planted", "--only", "costs,calls")
    assert code == 1
    assert {
        "commands/step",
        "commands inside Redis/step",
        "worker CPU/step, in rows",
        "Python calls/step",
        "Python lines/step",
    } <= set(found["risen"]), found


@pytest.mark.parametrize("name", sorted({*next(iter(RECORDED.values()))} - {SHARE}))
def test_a_rise_of_more_than_15_percent_is_noticed_and_less_is_not(name: str):
    for figures in RECORDED.values():
        limit = limit_of(name, figures[name])
        assert rises({name: limit * 1.001}, figures) != {}
        assert rises({name: limit * 0.999}, figures) == {}
        assert name in SLACK or limit == pytest.approx(1.15 * figures[name])


@pytest.mark.parametrize("name", CPU)
def test_cpu_may_be_more_where_others_fight_for_the_machine_but_not_much_more(name: str):
    recorded = {name: 2.0}
    assert rises({name: 2.6, SHARE: 0.4}, recorded) == {}
    assert rises({name: 2.6, SHARE: 0.95}, recorded) == {name: pytest.approx(1.3)}
    assert rises({name: 3.0, SHARE: 0.4}, recorded) == {name: pytest.approx(1.5)}


def test_counts_and_bytes_may_not_be_more_even_there():
    recorded = {"commands/step": 1.0, "bytes on the wire/step": 100.0}
    assert set(
        rises({name: 1.16 * was for name, was in recorded.items()} | {SHARE: 0.1}, recorded)
    ) == set(recorded)


def test_a_figure_that_was_never_recorded_counts_as_risen():
    assert list(rises({"of a new kind": 0.1}, {})) == ["of a new kind"]


def test_an_unknown_server_is_held_to_the_largest_figures_and_more_is_allowed():
    figures, rise = recorded_for({"server": "redis 99.0", "python": "3.11"})
    assert rise == ELSEWHERE > RISE
    assert all(figures[name] >= value for one in RECORDED.values() for name, value in one.items())


@pytest.mark.parametrize("name", sorted(ABSOLUTE))
def test_what_is_recorded_meets_the_absolute_gates(name: str):
    for figures in RECORDED.values():
        assert figures[name] <= ABSOLUTE[name]
