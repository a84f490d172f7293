"""What the reference keeps of a partition: tokens, steps, executions; nothing it can derive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redflow.model.plan import ALWAYS, FAILURE, PLAIN, Plan, PlanEdge
from redflow.store.space import Limits

SCHEDULED, RUNNING, FAILING, CANCELLING, COMPENSATING, DONE = "srfcud"
LIVE = ("q", "t", "w", "k", "h")
"""Letters of steps that something will still move."""


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
    resume: bytes | None = None
    name: str = ""
    consumer: str | None = None
    silent: bool = False
    live: bool = True


@dataclass(eq=False)
class Waiting:
    """A step without a token: what its next token will carry, and what it waits for.

    `due` 0 is never; `why` is r retry, l released, s sleeping; `what` a signal's name or a child.
    """

    queue: str
    attempt: int
    deliveries: int
    releases: int
    due: int = 0
    why: str = ""
    what: str = ""


@dataclass(eq=False)
class Step:
    """A step; `state` is '' pending, q ready or running, C F S X settled, or what it waits for:
    t a time, w a signal, k a child, h the end of a pause.

    `arrived` says how each incoming edge was settled; `owed` is what is left of its own edges.
    `ran` says that an attempt has done something, as far as anybody remembers.
    """

    number: int
    state: str = ""
    token: Token | None = None
    waiting: Waiting | None = None
    meta: str = ""
    value: bytes = b""
    not_taken: str = ""
    why: str = ""
    at: int = 0
    retry_error: bytes | None = None
    resume: bytes | None = None
    ran: bool = False
    cut: bool = False
    arrived: dict[tuple[int, int], str] = field(default_factory=dict)
    owed: tuple[int, str, str] | None = None
    was_owed: bool = False

    @property
    def begun(self) -> bool:
        """Whether its work may have had an effect."""
        return self.ran or (self.token is not None and self.token.consumer is not None)

    @property
    def carried(self) -> tuple[str, int, int, int]:
        """Queue, attempt, deliveries and releases of a live step."""
        one = self.token if self.state == "q" else self.waiting
        assert one is not None
        return one.queue, one.attempt, one.deliveries, one.releases


@dataclass(eq=False)
class Buffer:
    """Signals of one name that came before anybody waited; `head` is the number of the first."""

    head: int = 1
    payloads: list[bytes] = field(default_factory=list)


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
    begin: int | None = None
    timeout: int = 0
    timed: bool = False
    paused: set[str] = field(default_factory=set)
    note: bytes | None = None
    will_cancel: bool = False
    cancelled: bytes | None = None
    abandoned: bool = False
    undo: list[int] = field(default_factory=list)
    undo_left: int = 0
    parent: tuple[str, int] | None = None
    depth: int = 0
    origin: str = ""
    rerun_as: str = ""
    waiters: dict[str, list[int]] = field(default_factory=dict)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    @property
    def live(self) -> int:
        """Steps that something will still move, and steps whose edges are owed."""
        return sum((s.state in LIVE) + (s.owed is not None) for s in self.steps)

    @property
    def stopping(self) -> bool:
        """Whether nothing but finalizers may run."""
        return self.phase in (FAILING, CANCELLING)

    def may_run(self, number: int) -> bool:
        """Whether a step may start or go on: while stopping only finalizers do, then undo steps."""
        if self.stopping:
            return self.plan.step(number).finalizer
        return self.phase in (RUNNING, COMPENSATING)

    def edges(self, number: int) -> list[PlanEdge]:
        """Outgoing edges; those of the hidden root lead to every step without parents."""
        if number:
            return self.plan.step(number).edges
        forward = self.plan.steps[: self.plan.forward]
        roots = (i for i, step in enumerate(forward, 1) if not step.parents)
        return [PlanEdge(i, PLAIN, None) for i in roots]

    def incoming(self, number: int) -> int:
        """How many edges lead to a step."""
        return max(len(self.plan.step(number).parents), 1)


@dataclass(frozen=True)
class Outcome:
    """What a worker reports of a token; kinds as in `advance`."""

    token: Token
    kind: str
    meta: str
    value: bytes
    detail: str = ""


@dataclass
class Sweeper:
    """Who may sweep, until when reclaiming is held back, and which server was met last."""

    holder: str = ""
    until: int = 0
    tick: int | None = None
    hold: int | None = None
    full: int = 0
    epoch: int = 0
    server: tuple[str, str] | None = None

    def take(self, now: int, worker: str, lease: int, sweep_lease: int, sweep_gap: int) -> bool:
        """Let a worker sweep, unless another may."""
        if self.holder not in ("", worker) and now < self.until:
            return False
        if self.tick is None or now - self.tick > sweep_gap:
            self.hold = now + lease
        self.holder, self.until, self.tick = worker, now + sweep_lease, now
        self.full = 0  # the server of the tests has room
        return True

    def meet(self, call: "Call", server: tuple[str, str, str], lease: int) -> str:
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


class Contents:
    """All of one partition; calls change it."""

    def __init__(self, limits: Limits, queues: Iterable[str]) -> None:
        self.limits = limits
        self.plans: dict[str, Plan] = {}
        self.workflows: dict[str, tuple[str, int, str]] = {}
        self.executions: dict[str, Execution] = {}
        self.streams: dict[str, list[Token]] = {queue: [] for queue in queues}
        self.timers: dict[str, int] = {}
        self.records = 0
        self.sweeper = Sweeper()
        self.paused_queues: list[str] = []
        self.notes: dict[str, bytes] = {}
        self.paused_workflows: set[str] = set()
        self.workflow_notes: dict[str, bytes] = {}
        self.last = Call(self, 0)


@dataclass
class Call:
    """One call: its time, the edges it may still settle, and what it tells others.

    Executions end in the order in which the call names them.
    """

    partition: Contents
    now: int
    named: Sequence[str] = ()
    budget: int = 0
    events: list[tuple[int, str, int, int | None, object]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    touched: dict[str, Execution] = field(default_factory=dict)

    def emit(self, execution: Execution, kind: int, step: int | None, extra: object = None) -> None:
        """Tell of something that happened."""
        execution.events += 1
        self.events.append((kind, execution.id, execution.events, step, extra))

    def order(self, member: str) -> None:
        """Leave work to the caller, or to any sweep."""
        self.partition.timers[member] = self.now
        self.orders.append(member)

    def touch(self, execution: Execution) -> None:
        """Look at the end of the call whether this execution ends."""
        self.touched[execution.id] = execution


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
