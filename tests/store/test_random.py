"""Random workflows, random calls, every misfortune: scripts and reference agree after each call."""

import pytest
import redis

from tests.store.driving import SIZES, Drive, limits_of
from tests.store.support import Store, fake_client
from tests.store.tally import TALLY, Tally

EXECUTIONS = 12
IN_MEMORY, ON_SERVER, AT_LENGTH = 1, 34, 300
"""Seeds for each size of a call."""
ENOUGH = 2_000
"""Executions of random workflows that every run of the whole suite compares."""
ANSWERS = {
    "start ok", "start dup", "start conflict", "start moved", "start inactive", "start unknown",
    "advance 0", "advance 1", "advance 2", "advance 3", "advance 4", "advance 5",
    "claim drop 0", "claim drop 1", "extend ok", "extend lost", "extend stop",
    "reclaim moved", "reclaim lost", "reclaim cancelled", "reclaim held", "reclaim busy",
    "bump_epoch ok", "bump_epoch same",
    "promote done", "promote early", "promote order f", "promote order k", "promote order w",
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_scripts_agree_with_the_reference_in_memory(size: tuple[int, int], namespace: str) -> None:
    client = fake_client()
    drive(client, namespace, size, IN_MEMORY)
    client.close()


@pytest.mark.server
@pytest.mark.timeout(300)
def test_scripts_agree_with_the_reference_on_a_server(server: redis.Redis, namespace: str) -> None:
    """A test that never meets a misfortune proves nothing about it: every answer must be heard."""
    tallies = [drive(server, namespace, size, ON_SERVER) for size in SIZES]
    assert sum(tally.runs for tally in tallies) >= ENOUGH
    assert {answer for answer in ANSWERS if not any(t.answers[answer] for t in tallies)} == set()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("size", SIZES)
def test_scripts_agree_with_the_reference_at_length(
    size: tuple[int, int], server: redis.Redis, namespace: str
) -> None:
    drive(server, namespace, size, AT_LENGTH, first=1000)


def drive(
    client: redis.Redis, namespace: str, size: tuple[int, int], seeds: int, first: int = 0
) -> Tally:
    """Run some seeds of a size; the same number is the same run on every server."""
    tally = Tally()
    for seed in range(first, first + seeds):
        store = Store(client, namespace, limits_of(size))
        drive = Drive(store, seed, executions=EXECUTIONS)
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
