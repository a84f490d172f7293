"""What the reference keeps of a partition: tokens, steps, executions; nothing it can derive."""

from dataclasses import dataclass, field

from redflow.model.plan import ALWAYS, FAILURE, PLAIN, Plan, PlanEdge

RUNNING, FAILING, DONE = "r", "f", "d"


@dataclass(eq=False)
class Token:
    """One ready or running step; `name` is the id Redis gave it, learned after the call."""

    queue: str
    execution: str
    step: int
    plan: str
    attempt: int
    deliveries: int
    releases: int
    data: list[bytes] | None
    headers: bytes
    name: str = ""
    consumer: str | None = None
    silent: bool = False
    live: bool = True


@dataclass(eq=False)
class Timer:
    """A step that waits for a time: what its next token will carry."""

    due: int
    queue: str
    attempt: int
    deliveries: int
    releases: int
    why: str


@dataclass(eq=False)
class Step:
    """A step; `state` is '' pending, q ready or running, t timed, C F S X settled.

    `arrived` says how each incoming edge was settled; `owed` is what is left of its own edges.
    """

    number: int
    state: str = ""
    token: Token | None = None
    timer: Timer | None = None
    meta: str = ""
    value: bytes = b""
    not_taken: str = ""
    why: str = ""
    at: int = 0
    retry_error: bytes | None = None
    arrived: dict[tuple[int, int], str] = field(default_factory=dict)
    owed: tuple[int, str, str] | None = None
    was_owed: bool = False


@dataclass(eq=False)
class Execution:
    """One execution and its steps; step 0 is the hidden root, completed from the start."""

    id: str
    plan: Plan
    workflow: str
    version: int
    digest: str
    created: int
    input: bytes
    meta: bytes
    headers: bytes
    steps: list[Step]
    phase: str = RUNNING
    events: int = 0
    stopping_since: int | None = None
    error: bytes | None = None
    failed_step: int | None = None
    ended: tuple[int, str] | None = None

    @property
    def live(self) -> int:
        """Steps that something will still move, and steps whose edges are owed."""
        return sum((s.state in ("q", "t")) + (s.owed is not None) for s in self.steps)

    def may_run(self, number: int) -> bool:
        """Whether a step may start or go on: while failing only finalizers do."""
        finalizer = self.plan.step(number).finalizer
        return self.phase == RUNNING or (self.phase == FAILING and finalizer)

    def edges(self, number: int) -> list[PlanEdge]:
        """Outgoing edges; those of the hidden root lead to every step without parents."""
        if number:
            return self.plan.step(number).edges
        roots = (i for i, step in enumerate(self.plan.steps, 1) if not step.parents)
        return [PlanEdge(i, PLAIN, None) for i in roots]

    def incoming(self, number: int) -> int:
        """How many edges lead to a step."""
        return max(len(self.plan.step(number).parents), 1)


@dataclass(frozen=True)
class Outcome:
    """What a worker reports of a token; kinds c f r l as in `advance`."""

    token: Token
    kind: str
    meta: str
    value: bytes
    detail: str = ""


@dataclass
class Call:
    """One call: its time, the edges it may still settle, and what it tells others."""

    now: int
    budget: int
    events: list[tuple[int, str, int, int | None, object]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    touched: dict[str, Execution] = field(default_factory=dict)


@dataclass
class Sweeper:
    """Who may sweep, until when reclaiming is held back, and which server was met last."""

    holder: str = ""
    until: int = 0
    tick: int | None = None
    hold: int | None = None
    epoch: int = 0
    server: tuple[str, str] | None = None

    def take(self, now: int, worker: str, lease: int, sweep_lease: int, sweep_gap: int) -> bool:
        """Let a worker sweep, unless another may."""
        if self.holder not in ("", worker) and now < self.until:
            return False
        if self.tick is None or now - self.tick > sweep_gap:
            self.hold = now + lease
        self.holder, self.until, self.tick = worker, now + sweep_lease, now
        return True

    def meet(self, call: Call, server: tuple[str, str, str], lease: int) -> str:
        """A new epoch, unless the history is the same or the same process has only renamed it."""
        run, history, earlier = server
        known, self.server = self.server, (run, history)
        if known and known[1] == history:
            self.server = known
            return "same"
        if known and known[0] == run and not earlier:
            return "same"
        self.epoch += 1
        if known:
            self.hold = call.now + lease
            call.events.append((30, "", self.epoch, None, self.epoch))
        return "ok"


def way(kind: str, mode: str, refused: bool) -> str:
    """How an edge of a step is settled once the step has ended as mode says.

    Modes: c completed, f failed, b skipped after a failure, s skipped off the chosen branch,
    x cancelled.
    """
    if kind == ALWAYS:
        return "taken" if mode in "cf" else "not taken"
    if kind == FAILURE:
        return "taken" if mode == "f" else "not taken"
    if mode == "c":
        return "not taken" if refused else "taken"
    return "not taken" if mode == "s" else "blocked"
