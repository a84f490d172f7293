"""What starting executions answered, as errors and as requests to repeat."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from redflow.client.refusals import inactive_workflow, no_room
from redflow.client.registered import unknown_workflow
from redflow.client.requests import Options, Request
from redflow.errors import Conflict, Unavailable

_TAKEN = ("delivered", "dup", "conflict")
"""What answers a delivery that was taken before, whatever its input was then."""


@dataclass(slots=True)
class Answers:
    """Answers of one call, sorted: requests for another plan by its hash, those that an older key
    may have made, and conflicts.
    """

    moved: dict[str, list[Request]] = field(default_factory=dict)
    older: list[Request] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def read_answers(
    options: Options,
    namespace: str,
    where: str,
    requests: Sequence[Request],
    statuses: Sequence[str],
) -> Answers:
    """Sort one status per request; raise when no execution is taken in at all."""
    answers = Answers()
    for request, answer in zip(requests, statuses, strict=True):
        word, *details = answer.split(" ")
        if options.claim and word in _TAKEN:
            answers.conflicts.append(_taken(options, request))
        elif word == "moved":
            answers.moved.setdefault(details[0], []).append(request)
        elif word == "conflict" and (older := request.older) is not None:
            answers.older.append(older)
        elif word == "conflict" and options.on_conflict == "error":
            answers.conflicts.append(_conflict(options, request, *details))
        elif word == "unknown":
            raise unknown_workflow(options.workflow, namespace)
        elif word == "inactive":
            raise inactive_workflow(options.workflow)
        elif word == "full":
            raise no_room(where)
    return answers


def _taken(options: Options, request: Request) -> Conflict:
    return Conflict(
        f"the delivery to workflow {options.workflow!r} was taken before: it is execution"
        f" {request.id!r}"
    )


def _conflict(options: Options, request: Request, workflow: str, digest: str) -> Conflict:
    return Conflict(
        f"execution {request.id!r} exists: it runs workflow {workflow!r} with the input of digest"
        f" {digest}, not {options.workflow!r} with {request.digest}",
        hint="take another id, or on_conflict='return' to get the one that exists",
    )


def raise_first(conflicts: Sequence[Conflict], count: int) -> None:
    """Raise the first conflict of several executions, and say how many others there are."""
    for first in conflicts:
        raise Conflict(
            f"{len(conflicts)} of {count} executions conflict, the others are started; first:"
            f" {first.args[0]}",
            hint=first.hint,
        )


@contextmanager
def naming(requests: Sequence[Request]) -> Iterator[None]:
    """Name the executions in an error that leaves open whether they were started."""
    try:
        yield
    except Unavailable as error:
        which = f"execution {requests[0].id!r}"
        if len(requests) > 1:
            which += f" and {len(requests) - 1} more"
        hint = "it was not started"
        if error.ambiguous:
            hint = "it may have been started: repeat with the same id"
        raise Unavailable(
            f"start of {which}: {error.args[0]}", ambiguous=error.ambiguous, hint=hint
        ) from error


def keeps_changing(workflow: str) -> Conflict:
    """Say that a workflow got a new version each time an execution was to be started."""
    return Conflict(
        f"workflow {workflow!r} has a new version at every try", hint="start it again, or name one"
    )
