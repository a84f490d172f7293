"""`redflow fsck`: check what the keys of a namespace say of each other, and mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.output import note, wants_json, write_json, write_rows

if TYPE_CHECKING:
    from redflow.store.damage import Audited, Damage

COLUMNS = ("PARTITION", "WHERE", "WHAT", "REPAIR")
LEFT = 1
"""Exit code when something is wrong in the end."""


@click.command("fsck", cls=Command)
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--partition", type=int, metavar="N", help="Only this one.")
@pass_state
def fsck(state: State, repair: bool, partition: int | None) -> int:
    """Check what is stored of a namespace: state against tokens, timers and indexes.

    Reads all of it, a page at a time; workers may go on. Each finding says what is wrong, where,
    and what --repair does about it. A step that lost its token is issued again after 30 s: a worker
    may run it until then. Ends with 0 when all is well, with 1 when something is still wrong.

    \b
    Examples:
      redflow fsck
      redflow fsck --repair --partition 3 -o json | jq '.findings[] | select(.repaired | not)'
    """
    with state.client() as client:
        found = client.check(repair=repair, partition=partition)
    if wants_json(state):
        write_json(_document(state, found))
    else:
        if found.findings:
            write_rows(state, COLUMNS, [_row(one) for one in found.findings])
        note(_summary(found, repair=repair))
    return LEFT if found.left else 0


def _row(one: Damage) -> tuple[Any, ...]:
    return (one.partition, one.where, one.what, _state(one))


def _state(one: Damage) -> str:
    if one.repaired:
        return f"done: {one.repair}"
    return "none: it does no harm" if one.note else one.repair


def _summary(found: Audited, *, repair: bool) -> str:
    looked = f"{found.executions} executions in {found.partitions} partitions"
    if not found.left and not found.repaired:
        return f"{looked}: all is well"
    text = f"{looked}: {found.left} problems left"
    if found.repaired:
        text += f", {found.repaired} repaired"
    return text if repair else f"{text}; redflow fsck --repair"


def _document(state: State, found: Audited) -> dict[str, Any]:
    return {
        "namespace": state.namespace,
        "partitions": found.partitions,
        "executions": found.executions,
        "repaired": found.repaired,
        "left": found.left,
        "findings": [
            {
                "partition": one.partition,
                "where": one.where,
                "what": one.what,
                "repair": one.repair,
                "repaired": one.repaired,
                "note": one.note,
            }
            for one in found.findings
        ],
    }
