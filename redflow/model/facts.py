"""What was read of an execution and its surroundings: what an explanation of it follows from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redflow.model.operations import Pause, WorkerInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What was read of one step; times in ms. `kind` is its record's letter, "" for none.

    `ahead` are tokens to be claimed before its own, None when it is claimed. `owes` says that
    edges it leaves by have not settled yet; of those that lead to it `settled` have.
    """

    kind: str = ""
    why: str = ""
    attempt: int = 0
    queue: str = ""
    waiting_for: str = ""
    due: int = 0
    ready_at: int = 0
    worker: str | None = None
    silent: int = 0
    ahead: int | None = None
    settled: int = 0
    taken: int = 0
    blocked: int = 0
    owes: bool = False
    not_taken: str = ""
    error: str = ""
    child_status: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a server that refuses what takes more, or (`near`) soon would."""

    used: int
    limit: int
    near: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was read of an execution and its surroundings at one moment; times in ms.

    `queues` holds the live workers of each queue that matters, `pauses` what holds up claims of
    it. `owes` says that edges from the start of the execution have not settled yet. `read_only`
    is why Redis refuses every write, "" when it does not: replica, disk, replicas, loading.
    """

    id: str
    now: int
    phase: str
    status: str
    begin: int = 0
    ended: int = 0
    stopping_since: int = 0
    stopped_by: str = ""
    undo_left: int = 0
    last_sweep: int = 0
    guarded_until: int = 0
    owes: bool = False
    read_only: str = ""
    memory: Memory | None = None
    paused: Sequence[Pause] = ()
    pauses: Mapping[str, Sequence[Pause]] = field(default_factory=dict)
    queues: Mapping[str, Sequence[WorkerInfo]] = field(default_factory=dict)
    steps: Mapping[int, StepFacts] = field(default_factory=dict)
