"""Questions about executions that have ended: run them again, remove them."""

from __future__ import annotations

from collections.abc import Sequence

from redflow.store.executions import pack_value
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word
from redflow.store.space import Space
from redflow.store.stopping import Stopped, read_stopped


def rerun_execution(
    space: Space,
    partition: PartitionKeys,
    *,
    old: str,
    new: str,
    plan: str,
    queues: Sequence[str],
    workflow: str,
    version: int,
    digest: str,
    input: bytes | None,
    copies: Sequence[tuple[int, int, str]],
    undos: Sequence[int] = (),
    compensation: bool = False,
) -> Op[Stopped]:
    """Run an ended execution again under a new id; an input of None copies the old one's.

    `copies` are kept steps, ascending: (step, step in the old plan, edges not taken); `undos` the
    steps that a failure would undo, in their order of settling.
    """
    return space.op(
        "rerun_execution",
        partition,
        read_stopped,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(old), partition.execution(new)],
        plans=[partition.plan(plan)],
        workflows=[partition.workflow(workflow)],
        version=version,
        digest=digest,
        input=b"" if input is None else pack_value(input, space.limits.inline_value),
        compensation=int(compensation),
        copies=[word for row in copies for word in row],
        undos=undos,
    )


def purge_executions(
    space: Space,
    partition: PartitionKeys,
    *,
    executions: Sequence[tuple[str, str]],
    completed_before: int,
    others_before: int,
) -> Op[list[str]]:
    """Remove executions (id, parent or "") that ended before a time in ms; answers a word each."""
    names = [name for pair in executions for name in pair if name]
    places = {name: at for at, name in enumerate(dict.fromkeys(names), 1)}
    rows: list[Word] = []
    for execution, parent in executions:
        rows += (places[execution], places.get(parent, 0))
    return space.op(
        "purge_executions",
        partition,
        lambda reply: [word.decode() for word in reply],
        ready=[],
        executions=[partition.execution(name) for name in places],
        completed_before=completed_before,
        others_before=others_before,
        purges=rows,
    )
