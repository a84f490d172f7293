"""A schedule in an empty partition, and calls to its scripts, for their tests."""

from typing import Any

from redflow.cron.decision import Decision, Skipped
from redflow.cron.schedule import Definition, RawSchedule
from redflow.store import schedules
from redflow.store.schedules import Fired
from tests.store.arrange import QUEUES, Scene, flow, pack
from tests.store.support import EPOCH, Store

INPUT = pack("in")
TICK = EPOCH // 1000
"""The tick that a schedule waits for at first, in seconds."""

DEFINITION = Definition(workflow="wf", cron="* * * * * *")


def definition(**changes: Any) -> Definition:
    """What the schedule of these tests says, but for changes."""
    return Definition(**{"workflow": "wf", "cron": "* * * * * *", **changes})


class Ticking:
    """A partition with one workflow, `wf`, and questions about schedule `s`."""

    def __init__(self, store: Store, scene: Scene | None = None) -> None:
        self.store = store
        self.scene = scene or Scene(store, flow("a>b"))

    def put(
        self, says: Definition = DEFINITION, *, id: str = "s", digest: str = "d1", next: int = TICK,
        due: int | None = None, **given: Any,
    ) -> str:  # fmt: skip
        """Keep a schedule."""
        usual = {"input": INPUT, "input_digest": "digest", "meta": b"", "headers": b""}
        due = next * 1000 if due is None else due
        op = schedules.put_schedule(
            self.store.space, self.store.partition, id, says, digest=digest, next=next, due=due,
            **{**usual, **given},
        )  # fmt: skip
        return self.store.run(op)

    def read(self, id: str = "s") -> RawSchedule | None:
        """The schedule as it stands."""
        return self.store.run(schedules.read_schedule(self.store.partition, id))

    def there(self) -> RawSchedule:
        """The schedule, which is there."""
        found = self.read()
        assert found is not None
        return found

    def fire(
        self, *ticks: int, skipped: tuple[Skipped, ...] = (), next: int | None = None,
        schedule: RawSchedule | None = None, plan: str | None = "", **given: Any,
    ) -> Fired:  # fmt: skip
        """Start executions of ticks and move on, by default to the one behind them."""
        following = TICK + len(ticks) if next is None else next
        op = schedules.fire_schedule(
            self.store.space, self.store.partition, schedule or self.there(),
            Decision(ticks, skipped, following, following * 1000),
            inputs=given.pop("inputs", [INPUT] * len(ticks)),
            plan=self.scene.plan.hash if plan == "" else plan, queues=QUEUES,
        )  # fmt: skip
        return self.store.run(op)

    def pause(self, *, on: bool = True, **given: Any) -> str:
        """Hold the schedule, or let it go on."""
        op = schedules.pause_schedule(
            self.store.space, self.store.partition, "s", on=on, **{"note": b"note", **given}
        )
        return self.store.run(op)

    def delete(self) -> bool:
        """Forget the schedule."""
        return self.store.run(
            schedules.delete_schedule(self.store.space, self.store.partition, "s")
        )

    def due(self) -> dict[str, float]:
        """When each schedule is due, in ms; the sentinel is left out."""
        words = ("ZRANGE", self.store.key("schedules"), 0, -1, "WITHSCORES")
        flat = self.store.command(*words)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {one.decode(): float(score) for one, score in pairs if one != b"~"}

    def executions(self) -> list[str]:
        """Ids of the unfinished executions."""
        return sorted(self.store.zset("live"))
