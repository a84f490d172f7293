"""Random workflows, random calls, every misfortune: scripts and reference agree after each call."""

import pytest
import redis

from redflow.model.event import EVENT_TYPES
from tests.store.driving import SIZES, Drive, limits_of
from tests.store.support import Store, fake_client
from tests.store.tally import TALLY, Tally

EXECUTIONS = 12
FEWER = 5
"""Executions to start in memory, where a call takes ten times as long."""
IN_MEMORY, ON_SERVER, AT_LENGTH, IN_MEMORY_AT_LENGTH = 1, 34, 300, 60
"""Seeds for each size of a call."""
PARTS = 10
"""Tests that a long run is cut into, so that several processes share it."""
ENOUGH = 2_000
"""Executions of random workflows that every run of the whole suite compares."""
MANY = 80
"""Executions that each part of a long run in memory compares: about 125, 5,000 over all."""
ANSWERS = {
    name + " " + word
    for name, words in {
        "start": "ok dup conflict moved inactive unknown",
        "child": "ok dup stale gone cancelled unknown inactive moved conflict deep",
        "advance": "0 1 2 3 4 5",
        "outcome": "c f r l n t s",
        "claim": "drop-0 drop-1",
        "extend": "ok lost stop",
        "reclaim": "moved lost cancelled held busy",
        "bump_epoch": "ok same",
        "promote": "done early gone",
        "fired": "w f k d x c p",
        "stop-c": "ok dup late gone",
        "stop-f": "ok dup late gone",
        "signal": "delivered buffered dup late full gone",
        "pause": "ok dup late gone",
        "resume": "ok dup late gone",
        "pause-queue": "ok dup",
        "resume-queue": "ok dup",
        "pause-workflow": "ok dup unknown",
        "resume-workflow": "ok dup unknown",
        "pause-namespace": "ok dup",
        "resume-namespace": "ok dup",
        "skip": "ok settled not_ready late gone",
        "rerun": "ok dup conflict running gone inactive unknown",
        "purge": "purged live early kept gone",
        "event": " ".join(set(EVENT_TYPES.values()) - {"step.started", "schedule.skipped"}),
    }.items()
    for word in words.split()
}
"""Every answer of every script, every kind of outcome, timer and event; `step.started` is a note
that workers write themselves.
"""


@pytest.mark.parametrize("size", SIZES)
def test_scripts_agree_with_the_reference_in_memory(size: tuple[int, int], namespace: str) -> None:
    client = fake_client()
    drive(client, namespace, size, IN_MEMORY, first=2, executions=FEWER)
    client.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("size", SIZES)
def test_scripts_agree_with_the_reference_in_memory_at_length(
    size: tuple[int, int], part: int, namespace: str
) -> None:
    client, seeds = fake_client(), IN_MEMORY_AT_LENGTH // PARTS
    assert drive(client, namespace, size, seeds, first=500 + part * seeds).runs >= MANY
    client.close()


@pytest.mark.server
@pytest.mark.timeout(600)
def test_scripts_agree_with_the_reference_on_a_server(server: redis.Redis, namespace: str) -> None:
    """A test that never meets a misfortune proves nothing about it: every answer must be heard."""
    tallies = [drive(server, namespace, size, ON_SERVER) for size in SIZES]
    assert sum(tally.runs for tally in tallies) >= ENOUGH
    assert {answer for answer in ANSWERS if not any(t.answers[answer] for t in tallies)} == set()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("size", SIZES)
def test_scripts_agree_with_the_reference_at_length(
    size: tuple[int, int], part: int, server: redis.Redis, namespace: str
) -> None:
    seeds = AT_LENGTH // PARTS
    drive(server, namespace, size, seeds, first=1000 + part * seeds)


def drive(
    client: redis.Redis, namespace: str, size: tuple[int, int], seeds: int, first: int = 0,
    executions: int = EXECUTIONS,
) -> Tally:  # fmt: skip
    """Run some seeds of a size; the same number is the same run on every server."""
    tally = Tally()
    for seed in range(first, first + seeds):
        store = Store(client, namespace, limits_of(size))
        drive = Drive(store, seed, executions=executions)
        try:
            runs = drive.run()
        except Exception as error:
            error.add_note(f"seed {seed}, edge budget and page {size}")
            raise
        store.clear()
        for one in (tally, TALLY):
            one.runs, one.seeds, one.calls = (
                one.runs + runs,
                one.seeds + 1,
                one.calls + drive.pair.calls,
            )
            one.answers += drive.pair.answers
    return tally
