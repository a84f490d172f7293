"""Finds the payloads that no execution holds any more, and removes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from redflow.model.ids import is_rerun, root_of
from redflow.payloads.payloads import Payloads
from redflow.payloads.store import Kept, read_key
from redflow.store.keys import PartitionKeys
from redflow.store.questions import Questions, Refused, each
from redflow.store.rekeying import INDEXES
from redflow.store.resealing import scan_index
from redflow.store.space import Space
from redflow.store.steps import read_fields

PAGE = 500
"""Payloads that one round trip asks about."""

SCANNED = 1000
"""Members of an index that Redis goes through with one call."""

MOST = 100_000
"""Payloads that a sweep holds in memory before it removes them."""


class PayloadSweep:
    """One sweep: `read`, `ask`, `remove` until there is no more to read, then `spare`, `remove`.

    A value belongs to the execution that made it, and to reruns in the same tree, which copy what
    refers to it. So a payload goes once its execution is gone and its tree has no rerun; and only
    one from `before` (seconds since 1970): it is put into the store ahead of what refers to it.
    """

    def __init__(self, space: Space, payloads: Payloads, before: float) -> None:
        self._space = space
        self._payloads = payloads
        self._before = before
        self._kept: Iterator[Kept] | None = None
        self._page: dict[str, list[str]] = {}
        self._gone: dict[str, list[str]] = {}
        """Keys of payloads, by the execution that made them."""
        self._due: list[str] = []
        self.removed = 0

    def read(self) -> bool:
        """Read a page of the store; answers whether there was one. Blocks; raises Unavailable."""
        if self._kept is None:
            self._kept = self._payloads.kept(self._space.keys.namespace)
        page = list(islice(self._kept, PAGE))
        self._page = {}
        for one in page:
            if one.at <= self._before:
                self._page.setdefault(read_key(one.key).execution, []).append(one.key)
        return bool(page)

    def ask(self) -> Questions:
        """Ask which executions of the page are gone."""
        names = list(self._page)
        partition_of = self._space.keys.partition_of
        ops = [read_fields(partition_of(name), name, ["state"]) for name in names]
        for name, found in zip(names, (yield from each(ops)), strict=True):
            if found == [None]:
                self._gone.setdefault(name, []).extend(self._page[name])
        if sum(map(len, self._gone.values())) >= MOST:
            yield from self.spare()

    def spare(self) -> Questions:
        """Choose what goes: all that was found, but for what a rerun may refer to."""
        partitions = {one.number: one for one in map(self._space.keys.partition_of, self._gone)}
        reruns: set[str] = set()
        for partition in partitions.values():
            # Twice through what lives: a rerun that was made meanwhile may be of one that was gone
            # through and is purged by now.
            for index in (*INDEXES, INDEXES[0]):
                yield from self._reruns(partition, index, reruns)
        for name, keys in self._gone.items():
            if root_of(name) not in reruns:
                self._due += keys
        self._gone = {}

    def _reruns(self, partition: PartitionKeys, index: str, roots: set[str]) -> Questions:
        cursor = 0
        while True:
            op = scan_index(partition, index, cursor, SCANNED, match="*~r*")
            (page,) = yield from each([op])
            if isinstance(page, Refused):
                raise page.error
            cursor, names = page
            roots.update(root_of(name) for name in names if is_rerun(name))
            if not cursor:
                return

    def remove(self) -> None:
        """Remove what was chosen. Blocks; raises Unavailable."""
        if self._due:
            self._payloads.delete(self._due)
        self.removed += len(self._due)
        self._due = []
