"""All that a server holds of a namespace, without what the clock of the server makes."""

import re
from collections.abc import Callable
from typing import Any

import redis

_ID = rb"(?<!\d)1[6-9]\d{11}-\d+"
ID = re.compile(_ID)
"""Ids that a server gives to entries of streams: its own milliseconds, and a number."""
RECORDS = (
    re.compile(rb"(?P<id>" + _ID + rb")(?=,(?P<queue>[a-z0-9-]+)$)"),
    re.compile(rb"(?<=,)(?P<id>" + _ID + rb")(?=$|[|\n])"),
)
"""Where a step's record names its token: live, with its queue behind it, or at the end of it."""
QUEUE = re.compile(rb"^(X\d+,|[CF])\d+,\d+,\d+,(?P<queue>[a-z0-9-]+),")


CALLS = {b"revision"}
"""Fields that number the calls themselves: a repeated registration is a later one."""


class Ordinals:
    """Ids by the order in which they are met: the same pattern of ids gives the same texts.

    A token is an id and its queue: ids repeat across streams.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], bytes] = {}

    def plain(self, value: Any, scope: bytes) -> Any:
        """A reply in which every id is replaced by its number; `scope` is the stream's queue."""
        if isinstance(value, bytes):
            return self._text(value, scope)
        if isinstance(value, list | tuple):
            return [self.plain(one, scope) for one in value]
        return value

    def _text(self, text: bytes, scope: bytes) -> bytes:
        ended = QUEUE.match(text)

        def number(found: re.Match[bytes]) -> bytes:
            live = found.groupdict().get("queue")
            queue = live or (ended["queue"] if ended else scope)
            return self._known.setdefault((queue, found[0]), b"#%d" % (len(self._known) + 1))

        for pattern in (*RECORDS, ID):
            text = pattern.sub(number, text)
        return text


def without_ids(value: Any) -> Any:
    """A reply in which every id is the same."""
    if isinstance(value, bytes):
        return ID.sub(b"#", value)
    if isinstance(value, list | tuple):
        return [without_ids(one) for one in value]
    return value


def dump(client: redis.Redis, namespace: str) -> dict[str, Any]:
    """Every key of a namespace by name: type, whether it expires, content.

    Of a stream: entries, how many there ever were where the server counts them, and per group its
    consumers and the leases with their owners. `client` gives replies as the server does.
    """
    ask: Callable[..., Any] = client.execute_command
    names = sorted(ask("KEYS", f"*{{{namespace}*"))
    ordinals = Ordinals()
    found = {}
    for name in sorted(names, key=lambda one: (ask("TYPE", one) != b"stream", one)):
        kind = ask("TYPE", name).decode()
        content = ordinals.plain(READERS[kind](ask, name), name.rpartition(b":")[2])
        found[name.decode()] = (kind, ask("PTTL", name) >= 0, content)
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """A line for every key that is not the same in both."""
    names = sorted({*one, *other})
    return [f"{n}:\n  {one.get(n)}\n  {other.get(n)}" for n in names if one.get(n) != other.get(n)]


def _hash(ask: Callable[..., Any], name: bytes) -> list[Any]:
    flat = ask("HGETALL", name)
    pairs = ((flat[at], flat[at + 1]) for at in range(0, len(flat), 2))
    return sorted(pair for pair in pairs if pair[0] not in CALLS)


def _stream(ask: Callable[..., Any], name: bytes) -> list[Any]:
    about = ask("XINFO", "STREAM", name)
    ever = about[about.index(b"entries-added") + 1] if b"entries-added" in about else None
    leases = []
    for group in ask("XINFO", "GROUPS", name):
        pending = ask("XPENDING", name, group[1], "-", "+", 100_000)
        consumers = sorted(one[1] for one in ask("XINFO", "CONSUMERS", name, group[1]))
        held = [(token, owner, times) for token, owner, _, times in pending]
        leases.append([group[1], consumers, held])
    return [ask("XRANGE", name, "-", "+"), ever, leases]


READERS: dict[str, Callable[[Callable[..., Any], bytes], Any]] = {
    "hash": _hash,
    "stream": _stream,
    "zset": lambda ask, name: ask("ZRANGE", name, 0, -1, "WITHSCORES"),
    "set": lambda ask, name: sorted(ask("SMEMBERS", name)),
    "string": lambda ask, name: ask("GET", name),
}
