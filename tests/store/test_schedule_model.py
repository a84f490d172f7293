"""Random calls to the scripts of schedules beside a model; any call may come late and again."""

import math
from dataclasses import dataclass, field
from random import Random

import pytest

from redflow.cron.schedule import RawSchedule
from redflow.store.schedules import Fired
from tests.store.support import EPOCH, Store
from tests.store.ticking import Ticking, definition

CALLS = 150


@dataclass
class Kept:
    """A schedule as the model knows it; ticks are in seconds."""

    digest: str
    cron: str
    overlap: str
    next: int
    paused: bool = False
    last: int | None = None


@dataclass
class Model:
    """What one schedule and its executions should be."""

    kept: Kept | None = None
    started: set[int] = field(default_factory=set)
    unfinished: set[int] = field(default_factory=set)
    skipped: int = 0

    def put(self, digest: str, cron: str, overlap: str, next: int) -> str:
        before = self.kept
        if before is not None and before.digest == digest:
            return "unchanged"
        if before is not None and before.cron == cron:
            next = before.next
        self.kept = Kept(digest, cron, overlap, next)
        if before is not None:
            self.kept.paused, self.kept.last = before.paused, before.last
        return "replaced" if before else "created"

    def pause(self, *, on: bool, digest: str, next: int) -> str:
        if self.kept is None:
            return "gone"
        if self.kept.paused == on:
            return "unchanged"
        if not on:
            if self.kept.digest != digest:
                return "changed"
            self.kept.next = next
        self.kept.paused = on
        return "ok"

    def fire(self, read: Kept, now: int) -> tuple[str, list[str], list[int]]:
        """The word, what becomes of the tick, and which execution is to be cancelled."""
        if self.kept is None:
            return "gone", [], []
        if (self.kept.digest, self.kept.next) != (read.digest, read.next):
            return "passed", [], []
        if self.kept.paused:
            return "paused", [], []
        if read.next > now:
            return "early", [], []
        tick, self.kept.next = read.next, read.next + 1
        if tick in self.started:
            return "ok", ["dup"], []
        previous = read.last if read.overlap != "allow" else None
        if previous in self.unfinished and read.overlap == "skip":
            self.skipped += 1
            return "ok", ["overlap"], []
        self.started.add(tick)
        self.unfinished.add(tick)
        self.kept.last = tick
        return "ok", ["ok"], [previous] if previous in self.unfinished else []


class Both:
    """The scripts and the model, asked the same."""

    def __init__(self, ticking: Ticking, seed: int) -> None:
        self.ticking, self.model, self.rng = ticking, Model(), Random(seed)
        self.read: tuple[RawSchedule | None, Kept | None] = (None, None)
        self.words: set[str] = set()

    @property
    def now(self) -> int:
        return self.ticking.store.now // 1000

    def step(self) -> None:
        self.ticking.store.now += self.rng.choice([0, 0, 1000, 3000])
        self.rng.choice([self.put, self.pause, self.look, self.fire, self.fire, self.fire, self.end,
                         self.delete])()  # fmt: skip
        self.compare()

    def put(self) -> None:
        cron, overlap = self.rng.choice(["* * * * * *"] * 3 + ["*/2 * * * * *"]), self._overlap()
        digest, next = f"{cron} {overlap}", self.now + self.rng.choice([-5, 0, 1])
        word = self.ticking.put(definition(cron=cron, overlap=overlap), digest=digest, next=next)
        assert word == self.model.put(digest, cron, overlap, next)

    def pause(self) -> None:
        on, kept = self.rng.random() < 0.3, self.model.kept
        digest = kept.digest if kept and self.rng.random() < 0.8 else "other"
        given = {"on": on, "digest": digest, "next": self.now}
        word = self.ticking.pause(**given, due=self.now * 1000)
        assert word == self.model.pause(**given)
        self.words.add(f"pause {word}")

    def look(self) -> None:
        """A worker reads the schedule; it may fire it later, and more than once."""
        kept = self.model.kept
        self.read = (self.ticking.read(), None if kept is None else Kept(**vars(kept)))

    def fire(self) -> None:
        if self.read[0] is None or self.rng.random() < 0.5:
            self.look()
        raw, kept = self.read
        if raw is None or kept is None:
            return
        fired = self.ticking.fire(raw.next, schedule=raw, next=raw.next + 1)
        word, ticks, cancelled = self.model.fire(kept, self.now)
        assert fired == Fired(word, "", [f"c:s.{tick}" for tick in cancelled], ticks)
        orders = fired.orders
        while orders:
            _, orders = self.ticking.scene.promote(*orders)
        self.model.unfinished -= set(cancelled)
        self.words |= {word, *ticks, *(["cancelled"] if cancelled else [])}

    def end(self) -> None:
        """An execution is cancelled."""
        if self.model.unfinished:
            tick = self.rng.choice(sorted(self.model.unfinished))
            orders = self.ticking.scene.stop("c", execution=f"s.{tick}").orders
            while orders:
                _, orders = self.ticking.scene.promote(*orders)
            self.model.unfinished.remove(tick)

    def delete(self) -> None:
        if self.rng.random() < 0.3:
            assert self.ticking.delete() == (self.model.kept is not None)
            self.model.kept = None

    def compare(self) -> None:
        kept, found = self.model.kept, self.ticking.read()
        assert self.ticking.executions() == sorted(f"s.{one}" for one in self.model.unfinished)
        if kept is None:
            assert (found, self.ticking.due()) == (None, {})
            return
        assert found is not None
        last = None if kept.last is None else f"s.{kept.last}"
        assert (found.digest, found.next, found.last) == (kept.digest, kept.next, last)
        due = math.inf if kept.paused else kept.next * 1000
        assert (found.paused is not None, self.ticking.due()) == (kept.paused, {"s": due})

    def _overlap(self) -> str:
        return self.rng.choice(["allow", "skip", "cancel"])


@pytest.mark.row(48)
def test_random_calls_mean_what_the_model_says(store: Store, measured) -> None:
    words: set[str] = set()
    for seed in range(6):
        store.clear()
        store.now = EPOCH
        both = Both(Ticking(store), seed)
        for _ in range(CALLS):
            both.step()
        assert both.ticking.scene.problems() == []
        skipped = [e for e in both.ticking.scene.events() if e[0] == 22]
        assert len(skipped) == both.model.skipped
        words |= both.words
    measured(calls=6 * CALLS, words=len(words))
    assert words >= {
        "ok", "gone", "passed", "paused", "early", "dup", "overlap", "cancelled", "pause ok",
        "pause gone", "pause unchanged", "pause changed",
    }  # fmt: skip
