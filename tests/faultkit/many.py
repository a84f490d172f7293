"""Thousands of executions of one workflow in one partition, moved on by calls of the scripts."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from redflow.model.event import EventKind
from redflow.model.workflow import Workflow
from redflow.store import executions, sweeps
from redflow.store.executions import Start
from redflow.store.op import Word
from redflow.store.steps import Claim
from redflow.store.sweeps import Swept
from tests.store.arrange import META, QUEUES, Report, Scene
from tests.store.support import Store

T = TypeVar("T")
PAGE = 100
ENDS = {EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED}
LOST = b"\x81\xa6reason\xabworker_lost"


class Many(Scene):
    """One published workflow, and as many executions of it as are asked for."""

    def __init__(self, store: Store, workflow: Workflow) -> None:
        super().__init__(store, workflow)
        self.workflow = workflow.id
        self.ids: list[str] = []

    def start(self, count: int) -> list[str]:
        """Start so many; answers their ids."""
        ids = [f"x{len(self.ids) + number}" for number in range(count)]
        self.ids += ids
        for page in pages(ids):
            op = executions.start_executions(
                self.store.space, self.store.partition,
                [Start(one, 1, 1, b"\x01", "digest") for one in page],
                workflows=[self.workflow], plans=[self.plan.hash], queues=QUEUES,
            )  # fmt: skip
            words, orders = self.store.run(op)
            assert set(words) == {"ok"}
            self.carry_out(orders)
        return ids

    def claim(self, count: int, worker: str = "w1", queue: str = "default") -> list[Claim]:
        """Claim so many steps, fewer when there are no more."""
        return list(self.advance(claims={queue: count}, worker=worker).claims)

    def settle(self, claims: Sequence[Claim], kind: str = "c", **given: Any) -> list[int]:
        """Report steps, a hundred a call; answers the codes."""
        codes: list[int] = []
        for page in pages(claims):
            reply = self.advance(*(self.report(one, kind, **given) for one in page))
            codes += reply.codes
            self.carry_out(reply.orders)
        return codes

    def report(self, claim: Claim, kind: str = "c", **given: Any) -> Report:
        """What a worker says of a step it has claimed."""
        e = claim.envelope
        counts = f"{e.attempt},{e.deliveries},{e.releases}"
        meta = META.replace("1,0,0,default", f"{counts},{QUEUES[claim.queue - 1]}")
        node = self.plan.step(e.step).id
        return Report(claim.token, node, kind, meta=meta, execution=e.execution, **given)

    def carry_out(self, orders: Sequence[str]) -> None:
        """Carry out orders, and theirs, until there are none."""
        todo = list(orders)
        while todo:
            page, todo = todo[:PAGE], todo[PAGE:]
            todo += self.sweep(*page).orders

    def fire_if_set(self, member: str) -> None:
        """Fire a timer, if it is set, and let it be due first."""
        if member in self.store.zset("timers"):
            self.carry_out(self.fire(member))

    def reclaim(
        self, tokens: Sequence[tuple[str, str]], *, lease: int = 30_000, deliveries: int = 5
    ) -> Swept:
        """Take over tokens (token, execution) of the first queue whose lease has run out."""
        ids = list(dict.fromkeys(execution for _, execution in tokens))
        rows: list[Word] = []
        for token, execution in tokens:
            rows += [token, 1, ids.index(execution) + 1]
        op = sweeps.reclaim_leases(
            self.store.space, self.store.partition, lease=lease, deliveries_limit=deliveries,
            lost_error=LOST, queues=QUEUES, executions=ids, plans=[self.plan.hash], leases=rows,
        )  # fmt: skip
        return self.store.run(op)

    def all_events(self) -> dict[str, list[tuple[int, int, Any]]]:
        """Number, kind and step of each event, by execution, in order."""
        found: dict[str, list[tuple[int, int, Any]]] = {}
        for _, fields in self.store.entries("events"):
            for kind, execution, number, step, _ in msgspec.msgpack.decode(fields["e"]):
                found.setdefault(execution, []).append((number, kind, step))
        return {one: sorted(events, key=lambda e: e[0]) for one, events in found.items()}

    def ended_twice_or_never(self) -> list[str]:
        """Executions that have not exactly one end, at the end of all their events."""
        wrong, events = [], self.all_events()
        for one in self.ids:
            ends = [at for at, event in enumerate(events[one], 1) if event[1] in ENDS]
            numbers = [number for number, _, _ in events[one]]
            if ends != [len(events[one])] or numbers != list(range(1, len(numbers) + 1)):
                wrong.append(f"{one}: {events[one]}")
        return wrong


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Items a hundred at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))
