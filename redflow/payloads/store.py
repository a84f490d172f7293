"""What a payload store does, and its keys: `<namespace>/<execution>/<random>`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from redflow.errors import InvalidInput, PayloadMissing

_KEY = re.compile(r"([a-z0-9-]{1,63})/([A-Za-z0-9_-][A-Za-z0-9_.~-]{0,199})/([0-9a-f]{32})")


class Kept(NamedTuple):
    """A payload in a store, and when it was put there, in seconds since 1970."""

    key: str
    at: float


class PayloadStore(Protocol):
    """Keeps bytes under keys; synchronous, blocking, called from several threads at once.

    A call ends within a bounded time. What it raises, other than PayloadMissing, is taken for an
    outage and tried again.
    """

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes durably, all of them or nothing; the same again changes nothing."""
        ...

    def get(self, key: str) -> bytes:
        """Return what was put; raises PayloadMissing."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove what is there of these."""
        ...

    def kept(self, namespace: str) -> Iterator[tuple[str, float]]:
        """Yield the keys of a namespace in any order, and when each was put, in s since 1970."""
        ...


class Key(NamedTuple):
    """A key, taken apart; `execution` is the one that made the value."""

    namespace: str
    execution: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.execution}/{self.name}"


def new_key(namespace: str, execution: str) -> str:
    """Make a key that nobody else makes."""
    return str(Key(namespace, execution, secrets.token_hex(16)))


def read_key(key: str) -> Key:
    """Take a key apart; raises InvalidInput for anything else."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise InvalidInput(f"{key[:300]!a} is no key of a payload", field="key")
    return Key(*match.groups())


def missing(key: str, where: str) -> PayloadMissing:
    """The error for a payload that is not in its store."""
    return PayloadMissing(
        f"payload {key!r} is not in {where}",
        hint="it was removed, or another process has another store: give all of them the same one",
    )
