"""What executions run, as an audit reads it: heads of their hashes, and plans, each read once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import msgspec

from redflow.model.plan import Plan, decode_plan
from redflow.store.keys import PartitionKeys
from redflow.store.questions import Asked, Questions, Refused, each
from redflow.store.sweeps import read_plan_hash
from redflow.store.workflows import read_plan

Known = dict[str, str | None]
"""Hashes of plans by execution; None is an execution without a state."""


class Heads:
    """Reads heads and plans of one partition; `say` hears what cannot be read."""

    def __init__(self, partition: PartitionKeys, say: Callable[[str], None]) -> None:
        self._partition = partition
        self._say = say
        self._plans: dict[str, Plan | None] = {}

    @property
    def queues(self) -> list[str]:
        """The queues of all plans that were read."""
        return [queue for plan in self._plans.values() if plan for queue in plan.queues]

    def read(self, ids: Sequence[str]) -> Generator[Asked, list[Any], Known]:
        """Answer the executions that can be checked; None is one without a state."""
        answers = yield from each([read_plan_hash(self._partition, one) for one in ids])
        found: Known = {}
        for one, plan in zip(ids, answers, strict=True):
            if isinstance(plan, Refused):
                self._say(f"{one}: cannot be read: {plan}")
            elif plan == "":
                self._say(f"{one}: its state cannot be read")
            else:
                found[one] = plan
        yield from self._learn(sorted({plan for plan in found.values() if plan}))
        for one, plan in list(found.items()):
            if plan is not None and self._plans[plan] is None:
                text = "is not stored here, or cannot be read: register its workflow again"
                self._say(f"{one}: its plan {plan} {text}")
                del found[one]
        return found

    def plan_of(self, content_hash: str | None) -> Plan | None:
        """Return the plan that an execution runs, once it was read."""
        return None if content_hash is None else self._plans.get(content_hash)

    def _learn(self, hashes: Sequence[str]) -> Questions:
        wanted = [one for one in hashes if self._plans.get(one) is None]
        answers = yield from each([read_plan(self._partition, one) for one in wanted])
        for one, data in zip(wanted, answers, strict=True):
            try:
                known = None if data is None or isinstance(data, Refused) else decode_plan(data)
            except msgspec.MsgspecError:
                known = None
            self._plans[one] = known
