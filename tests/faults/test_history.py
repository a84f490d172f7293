"""Random histories under random faults keep every invariant, and each planted bug breaks one.

A run has its own server, three worker processes behind a proxy, and clients that repeat and cancel;
leases are 1.2 s instead of 30 s, so what faults cost is short. See tests/faultkit/checker.py.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faultkit.checker import check
from tests.faultkit.history import History
from tests.faultkit.planted import BUGS
from tests.faultkit.pods import Pods
from tests.faultkit.trial import Size, trial
from tests.faultkit.workload import FEW

CLEAN_SEEDS = range(100, 120)
"""Seeds of the long run; raise it as high as you have time."""

SEEDS_OF_A_BUG = 12
SHORT = Size(executions=15, workers=2, acts=2, pause=0.3, span=0.8)
FEWER = Size(executions=18, span=1.0, patience=12.0)


@pytest.fixture(scope="module")
def pods() -> Iterator[Pods]:
    """Return the warm parent of all worker processes of this file."""
    with Pods() as made:
        yield made


def describe(history: History, seed: int) -> str:
    """What was done to a run, for whoever must find out why it failed."""
    done = [(one.what, one.pid) for one in history.causes]
    return f"seed {seed}, faults {done}"


@pytest.mark.process
@pytest.mark.parametrize(("seed", "menu"), [(1, ("kill", "cut_replies")), (2, ("term", "flush"))])
async def test_a_short_history_keeps_every_invariant(
    seed: int, menu: tuple[str, ...], pods: Pods, tmp_path: Path
):
    history = await trial(seed, pods, tmp_path, menu=menu, size=SHORT)
    assert check(history) == [], describe(history, seed)
    assert [one.what for one in history.causes] == list(menu)


@pytest.mark.fault
@pytest.mark.timeout(600)
@pytest.mark.row(41)
@pytest.mark.row(45)
def test_histories_under_random_faults_keep_every_invariant(pods: Pods, tmp_path: Path, measured):
    """Rows 41 and 45 ask for joins and signals that are met exactly once, whatever is repeated."""
    met: Counter[str] = Counter()
    for seed in CLEAN_SEEDS:
        history = asyncio.run(trial(seed, pods, tmp_path))
        assert check(history) == [], describe(history, seed)
        met.update(one.what for one in history.causes)
        met["executions"] += len(history.executions)
        met["attempts"] += sum(line.word == "begin" for line in history.lines)
        met["joins"] += joins_of(history)
        met["signals"] += len({(x.execution, x.key) for x in history.asked if x.what == "signal"})
    assert met["joins"] > 100
    assert met["signals"] > 50
    measured(seeds=len(CLEAN_SEEDS), broken=0, **met)


def joins_of(history: History) -> int:
    """How many steps with several parents were settled."""
    return sum(
        len(seen.node(step.step).parents) > 1 and step.kind in "CFSX"
        for seen in history.executions.values()
        for step in seen.raw.steps
    )


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_breaks_an_invariant(bug: str, pods: Pods, tmp_path: Path):
    expected = set(BUGS[bug].finds.split())
    # What is taken over wrongly is seen at once; what never ends must be waited for.
    size = replace(FEWER, patience=2.0) if BUGS[bug].long > FEW else FEWER
    found: set[str] = set()
    for seed in range(1, SEEDS_OF_A_BUG + 1):
        menu = BUGS[bug].nemesis.split()
        broken = check(asyncio.run(trial(seed, pods, tmp_path, menu=menu, bug=bug, size=size)))
        found |= {sentence.partition(":")[0] for sentence in broken}
        if found & expected:
            return
    pytest.fail(f"after {SEEDS_OF_A_BUG} seeds none of {expected} is broken, only {found}")
