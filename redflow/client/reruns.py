"""Reruns: what is asked for, and the records of an ended execution as the model reads them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from redflow.client.arguments import check_version
from redflow.crypto.values import Values
from redflow.errors import Conflict, InvalidInput
from redflow.model.ids import check_node_id, new_execution_id, rerun_id
from redflow.model.rerun import EndedStep
from redflow.store.records import RawExecution, RawStep

MOST_RERUNS = 1000
"""Ids tried by one call."""

_NUMBER = re.compile(r"~r(\d{1,9})$")


class Unset(Enum):
    """The type of UNSET, which stands for "the input it had"."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
Input = Any | Literal[Unset.UNSET]


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """What a rerun is to be; an input of None is the old one's, a version of None as well."""

    from_node: str | None
    input: bytes | None
    version: int | None
    compensation: bool


def rerun_options_of(
    values: Values, from_node: object, input: object, version: object, compensation: object
) -> RerunOptions:
    """Check what a rerun is to be, or raise InvalidInput."""
    if not isinstance(compensation, bool):
        raise InvalidInput("compensation is not true or false", field="compensation")
    options = RerunOptions(
        None if from_node is None else check_node_id(from_node, field="from_node"),
        None if input is UNSET else values.encode(input),
        None if version is None else check_version(version),
        compensation,
    )
    if compensation and options != RerunOptions(None, None, None, compensation=True):
        raise InvalidInput(
            "compensation goes with no other change",
            field="compensation",
            hint="leave out from_node, input and version: it runs failed compensations again",
        )
    return options


def rerun_ids(old: RawExecution) -> Iterable[str]:
    """Yield the ids a rerun may get: behind the newest one that is known."""
    known = [_NUMBER.search(one) for one in (old.id, old.rerun_as or "")]
    newest = max((int(match[1]) for match in known if match), default=0)
    for number in range(newest + 1, newest + 1 + MOST_RERUNS):
        yield rerun_id(old.id, number)


def rerun_digest(old: RawExecution, options: RerunOptions, values: Values) -> str:
    """Identify the input and this call: only a repeat of the call finds its own rerun again."""
    digest = old.digest if options.input is None else values.digests(options.input)[0]
    return f"{digest.partition('~')[0]}~{new_execution_id()}"


def no_free_id(execution: str) -> Conflict:
    """Say that all ids that may be tried are taken."""
    return Conflict(
        f"execution {execution!r} has more than {MOST_RERUNS:,} reruns that are not known of",
        hint="rerun the newest of them instead",
    )


def ended_steps(steps: Sequence[RawStep]) -> dict[int, EndedStep]:
    """Show the records of an ended execution to the model."""
    return {
        one.step: EndedStep(one.kind, one.attempt, one.not_taken, _settled_at(one))
        for one in steps
        if one.kind in ("C", "F", "S", "X")
    }


def _settled_at(step: RawStep) -> int:
    return step.at if step.kind == "X" else step.ready_at + step.wait + step.run
