"""Whole workers in one thread, faults at every call: what was acknowledged ends, and only once."""

from collections import Counter
from collections.abc import Iterator

import pytest

from redflow.store import script
from tests.simulation.plants import PLANTS
from tests.simulation.pods import Nemesis
from tests.simulation.run import Result, simulate
from tests.simulation.servers import Connect, memory
from tests.simulation.wire import KINDS

IN_MEMORY = range(5)
ON_A_SERVER = range(100, 125)
TWICE = range(30)
MANY = range(1_000, 2_000)
"""Raise its end for a longer run: a thousand seeds take about three minutes of one core."""
CHUNKS = 4

PATIENCE = 60
"""Seeds within which a planted fault must be found."""


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Return what plants faults; the scripts are sound again afterwards."""
    with pytest.MonkeyPatch.context() as made:
        yield made
    script.load_script.cache_clear()


def clean(connect: Connect, seed: int) -> Result:
    """Run a seed; a failure tells its seed and how it went, which is the same once more."""
    result = simulate(connect, seed)
    if result.problems:
        pytest.fail(str(simulate(connect, seed, keep=True)), pytrace=False)
    return result


@pytest.mark.parametrize("seed", IN_MEMORY)
def test_everything_ends_once_in_memory(seed: int) -> None:
    assert clean(memory(), seed).calls > 100


@pytest.mark.server
def test_everything_ends_once_on_a_server(own_server: Connect) -> None:
    assert sum(clean(own_server, seed).calls for seed in ON_A_SERVER) > 5_000


@pytest.mark.server
def test_the_same_seed_is_the_same_history_on_a_fake_and_on_a_server(own_server: Connect) -> None:
    for seed in range(3):
        first = simulate(own_server, seed, keep=True)
        second = simulate(memory(), seed, keep=True)
        assert first.history.lines == second.history.lines


def test_another_seed_is_another_history() -> None:
    histories = {simulate(memory(), seed, keep=True).history.digest for seed in (2, 3)}
    assert len(histories) == 2


@pytest.mark.fault
@pytest.mark.server
@pytest.mark.timeout(300)
def test_the_same_seed_is_the_same_history(own_server: Connect) -> None:
    for seed in TWICE:
        first, second = (simulate(own_server, seed, keep=True).history for _ in range(2))
        assert len(first.lines) > 100
        assert "\n".join(first.lines) == "\n".join(second.lines)


@pytest.mark.fault
@pytest.mark.server
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_everything_ends_once_in_a_thousand_runs(chunk: int, own_server: Connect) -> None:
    calls, faults = 0, Counter[str]()
    for seed in MANY[chunk::CHUNKS]:
        result = clean(own_server, seed)
        calls += result.calls
        faults.update(result.faults)
    print(f"{len(MANY) // CHUNKS} seeds, {calls} calls, faults {dict(faults)}")
    assert len(faults) == len(KINDS) + len(Nemesis.ACTS), "a kind of fault never came"
    assert min(faults.values()) > 20, "a kind of fault hardly ever came"


@pytest.mark.fault
@pytest.mark.server
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", PLANTS)
def test_a_planted_fault_is_found(bug: str, patch: pytest.MonkeyPatch, own_server: Connect) -> None:
    PLANTS[bug](patch)
    assert any(finds_something(own_server, seed) for seed in range(PATIENCE))


def finds_something(connect: Connect, seed: int) -> bool:
    """Run a seed; what the code under test cannot survive is a finding as well."""
    try:
        return bool(simulate(connect, seed).problems)
    except Exception:
        return True
