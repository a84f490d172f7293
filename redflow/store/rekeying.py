"""Goes through every sealed value of a namespace: counts them by key, or seals them anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from redflow.crypto.crypto import Crypto
from redflow.crypto.envelope import read_envelope
from redflow.crypto.search import key_ids_in, resealed
from redflow.errors import DecryptionFailed, KeyMissing
from redflow.store.audit import read_entries
from redflow.store.keys import PartitionKeys
from redflow.store.questions import Questions, Refused, each
from redflow.store.resealing import Fields, reseal_values, scan_fields, scan_index
from redflow.store.schedules import list_schedules
from redflow.store.space import Space

INDEXES = ("live", "completed", "failed", "cancelled")
"""In this order: an execution that ends meanwhile is met in one of them."""

PAGE = 100
"""Executions read in one round trip, and fields or entries of one answer."""

_SECRET = "v:"


class Rekeying:
    """Walks through a namespace in bounded calls, while clients and workers go on."""

    def __init__(self, space: Space, queues: Sequence[str], crypto: Crypto | None = None) -> None:
        """With `crypto` what is not under its newest key is sealed anew."""
        self._space = space
        self._queues = queues
        self._crypto = crypto
        self.values: Counter[str] = Counter()
        """Values in executions, schedules and secrets, by key."""
        self.tokens: Counter[str] = Counter()
        """Values that travel with steps that are ready or running: they go as those steps do."""
        self.replaced = 0

    def walk(self) -> Questions:
        """Go through all executions, schedules, secrets and tokens."""
        for partition in self._space.keys:
            for index in INDEXES:
                yield from self._executions(partition, index)
            yield from self._schedules(partition)
            for queue in self._queues:
                yield from self._tokens(partition, queue)
        yield from self._records([self._space.keys.secrets])

    def _executions(self, partition: PartitionKeys, index: str) -> Questions:
        cursor = 0
        while True:
            (page,) = yield from each([scan_index(partition, index, cursor, PAGE)])
            cursor, names = _answer(page)
            keys = [partition.execution(name) for name in names if name != "~"]
            yield from self._records(keys)
            if not cursor:
                return

    def _schedules(self, partition: PartitionKeys) -> Questions:
        (ids,) = yield from each([list_schedules(partition)])
        keys = [partition.schedule(id) for id in _answer(ids)]
        for first in range(0, len(keys), PAGE):
            yield from self._records(keys[first : first + PAGE])

    def _records(self, keys: Sequence[str]) -> Questions:
        """Go through hashes side by side, a page of each."""
        pages = [(key, 0) for key in keys]
        while pages:
            ops = [scan_fields(key, cursor, PAGE) for key, cursor in pages]
            found: list[Fields] = [_answer(one) for one in (yield from each(ops))]
            following = []
            for (key, _), page in zip(pages, found, strict=True):
                yield from self._fields(key, page)
                if page.cursor:
                    following.append((key, page.cursor))
            pages = following

    def _fields(self, key: str, page: Fields) -> Questions:
        secrets = key == self._space.keys.secrets
        changes = []
        for name, before in page.fields.items():
            after = before
            if self._crypto is not None:
                after = self._resealed(before, secret=secrets and name.startswith(_SECRET))
            if after != before:
                changes.append((name, before, after))
            self.values.update(_secret_key(after) if secrets else key_ids_in(after))
        for some in _pages(changes):
            (count,) = yield from each([reseal_values(self._space, key, some)])
            self.replaced += _answer(count)

    def _resealed(self, data: bytes, *, secret: bool) -> bytes:
        assert self._crypto is not None
        if not secret:
            return resealed(data, self._crypto)
        try:
            envelope = read_envelope(data)
            if envelope.key_id == self._crypto.current_id:
                return data
            return self._crypto.seal(self._crypto.decrypt(envelope), envelope.origin)
        except (DecryptionFailed, KeyMissing):
            return data

    def _tokens(self, partition: PartitionKeys, queue: str) -> Questions:
        after = ""
        while True:
            (entries,) = yield from each([read_entries(partition, queue, after, PAGE)])
            for token, envelope in _answer(entries):
                after = token
                self.tokens.update(key_ids_in(envelope or b""))
            if len(entries) < PAGE:
                return


def _pages(
    rows: Sequence[tuple[str, bytes, bytes]],
) -> Iterator[list[tuple[str, bytes, bytes]]]:
    """Split changes so that no call carries more than a page of them."""
    for first in range(0, len(rows), PAGE):
        yield list(rows[first : first + PAGE])


def _secret_key(data: bytes) -> list[str]:
    try:
        return [read_envelope(data).key_id]
    except DecryptionFailed:
        return []


def _answer(answer: Any) -> Any:
    """Return an answer; a question of this walk that Redis refuses ends it."""
    if isinstance(answer, Refused):
        raise answer.error
    return answer
