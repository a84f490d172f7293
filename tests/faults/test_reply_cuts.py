"""Row 16: a script whose reply is lost, once or several times, leaves what it leaves without that.

Random runs on one partition and on a namespace's records, through the real drivers, a real socket
and a proxy. After every call the partition and its events equal a reference that was called once;
at the end every key equals that of the same run without cuts.

Two calls go on when they are repeated, by design, and so are not cut here: a claim of fewer steps
than there are (the others wait in the worker's pending list, see row 17), and, where calls are so
small that orders take several, the call that carries out orders. tests/store/test_random.py repeats
both beside a reference that does so too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from redflow.store.script import script_names
from tests.faultkit.cutting import Ask, Askers, CutDrive, CutStore, Cutter, Registry, load_all
from tests.faultkit.dump import differences, dump
from tests.faultkit.proxy import Proxy
from tests.store.driving import SIZES, limits_of
from tests.support.clients import server_client

ENOUGH = 12_000
EACH = 20
"""Cuts of every script at least."""
MOST_SCRIPTS = 24
"""Scripts that even a short run cuts."""
REGISTRY_CALLS = 150
EXECUTIONS = 6

Run = Callable[[CutStore, int], None]


@pytest.fixture
def client(server_url: str) -> Iterator[redis.Redis]:
    """Return a client that is never cut; the server knows every script."""
    made = server_client(server_url)
    load_all(made)
    yield made
    made.close()


@pytest.fixture
def proxy(server_url: str) -> Iterator[Proxy]:
    with Proxy(server_url) as made:
        yield made


@pytest.fixture
def askers(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Ask]]:
    """Return both drivers, which wait for nothing between two tries."""
    monkeypatch.setattr("redflow.driver.backoff.LONGEST_WAIT", 0.0)
    with Askers(proxy.url) as made:
        yield made


class Runs:
    """Pairs of runs of one seed; counts the cuts of each script, and fails at a difference."""

    def __init__(
        self, client: redis.Redis, namespace: str, proxy: Proxy, askers: dict[str, Ask]
    ) -> None:
        self._client, self._namespace = client, namespace
        self._proxy, self._askers = proxy, askers
        self.cuts: Counter[str] = Counter()
        self.calls = 0

    def pair(self, run: Run, seed: int, size: tuple[int, int], driver: str) -> None:
        """Make a run without cuts and the same with them, and compare."""
        cutter = Cutter(self._proxy, seed, paged=size != SIZES[0])
        try:
            kept, heard = self._one(run, seed, size, driver, None)
            cut, heard_cut = self._one(run, seed, size, driver, cutter)
            found = differences(kept, cut)
            assert not found, "\n".join(found)
            assert heard == heard_cut
        except Exception as error:
            error.add_note(f"seed {seed}, edge budget and page {size}, {driver}")
            raise
        self.cuts += cutter.cuts

    def _one(
        self, run: Run, seed: int, size: tuple[int, int], driver: str, cutter: Cutter | None
    ) -> tuple[dict[str, Any], list[Any]]:
        ask = self._askers[driver]
        store = CutStore(self._client, self._namespace, limits_of(size), ask, cutter)
        try:
            run(store, seed)
            self.calls += store.calls
            return dump(self._client, self._namespace), store.answers()
        finally:
            store.clear()


def drive(store: CutStore, seed: int) -> None:
    """Run random executions to their end."""
    assert CutDrive(store, seed, executions=EXECUTIONS).run() >= EXECUTIONS


def register(store: CutStore, seed: int) -> None:
    """Make random calls on the records of the namespace."""
    Registry(store, seed).run(REGISTRY_CALLS)


@pytest.fixture
def runs(client: redis.Redis, namespace: str, proxy: Proxy, askers: dict[str, Ask]) -> Runs:
    return Runs(client, namespace, proxy, askers)


@pytest.mark.server
@pytest.mark.row(16)
def test_lost_replies_change_nothing_in_a_short_run(
    runs: Runs, measured: Callable[..., None]
) -> None:
    runs.pair(drive, 1, SIZES[0], "async driver")
    runs.pair(drive, 8, SIZES[1], "driver")
    runs.pair(register, 3, SIZES[0], "driver")
    measured(cuts=runs.cuts.total(), calls=runs.calls, differences=0)
    assert runs.cuts.total() > 300
    assert len(runs.cuts) >= MOST_SCRIPTS


@pytest.mark.fault
@pytest.mark.row(16)
@pytest.mark.timeout(1800)
def test_lost_replies_change_nothing_in_any_script(
    runs: Runs, measured: Callable[..., None]
) -> None:
    seed = 100
    while runs.cuts.total() < ENOUGH or any(runs.cuts[name] < EACH for name in script_names()):
        driver = ("driver", "async driver")[seed % 2]
        runs.pair(drive, seed, SIZES[seed % len(SIZES)], driver)
        if seed % 4 == 0:
            runs.pair(register, seed, SIZES[0], driver)
        seed += 1
        assert runs.cuts.total() < 2 * ENOUGH, f"some script is hardly asked: {runs.cuts}"
    least, cuts = min((runs.cuts[name], name) for name in script_names()), runs.cuts.total()
    measured(
        cuts=cuts, scripts=len(script_names()), least_cut=f"{least[1]} {least[0]}",
        calls=runs.calls, differences=0,
    )  # fmt: skip
