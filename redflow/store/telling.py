"""Reads the events of a partition and holds what they tell against what is stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from redflow.model.event import EventRecord
from redflow.model.plan import Plan
from redflow.store.damage import Damage
from redflow.store.events import read_entries
from redflow.store.folding import Told, differences, take_in
from redflow.store.heads import Heads
from redflow.store.keys import PartitionKeys
from redflow.store.questions import Questions, Refused, each
from redflow.store.records import read_step
from redflow.store.steps import read_fields

_records = msgspec.msgpack.Decoder(list[EventRecord])

PAGE = 200
"""Entries of the event stream of one answer; an entry has the events of a call."""

TOGETHER = 50
"""Executions asked about in one round trip."""

HEAD = ("state", "ended", "origin")


class Telling:
    """One partition: its executions as their events tell them, as far as those are still there.

    An execution that went on after its events were read is left out: workers may be at work.
    """

    def __init__(self, partition: PartitionKeys, heads: Heads) -> None:
        self._partition = partition
        self._heads = heads
        self._told: dict[str, Told] = {}
        self.findings: list[Damage] = []

    def walk(self) -> Questions:
        """Read all events, then the executions they tell of."""
        after = "-"
        while after:
            (page,) = yield from each([read_entries(self._partition, after, PAGE)])
            if isinstance(page, Refused):
                return  # the audit has told of a stream that is none
            for entry in page:
                take_in(self._told, _records.decode(entry.data))
            after = f"({page[-1].ms}-{page[-1].seq}" if len(page) == PAGE else ""
        whole = [name for name, told in self._told.items() if told.first == 1]
        for first in range(0, len(whole), TOGETHER):
            yield from self._compare(whole[first : first + TOGETHER])

    def _compare(self, names: Sequence[str]) -> Questions:
        known = yield from self._heads.read(names)
        plans = {name: self._heads.plan_of(content_hash) for name, content_hash in known.items()}
        asked = {name: plan for name, plan in plans.items() if plan is not None}
        ops = [
            read_fields(self._partition, name, [*HEAD, *_records_of(plan)])
            for name, plan in asked.items()
        ]
        found = yield from each(ops)
        for name, fields in zip(asked, found, strict=True):
            if not isinstance(fields, Refused):
                self._hold_against(name, fields[: len(HEAD)], fields[len(HEAD) :])

    def _hold_against(
        self, name: str, head: Sequence[bytes | None], records: Sequence[bytes | None]
    ) -> None:
        told = self._told[name]
        try:
            state, ended, origin = head
            if state is None or int(state.split(b" ")[2]) != told.last:
                return  # purged, or it has gone on
            steps = {at: read_step(at, one) for at, one in enumerate(records, 1) if one}
            letter = ended.decode().split(" ")[1] if ended else None
        except (ValueError, IndexError):
            return  # a record that is none: the audit tells of it
        for what in differences(told, steps, letter, rerun=origin is not None):
            self.findings.append(Damage(self._partition.number, name, what))


def _records_of(plan: Plan) -> list[str]:
    return [f"s{number}" for number in range(1, len(plan.steps) + 1)]
