"""Which node owns which slot, as a node says it, and the slot of a question."""

from collections.abc import Sequence
from typing import Any

from redis.crc import key_slot

from redflow.driver.urls import Place
from redflow.store.op import Op, Word

SLOTS = 16384
UNKNOWN = {"", "?"}
"""Hosts that stand for the node that was asked, or for one that does not know its own."""
# Plain commands without a key; any node answers them.
KEYLESS = {
    "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "INFO", "LASTSAVE", "PING",
    "PUBLISH", "PUBSUB", "ROLE", "SCAN", "SCRIPT", "TIME", "WAIT",
}  # fmt: skip
SECOND = {"MEMORY", "OBJECT", "XGROUP", "XINFO"}
"""Plain commands whose first word is what to do; their key is the next one."""
EVALS = {"EVAL", "EVALSHA"}
STREAM_READS = {"XREAD", "XREADGROUP"}


class SlotMap:
    """Owners of all slots; nodes that serve no slot are known as `others`."""

    def __init__(self, ranges: Sequence[tuple[int, int, Place]], others: Sequence[Place]) -> None:
        self._owners: list[Place | None] = [None] * SLOTS
        for first, last, place in ranges:
            self._owners[first : last + 1] = [place] * (last + 1 - first)
        self.primaries = tuple(dict.fromkeys(place for _, _, place in ranges))
        self.others = tuple(place for place in dict.fromkeys(others) if place not in self.primaries)

    def owner(self, slot: int) -> Place | None:
        """Return the node of a slot; None for one that nobody serves."""
        return self._owners[slot]

    def move(self, slot: int, place: Place) -> None:
        """Take over what a node said of one slot: it knows earlier than the others."""
        self._owners[slot] = place
        if place not in self.primaries:
            self.primaries += (place,)


def read_slots(reply: Any, asked: Place) -> SlotMap:
    """Read the reply to CLUSTER SLOTS of the node that was asked."""
    ranges: list[tuple[int, int, Place]] = []
    others: list[Place] = []
    for first, last, *nodes in reply:
        places = [_place(node, asked) for node in nodes]
        ranges += [(first, last, place) for place in places[:1]]
        others += places[1:]
    return SlotMap(ranges, others)


def known_place(place: Place, asked: Place) -> Place:
    """Return a place whose host may be that of the node that was asked."""
    host, port = place
    return (asked[0] if host in UNKNOWN else host), port


def slot_of(op: Op[Any]) -> int | None:
    """Return the slot of a question; None for one that any node answers."""
    if op.keys:
        return slot_of_key(op.keys[0])
    return None if op.script is not None else slot_of_words(op.args)


def slot_of_key(key: str) -> int:
    """Return the slot of a key, which is that of the part in braces."""
    slot: int = key_slot(key.encode())
    return slot


def slot_of_words(words: Sequence[Word]) -> int | None:
    """Return the slot of a plain command; None for one without a key."""
    name = str(words[0]).upper()
    if name in KEYLESS or len(words) == 1:
        return None
    at = 1
    if name in SECOND:
        at = 2
    elif name in EVALS:
        at = 3
    elif name in STREAM_READS:
        at = 1 + [str(word).upper() for word in words].index("STREAMS")
    return slot_of_key(_text(words[at])) if at < len(words) else None


def _place(node: Sequence[Any], asked: Place) -> Place:
    host = b"" if node[0] is None else node[0]
    return known_place((host.decode(), int(node[1])), asked)


def _text(word: Word) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
