"""Faults to put into redflow, which a simulation must find."""

from collections.abc import Callable
from typing import Any

import pytest

from redflow.driver.single import _async as single_async
from redflow.driver.single import _sync as single_sync
from redflow.store import script
from redflow.store.epoch import Server, read_server
from redflow.worker.heartbeat import Heartbeat
from redflow.worker.outage import Outage
from redflow.worker.pump import Pump
from redflow.worker.sweeper import Sweeper
from tests.store.bugs import BUGS

Plant = Callable[[pytest.MonkeyPatch], None]

IN_SCRIPTS = (
    "a join runs one edge early",
    "tokens are not fenced",
    "a completed step stays live",
    "the order for owed edges is lost",
    "the end of a child is not handed over",
    "owed edges do not count as live",
    "a new epoch is not told",
    "a skip does not spread",
    "a reclaimed step keeps its old token",
    "a signal leaves the timeout of its step",
)
"""Of those that tests/store/bugs.py lists."""


def in_script(bug: str) -> Plant:
    """Replace one text of a script."""
    name, sound, faulty = BUGS[bug]

    def plant(patch: pytest.MonkeyPatch) -> None:
        plain = script.read_source
        assert plain(name).count(sound) == 1, f"lua/{name}: {sound!r} is not there once"
        patch.setattr(
            script,
            "read_source",
            lambda asked: plain(asked).replace(sound, faulty) if asked == name else plain(asked),
        )
        script.load_script.cache_clear()

    return plant


def forget_what_failed(patch: pytest.MonkeyPatch) -> None:
    """A call that was not answered takes its outcomes with it."""

    async def failed(self: Pump, outbox: Any, batch: list[Any], error: Any) -> None:
        await self.outage.wait(error)

    patch.setattr(Pump, "_failed", failed)


def renew_nothing(patch: pytest.MonkeyPatch) -> None:
    """The heartbeat renews no lease, so steps that run long are taken over."""
    patch.setattr(Heartbeat, "_renewable", lambda self: {})


def reclaim_at_once(patch: pytest.MonkeyPatch) -> None:
    """The sweep takes leases over that were renewed a moment ago."""
    init = Sweeper.__init__

    def hasty(self: Sweeper, shared: Any) -> None:
        init(self, shared)
        self._settings = _Hasty(shared.settings)  # type: ignore[assignment]

    patch.setattr(Sweeper, "__init__", hasty)


class _Hasty:
    """The settings of a worker, with no lease at all."""

    lease = 0.0

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)


def see_one_history(patch: pytest.MonkeyPatch) -> None:
    """Drivers do not notice that the server has got another history."""
    first: list[Server | None] = []

    def read(info: bytes) -> Server | None:
        first.append(read_server(info))
        return first[0]

    for module in (single_async, single_sync):
        patch.setattr(module, "read_server", read)


def end_with_the_first_outage(patch: pytest.MonkeyPatch) -> None:
    """A part of a worker does not survive that Redis is away."""

    async def wait(self: Outage, error: Exception, keys: Any = ()) -> None:
        raise error

    patch.setattr(Outage, "wait", wait)


PLANTS: dict[str, Plant] = {
    **{bug: in_script(bug) for bug in IN_SCRIPTS},
    "outcomes of a lost call are forgotten": forget_what_failed,
    "leases are not renewed": renew_nothing,
    "living leases are taken over": reclaim_at_once,
    "a new history is not noticed": see_one_history,
    "an outage ends a worker": end_with_the_first_outage,
}
