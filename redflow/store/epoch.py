"""Which history the data of a server have, and the fence that goes before all else in a new one.

A replication id names one history of writes. A primary that is restarted takes a new one, and so
does a replica that is promoted: either may have lost writes that were answered. Replicas share the
id of their primary, so a proxy that spreads connections over servers changes `run` and no more.
One process renames its history without losing a write: when the first replica comes, and when the
last has been gone for an hour. It has then followed nobody, so there is no earlier history.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space

SECTIONS = ("server", "replication")
"""Of INFO, one question each: Redis 6.2 answers only one at a time."""

_FIELD = re.compile(r"^(run_id|master_replid|master_replid2):(\w+)\s*$", re.MULTILINE)
_NONE = "0" * 40


class Server(NamedTuple):
    """A process, the history of its data, and the one it went on from; "" for none."""

    run: str
    history: str
    earlier: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """What a process asks on a connection to a changed server, before anything else.

    `lease` is milliseconds for which no lease is taken over then; `numbers` are the partitions that
    are on the server, None for all.
    """

    space: Space
    lease: int
    numbers: tuple[int, ...] | None = None

    def questions(self, server: Server) -> list[Op[tuple[str, int]]]:
        """One for each partition; the answers are a word and the epoch."""
        keys = self.space.keys
        here = keys if self.numbers is None else [keys.partition(number) for number in self.numbers]
        return [bump_epoch(self.space, p, server, lease=self.lease) for p in here]

    def has_changed(self, answers: Sequence[tuple[str, int]]) -> bool:
        """Whether these answers began an epoch, and not the first."""
        return any(word == "ok" and epoch > 1 for word, epoch in answers)


def read_server(info: bytes) -> Server | None:
    """Read the sections of INFO; None where a server does not tell."""
    found = dict(_FIELD.findall(info.decode(errors="replace")))
    if "run_id" not in found or "master_replid" not in found:
        return None
    earlier = found.get("master_replid2", _NONE)
    return Server(found["run_id"], found["master_replid"], "" if earlier == _NONE else earlier)


def bump_epoch(
    space: Space, partition: PartitionKeys, server: Server, *, lease: int
) -> Op[tuple[str, int]]:
    """Begin a new epoch if the history is another one; answers ok or same, and the epoch."""
    return space.op(
        "bump_epoch",
        partition,
        _read_epoch,
        ready=[],
        run=server.run,
        history=server.history,
        earlier=server.earlier,
        lease=lease,
    )


def _read_epoch(reply: list[Any]) -> tuple[str, int]:
    return reply[0].decode(), int(reply[1])
