"""Every error redflow raises, and what each becomes for HTTP and for the command line.

RedflowError
├── InvalidWorkflow      a definition has problems; `problems` lists them all
├── InvalidInput         one argument or value breaks a rule
│   ├── DecryptionFailed a sealed value was changed, moved, or is not sealed at all
│   ├── PayloadTooLarge  a value is over its size limit
│   ├── PayloadMissing   a value is no longer in the payload store
│   ├── PayloadDamaged   what the payload store gave is not what was put there
│   └── InputTooLarge    the outputs that meet in a join are over their limit
├── Unauthenticated      nobody was recognised: no credentials, or none that count
├── AccessDenied         whoever asks may not do this
├── NotFound             no such workflow, version, execution, queue, worker or namespace
├── Conflict             the thing exists or has ended, and the request says otherwise
├── ExecutionFailed      the execution that was waited for FAILED
├── ExecutionCancelled   the execution that was waited for was CANCELLED
├── LeaseLost            this attempt of a step was ended from outside
└── StoreError           Redis, or a payload store, did not do what was asked
    ├── Unavailable      not reachable, or not answering in time
    ├── OutOfMemory      Redis refused a write at maxmemory
    ├── VersionMismatch  the namespace was written by another data-model version
    └── Misconfigured    the URL or the server's settings do not allow redflow to run
        ├── KeyMissing   a value was sealed with a key that is not here
        └── Unprotected  the HTTP API would be open to a network, without any login
"""

from collections.abc import Sequence
from dataclasses import dataclass

_PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition, and where: an RFC 6901 pointer into the document."""

    pointer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class RedflowError(Exception):
    """The root of every error; the message names the thing and the cause, `hint` the next step."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message} ({self.hint})" if self.hint else message


class InvalidWorkflow(RedflowError):
    """A definition has problems; `problems` lists every one."""

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__(_listing(problems), hint=hint)
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,), {"hint": self.hint}


class InvalidInput(RedflowError):
    """A value breaks a rule; `field` names it, as an argument name or a path."""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class DecryptionFailed(InvalidInput):
    """A sealed value was changed or moved, or a value that had to be sealed is not."""


class PayloadTooLarge(InvalidInput):
    """A value is over its size limit."""


class PayloadMissing(InvalidInput):
    """A value that was put into the payload store is not there."""


class PayloadDamaged(InvalidInput):
    """What the payload store gave is not what was put there, or belongs to something else."""


class InputTooLarge(InvalidInput):
    """The outputs that meet in a join are together over their limit."""


class Unauthenticated(RedflowError):
    """Nobody was recognised: there are no credentials, or none that count."""


class AccessDenied(RedflowError):
    """Whoever asks may not do this; `hidden` says that they may not even learn whether it is there.

    What is hidden is answered like what is not there. Providers raise it, and for anything else
    that a provider raises it is raised in its place.
    """

    def __init__(self, message: str, *, hint: str = "", hidden: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.hidden = hidden


class NotFound(RedflowError):
    """No such workflow, version, execution, queue, worker or namespace."""


class Conflict(RedflowError):
    """The thing exists or has ended, and the request says otherwise."""


class ExecutionFailed(RedflowError):
    """The execution that was waited for FAILED: at `node`, for `reason`, with `error`."""

    def __init__(self, execution_id: str, node: str, reason: str, error: str) -> None:
        at = f" at node {node!r}" if node else ""
        super().__init__(
            f"execution {execution_id!r} failed{at}: {reason}: {error}",
            hint=f"see redflow execution show {execution_id}",
        )
        self.execution_id = execution_id
        self.node = node
        self.reason = reason
        self.error = error

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.execution_id, self.node, self.reason, self.error)


class ExecutionCancelled(RedflowError):
    """The execution that was waited for was CANCELLED, for `reason`."""

    def __init__(self, execution_id: str, reason: str = "") -> None:
        super().__init__(
            f"execution {execution_id!r} was cancelled" + (f": {reason}" if reason else "")
        )
        self.execution_id = execution_id
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.execution_id, self.reason)


class LeaseLost(RedflowError):
    """This attempt of a step was ended from outside; raised by `ctx.check()` in its function."""


class StoreError(RedflowError):
    """Redis, or a payload store, did not do what was asked."""


class Unavailable(StoreError):
    """Redis is not reachable, or did not answer in time; `ambiguous`: it may have acted."""

    def __init__(self, message: str, *, ambiguous: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.ambiguous = ambiguous


class OutOfMemory(StoreError):
    """Redis refused a write because it is at maxmemory."""


class VersionMismatch(StoreError):
    """The namespace was written by another version of the data model."""


class Misconfigured(StoreError):
    """The URL is missing or wrong, or a setting of the server does not allow redflow to run."""


class KeyMissing(Misconfigured):
    """A value was sealed with a key that this process has not."""


class Unprotected(Misconfigured):
    """The HTTP API would listen on an address that others reach, and let everybody in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an error becomes at the edge: an HTTP status and an exit code."""

    http: int
    exit: int


# TimeoutError is here because waiting for a result raises Python's own.
ANSWERS: dict[type[BaseException], Answer] = {
    RedflowError: Answer(500, 1),
    InvalidWorkflow: Answer(422, 11),
    InvalidInput: Answer(400, 2),
    DecryptionFailed: Answer(500, 1),
    PayloadTooLarge: Answer(413, 2),
    PayloadMissing: Answer(500, 1),
    PayloadDamaged: Answer(500, 1),
    InputTooLarge: Answer(413, 2),
    Unauthenticated: Answer(401, 9),
    AccessDenied: Answer(403, 9),
    NotFound: Answer(404, 3),
    Conflict: Answer(409, 8),
    ExecutionFailed: Answer(409, 4),
    ExecutionCancelled: Answer(409, 5),
    LeaseLost: Answer(409, 8),
    StoreError: Answer(503, 7),
    Unavailable: Answer(503, 7),
    OutOfMemory: Answer(503, 7),
    VersionMismatch: Answer(503, 7),
    Misconfigured: Answer(503, 2),
    KeyMissing: Answer(503, 2),
    Unprotected: Answer(503, 78),
    TimeoutError: Answer(504, 6),
}


def answer_of(error: BaseException) -> Answer:
    """Say the HTTP status and exit code of an error; a foreign one is an internal error."""
    known = (ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    return next(known, ANSWERS[RedflowError])


def _listing(problems: Sequence[Problem]) -> str:
    count = len(problems)
    lines = [f"the workflow has {count} problem{'' if count == 1 else 's'}:"]
    lines += [f"  {problem}" for problem in problems[:_PROBLEMS_SHOWN]]
    if count > _PROBLEMS_SHOWN:
        lines.append(f"  and {count - _PROBLEMS_SHOWN} more")
    return "\n".join(lines)
