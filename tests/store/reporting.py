"""What workers make of the steps they claim: outcomes of every kind, and children."""

from dataclasses import dataclass
from random import Random

import msgspec

from redflow.model.ids import child_id, root_of
from redflow.model.plan import Plan, PlanStep
from redflow.model.routing import not_taken
from redflow.store.executions import pack_value
from tests.store.operating import OperatedPair
from tests.store.state import COMPENSATING, Outcome, Token

pack = msgspec.msgpack.encode
NAMES = ("go", "data")
"""Signals that steps wait for."""
NESTED = 3
"""How deep children go, but for executions that nest until they are refused."""


@dataclass(frozen=True)
class Temper:
    """How often steps of an execution do something else than complete."""

    fail: float = 0
    retry: float = 0
    release: float = 0
    sleep: float = 0
    signal: float = 0
    child: float = 0
    nest: bool = False


TEMPERS = (
    Temper(),
    Temper(fail=0.03, retry=0.1, release=0.05),
    Temper(fail=0.2, retry=0.2, release=0.1),
    Temper(fail=0.05, signal=0.5),
    Temper(fail=0.02, retry=0.02, release=0.02, sleep=0.1, signal=0.2, child=0.1),
    Temper(fail=0.1, retry=0.1, release=0.1, sleep=0.2, signal=0.1, child=0.2),
)


class Reporter:
    """Decides at random what becomes of a claimed step."""

    def __init__(self, rng: Random, pair: OperatedPair, children: int) -> None:
        self.rng = rng
        self.pair = pair
        self.children = children
        self.tempers: dict[str, Temper] = {}

    def value(self) -> bytes:
        """An input or output; the larger ones go by reference, some look like marks of a record."""
        length = self.rng.choice([0, 5, 5, 20, 37, 38, 39, 60, -1])
        return pack("v" * length if length >= 0 else "|1,\n@")

    def temper(self, execution: str) -> Temper:
        """The temper of a whole tree of executions and their reruns."""
        return self.tempers.get(root_of(execution), Temper())

    def outcome(self, token: Token) -> Outcome:
        """What a worker reports."""
        rng, temper = self.rng, self.temper(token.execution)
        step = self._step(token)
        meta = self.meta(token)
        kinds = {
            "f": temper.fail * (3 if step.undo_of else 1),
            "r": temper.retry if token.attempt < 4 else 0,
            "l": temper.release * 0.7 if token.releases < 4 else 0,
            "n": temper.release * 0.3 if token.releases < 4 else 0,
            "t": temper.sleep,
            "s": 0 if step.undo_of else temper.signal,
        }
        (kind,) = rng.choices([*kinds, "c"], [*kinds.values(), 1 - sum(kinds.values())])
        value, detail = self._said(kind, step)
        return Outcome(token, kind, meta, value, detail)

    def meta(self, token: Token) -> str:
        """Counts and times of an attempt."""
        counts = f"{token.attempt},{token.deliveries},{token.releases},{token.queue}"
        return f"{counts},{self.rng.randint(0, 99)},{self.rng.randint(0, 99)}"

    def not_taken(self, step: PlanStep) -> str:
        """Edges that a result does not take."""
        label = self.rng.choice([*step.labels, None])
        return not_taken(step, label, lambda _: self.rng.random() < 0.5)

    def _said(self, kind: str, step: PlanStep) -> tuple[bytes, str]:
        """Value and detail of an outcome."""
        rng, now = self.rng, self.pair.now
        if kind == "f":
            return b"=" + pack({"type": "Boom"}), rng.choice(["", "u"])
        if kind == "r":
            return b"=" + pack("again"), str(rng.choice([0, 1, 900]))
        if kind in "ln":
            return b"shutdown", rng.choice(["0", "1", "500"])
        if kind == "t":
            return b"", rng.choice(["+0", "+1", "+5000", f"@{now - 1}", f"@{now + 700}"])
        if kind == "s":
            return rng.choice(NAMES).encode(), rng.choice(["", "", "0", "900", "20000"])
        return pack_value(self.value(), self.pair.store.limits.inline_value), self.not_taken(step)

    # --- children

    def wants_child(self, token: Token) -> bool:
        """Whether a step starts a child instead of reporting; undo steps never do."""
        model = self.pair.model
        parent = model.executions.get(token.execution)
        if not parent:
            return self.rng.random() < 0.5
        if parent.phase == COMPENSATING or token.step > parent.plan.forward:
            return False
        temper = self.temper(token.execution)
        if temper.nest:
            prefix = f"{parent.id}."
            return not any(one.startswith(prefix) for one in model.executions)
        shallow = parent.depth < NESTED and self.children > 0
        return shallow and self.rng.random() < temper.child

    def start_child(self, token: Token, plans: list[tuple[str, Plan]]) -> tuple[bool, list[str]]:
        """Start a child; answers whether the step still holds its token, and orders."""
        rng, model = self.rng, self.pair.model
        self.children -= 1
        parent = model.executions.get(token.execution)
        node = parent.plan.step(token.step).id if parent else "n0"
        child = child_id(token.execution, node, token.attempt)
        if rng.random() < 0.05:
            child = rng.choice(
                [one for one in model.executions if one != token.execution] or [child]
            )
        name, plan = rng.choice(plans)
        given = rng.choice(plans)[1].hash if rng.random() < 0.1 else plan.hash
        if rng.random() < 0.05:
            name = rng.choice(["nobody-knows", "resting"])
        version = rng.choice([0, 0, plan.version]) if given == plan.hash else 0
        word, orders = self.pair.start_child(
            token, self.meta(token), child, name, given, self.value(), version
        )
        if rng.random() < 0.3:
            orders += self.pair.again()[1]
        held = word in ("moved", "unknown", "inactive", "conflict", "deep")
        return held, orders

    def _step(self, token: Token) -> PlanStep:
        return self.pair.model.plans[token.plan].step(token.step)
