"""Goes through a partition page by page, as a generator of questions that any driver may ask.

`walk` yields lists of questions and is sent their answers; a StoreError goes in by `throw`. What it
finds and what it mends stands in `report`. Nothing that cannot be read ends it: that is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from redflow.errors import StoreError
from redflow.store.audit import (
    SENTINELS,
    list_unfinished,
    read_entries,
    read_exists,
    read_groups,
    read_page,
    read_score,
    repair_execution,
)
from redflow.store.damage import BY_HAND, Damage, damage_of
from redflow.store.heads import Heads, Known
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.store.questions import Asked, Questions, Refused, each, is_refusal
from redflow.store.report import Item, Lost, Report, attempt_after
from redflow.store.space import Space
from redflow.store.steps import read_envelope, read_fields
from redflow.store.sweeps import check_partition, owner_of
from redflow.store.workflows import put_partition

PAGE = 500
"""Executions, tokens or timers of one call."""

MOST_STEPS = 1000
"""Steps of the executions that one call checks; one execution may have more."""

INDEXES = ("live", "stopping", "completed", "failed", "cancelled")
CHILD_TYPES = ("subworkflow",)

Next = Generator[Asked, list[Any], int | None]
"""Reads one page; answers the rank of the next one, None for no more."""


class Auditor:
    """Audits one partition; keep it to audit again, it remembers plans."""

    def __init__(
        self, space: Space, partition: PartitionKeys, queues: Sequence[str], *, repair: bool
    ) -> None:
        self.space = space
        self.partition = partition
        self.repair = repair
        self.report = Report()
        self._given = list(queues)
        self.heads = Heads(partition, self._say)

    @property
    def queues(self) -> list[str]:
        """Every queue that is known so far."""
        return list(dict.fromkeys((*self._given, *self.heads.queues)))

    def walk(self, indexes: Sequence[str] = INDEXES) -> Questions:
        """Check sentinels and groups, then what the indexes, timers and tokens name."""
        yield from self.structure()
        for index in indexes:
            yield from self._pages(partial(self._index_page, index))
        yield from self._pages(self._timer_page)
        for number in range(1, len(self.queues) + 1):
            yield from self._token_pages(number)

    def walk_unfinished(self, worker: str) -> Questions:
        """Check what is unfinished, if this worker sweeps the partition: one question when idle."""
        op = list_unfinished(
            self.space, self.partition, worker=worker, queues=self.queues, limit=PAGE
        )
        (found,) = yield Asked([op])
        if found.holder != worker:
            return
        for key in found.missing:
            self._say(f"key {self._name(key)}: has lost its sentinel")
        yield from self._make_again(0)
        after = yield from self._index_members("live", 0, found.live)
        yield from self._pages(partial(self._index_page, "live"), after)
        after = yield from self._timer_members(0, found.timers)
        yield from self._pages(self._timer_page, after)
        for number, entries in enumerate(found.tokens, 1):
            last = yield from self._entries(number, entries)
            if last:
                yield from self._token_pages(number, last)

    def structure(self) -> Questions:
        """Check what keeps the keys of the partition alive."""
        before = len(self.report.findings)
        scores = yield from each([read_score(self.partition, key, "~") for key in SENTINELS])
        for key, score in zip(SENTINELS, scores, strict=True):
            if score is None:
                self._say(f"key {self._name(key)}: has lost its sentinel")
            elif isinstance(score, Refused):
                self._say(f"key {self._name(key)}: cannot be read: {score}")
        groups = yield from each([read_groups(self.partition, queue) for queue in self.queues])
        for queue, names in zip(self.queues, groups, strict=True):
            if isinstance(names, Refused) or "workers" not in names:
                self._say(f"queue {queue}: has lost its group of workers")
        yield from self._make_again(before)

    def _make_again(self, before: int) -> Questions:
        """Make sentinels and groups again, if one was missing."""
        if self.repair and len(self.report.findings) > before:
            answers = yield from each([put_partition(self.space, self.partition, self.queues)])
            self._mark(before, done=not isinstance(answers[0], Refused))

    def unlisted(self, executions: Sequence[str]) -> Questions:
        """Check those of some executions that stand in no index."""
        ops = [read_score(self.partition, i, one) for one in executions for i in INDEXES]
        scores = yield from each(ops)
        rows = [scores[at : at + len(INDEXES)] for at in range(0, len(scores), len(INDEXES))]
        strays = [one for one, row in zip(executions, rows, strict=True) if not any(map(_is, row))]
        yield from self._check([Item(one) for one in strays])

    def mend_lost(self, lost: Iterable[Lost]) -> Questions:
        """Issue steps again whose tokens have been missing for a lease."""
        for execution, group in groupby(sorted(lost), key=itemgetter(0)):
            heads = yield from self.heads.read([execution])
            if heads.get(execution) is None:
                continue
            steps = list(group)
            for first in range(0, len(steps), PAGE):
                page = steps[first : first + PAGE]
                ops = [read_fields(self.partition, execution, [f"e{step}"]) for _, step, _ in page]
                errors = yield from each(ops)
                rows: list[Word] = []
                for one, error in zip(page, errors, strict=True):
                    rows += (*one, 1 if isinstance(error, Refused) else attempt_after(error[0]))
                yield from self._check_page([Item(execution)], heads, rows)

    # Pages

    def _pages(self, page: Callable[[int], Next], at: int | None = 0) -> Questions:
        """Ask for page after page by rank; what a repair took out moves the rest up."""
        while at is not None:
            at = yield from page(at)

    def _index_page(self, index: str, at: int) -> Next:
        (members,) = yield from each([read_page(self.partition, index, at, PAGE)])
        if isinstance(members, Refused):
            self._say(f"key {self._name(index)}: cannot be read: {members}")
            return None
        return (yield from self._index_members(index, at, members))

    def _index_members(self, index: str, at: int, members: Sequence[bytes]) -> Next:
        before = len(self.report.findings)
        yield from self._check([Item(one) for one in self._names(members, index)], index)
        return self._rank_after(at, members, before)

    def _timer_page(self, at: int) -> Next:
        (members,) = yield from each([read_page(self.partition, "timers", at, PAGE)])
        if isinstance(members, Refused):
            return None  # said of its sentinel
        return (yield from self._timer_members(at, members))

    def _timer_members(self, at: int, members: Sequence[bytes]) -> Next:
        before = len(self.report.findings)
        names = self._names(members, "timers")
        yield from self._check([Item(owner_of(one), member=one) for one in names])
        return self._rank_after(at, members, before)

    def _token_pages(self, number: int, after: str = "") -> Questions:
        queue = self.queues[number - 1]
        while True:
            (entries,) = yield from each([read_entries(self.partition, queue, after, PAGE)])
            if isinstance(entries, Refused):
                return  # said of its group
            after = yield from self._entries(number, entries)
            if not after:
                return

    def _entries(
        self, number: int, entries: Sequence[tuple[str, bytes | None]]
    ) -> Generator[Asked, list[Any], str]:
        """Check a page of tokens; answers its last one if there may be more."""
        items = []
        for token, envelope in entries:
            try:
                owner = read_envelope(envelope or b"").execution
                items.append(Item(owner, token=token, queue=number))
            except msgspec.MsgspecError:
                self._say(f"queue {self.queues[number - 1]}: token {token} cannot be read")
        yield from self._check(items)
        return entries[-1][0] if len(entries) == PAGE else ""

    # One page

    def _check(self, items: Sequence[Item], index: str = "") -> Questions:
        """Check executions, with their tokens and timers, as many steps a call as it may look at.

        `index` names the list in which they stand, for those that are not there any more.
        """
        heads = yield from self.heads.read(list(dict.fromkeys(one.execution for one in items)))
        absent = [one.execution for one in items if heads.get(one.execution, 1) is None]
        if index and absent:
            yield from self._vanished(absent, index)
        if index == "live":
            yield from self._children(heads)
        self.report.executions += len(heads) if index else 0
        page: list[Item] = []
        counted: set[str] = set()
        steps = 0
        for one in items:
            if one.execution not in heads or (one.execution in absent and not one.row):
                continue  # said already
            plan = self.heads.plan_of(heads[one.execution])
            size = 0 if one.execution in counted else len(plan.steps) if plan else 1
            if page and steps + size > MOST_STEPS:
                yield from self._check_page(page, heads)
                page, counted, steps = [], set(), 0
            page.append(one)
            counted.add(one.execution)
            steps += size
        if page:
            yield from self._check_page(page, heads)

    def _check_page(
        self, page: Sequence[Item], heads: Known, lost: Sequence[Word] = ()
    ) -> Questions:
        ids = list(dict.fromkeys(one.execution for one in page))
        named = self._named(page, ids, heads)
        steps = sum(len(plan.steps) for one in ids if (plan := self.heads.plan_of(heads.get(one))))
        try:
            (problems,) = yield Asked([check_partition(self.space, self.partition, **named)], steps)
            if problems and self.repair:
                yield from self._mend(problems, named, lost, steps)
            else:
                self.report.findings += [self._finding(one) for one in problems]
        except StoreError as error:
            if not is_refusal(error):
                raise
            half = len(page) // 2
            if half:
                yield from self._check_page(page[:half], heads, lost)
                yield from self._check_page(page[half:], heads, lost)
            elif "NOGROUP" not in str(error):  # said of the queue, and made again by a repair
                self._say(f"{ids[0]}: cannot be read: {error.args[0]}")

    def _mend(
        self, problems: list[str], named: dict[str, Any], lost: Sequence[Word], steps: int
    ) -> Questions:
        op = repair_execution(self.space, self.partition, lost=lost, **named)
        (done,) = yield Asked([op], 2 * steps)
        (left,) = yield Asked([check_partition(self.space, self.partition, **named)], steps)
        report = self.report
        report.lost.update(done.lost)
        report.orders += done.orders
        report.ended += done.ended
        report.findings += [self._finding(one, repaired=one not in left) for one in problems]

    def _named(self, page: Sequence[Item], ids: list[str], heads: Known) -> dict[str, Any]:
        at = {one: number for number, one in enumerate(ids, 1)}
        tokens: list[Word] = []
        members: list[Word] = []
        for one in page:
            if one.token:
                tokens += (one.token, one.queue, at[one.execution])
            if one.member:
                members += (one.member, at[one.execution])
        plans = [plan.hash for one in ids if (plan := self.heads.plan_of(heads.get(one)))]
        return {
            "queues": self.queues,
            "executions": ids,
            "plans": list(dict.fromkeys(plans)),
            "tokens": tokens,
            "members": members,
        }

    # What one script cannot see

    def _vanished(self, ids: Sequence[str], index: str) -> Questions:
        """Executions without a state that stand in an index: gone, or only half of them is there.

        Asked once more, because what ends in between is taken out of its index.
        """
        ops = [read_exists(self.partition, one) for one in ids]
        exist = yield from each(ops)
        scores = yield from each([read_score(self.partition, index, one) for one in ids])
        for one, there, score in zip(ids, exist, scores, strict=True):
            if not _is(score):
                continue
            if there:
                self._say(f"{one}: has no state, only a part of it is there")
                continue
            mended = False
            if self.repair:
                named = {"queues": self.queues, "executions": [one], "plans": []}
                answers = yield from each([repair_execution(self.space, self.partition, **named)])
                mended = not isinstance(answers[0], Refused) and bool(answers[0].mended)
            name = self._name(index)
            self._say(f"{one}: stands in {name}, and is not there", repaired=mended)

    def _children(self, heads: Known) -> Questions:
        """Steps that wait for a child whose end was not told to them."""
        asked = [
            (one, f"s{number}")
            for one, head in heads.items()
            if (plan := self.heads.plan_of(head))
            for number, step in enumerate(plan.steps, 1)
            if step.type in CHILD_TYPES
        ]
        records = yield from each([read_fields(self.partition, o, [f]) for o, f in asked])
        waiting = [
            (parent, name[1:], record[0][1:].decode(errors="replace").partition(",")[0])
            for (parent, name), record in zip(asked, records, strict=True)
            if not isinstance(record, Refused) and (record[0] or b"").startswith(b"k")
        ]
        ends = yield from each(
            [read_fields(self.partition, child, ["state", "ended"]) for *_, child in waiting]
        )
        for (parent, step, child), end in zip(waiting, ends, strict=True):
            if isinstance(end, Refused) or (end[0] is not None and end[1] is None):
                continue
            yield from self._wake_parent(parent, step, child)

    def _wake_parent(self, parent: str, step: str, child: str) -> Questions:
        member = f"p:{parent}:{step}"
        (due,) = yield from each([read_score(self.partition, "timers", member)])
        if _is(due):
            return
        mended = False
        if self.repair:
            heads = yield from self.heads.read([parent, child])
            plans = {plan.hash for one in heads.values() if (plan := self.heads.plan_of(one))}
            named = {"queues": self.queues, "executions": [parent, child], "plans": sorted(plans)}
            (done,) = yield from each([repair_execution(self.space, self.partition, **named)])
            if not isinstance(done, Refused):
                self.report.orders += done.orders
                mended = bool(done.mended)
        text = f"{parent}: step {step} waits for a child that has ended: {child}"
        self._say(text, repaired=mended)

    # Findings

    def _finding(self, sentence: str, *, repaired: bool = False) -> Damage:
        return damage_of(self.partition.number, sentence, repaired=repaired)

    def _say(self, sentence: str, *, repaired: bool = False) -> None:
        self.report.findings.append(self._finding(sentence, repaired=repaired))

    def _mark(self, first: int, *, done: bool) -> None:
        marked = self.report.findings[first:]
        self.report.findings[first:] = [
            Damage(o.partition, o.where, o.what, o.repair, o.repair != BY_HAND and done)
            for o in marked
        ]

    def _rank_after(self, at: int, members: Sequence[bytes], first: int) -> int | None:
        """Where the next page begins, less what a repair took out of this one; None for no more."""
        words = ("belongs to nothing", "stands in")
        new = self.report.findings[first:]
        gone = sum(one.repaired and any(word in one.what for word in words) for one in new)
        return at + PAGE - gone if len(members) == PAGE else None

    def _names(self, members: Sequence[bytes], index: str) -> list[str]:
        """Members of an index as text, without the sentinel."""
        found = []
        for one in members:
            try:
                found.append(one.decode())
            except UnicodeDecodeError:
                self._say(f"key {self._name(index)}: member {one[:80]!r} is not text")
        return [name for name in found if name != "~"]

    def _name(self, index: str) -> str:
        key = self.partition.permanent[index]
        return key.removeprefix(self.partition.prefix)


def _is(score: Any) -> bool:
    return score is not None and not isinstance(score, Refused)
