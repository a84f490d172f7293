"""What step functions see: every attempt, from its begin to its end, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass

from redflow.model.plan import Plan
from redflow.nodes.context import Context
from redflow.store.space import Space
from tests.simulation.loop import POD, Loop
from tests.simulation.store import Store


@dataclass
class Seen:
    """One run of a step's function."""

    number: int
    execution: str
    node: str
    attempt: int
    token: tuple[str, str]
    """Its stream and its id."""
    pod: str
    began: float
    ended: float | None = None
    told: str = ""
    """Why it was ended from outside, as far as it heard."""


class Witness:
    """Watches attempts; `problems` are sentences."""

    def __init__(self, loop: Loop, store: Store, space: Space, plans: dict[str, Plan]) -> None:
        self._loop, self._store, self._space, self._plans = loop, store, space, plans
        self.seen: list[Seen] = []
        self.problems: list[str] = []
        self.lease = 0.0
        self.gives_back: Callable[[str], bool] = lambda pod: False
        """Whether a pod was told to stop."""
        self.troubled: Callable[[str], bool] = lambda pod: True
        """Whether anything kept a pod from renewing its leases."""

    def begin(self, ctx: Context) -> Seen:
        """A function is called."""
        plan = self._plans[ctx.workflow]
        queue = plan.step(plan.numbers[ctx.node_id]).queue
        token = (self._space.keys.partition_of(ctx.execution_id).ready(queue), ctx._token)
        one = Seen(
            len(self.seen), ctx.execution_id, ctx.node_id, ctx.attempt, token, POD.get(),
            self._loop.time(),
        )  # fmt: skip
        # A step that was claimed in a history that is over may know what is recorded no more.
        if token not in self._store.past:
            self._check_parents(one, plan)
            self._check_alone(one)
        self.seen.append(one)
        return one

    def end(self, one: Seen, ctx: Context) -> None:
        """It returns, or raises."""
        one.ended, one.told = self._loop.time(), ctx.ended_by

    def _check_parents(self, one: Seen, plan: Plan) -> None:
        step = plan.step(plan.numbers[one.node])
        before = [parent.step for parent in step.parents] + [step.undo_of] * (step.undo_of > 0)
        if not before:
            return
        key = self._space.keys.partition_of(one.execution).execution(one.execution)
        records = self._store.plain("HMGET", key, *(f"s{number}" for number in before))
        for number, record in zip(before, records, strict=True):
            if record is None or record[:1] not in (b"C", b"F", b"S", b"X"):
                self.problems.append(
                    f"{one.execution}: {one.node} began before {plan.step(number).id} was recorded"
                    f" ({record!r})"
                )

    def _check_alone(self, one: Seen) -> None:
        """Two attempts at once: only where the lease of one was over, or its pod stops."""
        if self._excused(one):
            return
        for other in self.seen:
            same = (other.execution, other.node) == (one.execution, one.node)
            if not same or other.ended is not None or self._excused(other):
                continue
            self.problems.append(
                f"{one.execution}: {one.node} runs twice at once: {other.pod} since"
                f" {other.began:.3f}, and {one.pod} from {one.began:.3f}"
            )

    def _excused(self, other: Seen) -> bool:
        renewed = self._store.renewed.get(other.token, 0.0)
        over = self._loop.time() >= renewed + self.lease - 1e-6 and self.troubled(other.pod)
        return over or other.token in self._store.past or self.gives_back(other.pod)
