"""The calls of schedules, for faults at the level of scripts: see calls.py."""

from collections.abc import Callable

from redflow.cron.decision import Skipped
from tests.store.arrange import Scene
from tests.store.ticking import TICK, Ticking, definition


def on_schedule(call: Callable[[Ticking], object]) -> Callable[[Scene], object]:
    """A schedule is due, and what it started a tick ago runs: something happens to it."""

    def run(scene: Scene) -> object:
        ticking = Ticking(scene.store, scene)
        ticking.put(definition(overlap="cancel"))
        ticking.fire(TICK, next=TICK)
        return call(ticking)

    return run


SCHEDULES: dict[str, Callable[[Scene], object]] = {
    "schedule": lambda scene: Ticking(scene.store, scene).put(),
    "other schedule": on_schedule(lambda ticking: ticking.put(digest="d2")),
    "tick": on_schedule(
        lambda ticking: ticking.fire(TICK + 1, skipped=(Skipped("missed", 1, 2, 2),))
    ),
    "schedule paused": on_schedule(lambda ticking: ticking.pause()),
    "schedule forgotten": on_schedule(lambda ticking: ticking.delete()),
}
