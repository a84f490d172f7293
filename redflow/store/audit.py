"""Questions of an audit: what stands where, and the script that mends what does not agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from redflow.store.keys import Keys, PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space
from redflow.store.steps import Ended

_ended = msgspec.msgpack.Decoder(list[Ended])
SENTINELS = ("timers", "live", "stopping", "completed", "failed", "cancelled")


class Repaired(NamedTuple):
    """What a repair did: sentences, tokens to be called again for, orders, what ended."""

    mended: list[str]
    lost: list[tuple[str, int, str]]
    orders: list[str]
    ended: list[Ended]


class Unfinished(NamedTuple):
    """The first page of what is unfinished in a partition; tokens are those of each queue."""

    holder: str
    missing: list[str]
    live: list[bytes]
    timers: list[bytes]
    tokens: list[list[tuple[str, bytes | None]]]


def repair_execution(
    space: Space,
    partition: PartitionKeys,
    *,
    queues: Sequence[str],
    executions: Sequence[str],
    plans: Sequence[str],
    tokens: Sequence[Word] = (),
    members: Sequence[Word] = (),
    lost: Sequence[Word] = (),
) -> Op[Repaired]:
    """Mend a page of executions, tokens and timers; rows as those of `check_partition`.

    `lost` are rows (execution, step, token, attempt) of tokens that an earlier call answered and
    that were missing for a lease since: only those steps are issued again. Idempotent.
    """
    return space.op(
        "repair_execution",
        partition,
        _repaired,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        tokens=tokens,
        members=members,
        lost=lost,
    )


def list_unfinished(
    space: Space, partition: PartitionKeys, *, worker: str, queues: Sequence[str], limit: int
) -> Op[Unfinished]:
    """Say who sweeps a partition and, if it is this worker, what is unfinished in it."""
    return space.op(
        "list_unfinished",
        partition,
        _unfinished,
        ready=[partition.ready(queue) for queue in queues],
        worker=worker,
        limit=limit,
    )


def read_exists(partition: PartitionKeys, execution: str) -> Op[bool]:
    """Whether anything is stored of an execution."""
    return command("read_exists", "EXISTS", partition.execution(execution), parse=bool)


def read_score(partition: PartitionKeys, index: str, member: str) -> Op[float | None]:
    """The score of a member of a zset of the partition."""
    words = ("ZSCORE", partition.permanent[index], member)
    return command(
        "read_score", *words, parse=lambda reply: None if reply is None else float(reply)
    )


def read_page(partition: PartitionKeys, index: str, first: int, count: int) -> Op[list[bytes]]:
    """Members of a zset of the partition by rank, sentinel and all, as they are."""
    words = ("ZRANGE", partition.permanent[index], first, first + count - 1)
    return command("read_page", *words, parse=list)


def read_entries(
    partition: PartitionKeys, queue: str, after: str, count: int
) -> Op[list[tuple[str, bytes | None]]]:
    """Entries of a ready stream behind `after` with their envelopes; None for one that has none."""
    first = f"({after}" if after else "-"
    words = ("XRANGE", partition.ready(queue), first, "+", "COUNT", count)
    return command("read_entries", *words, parse=_entries)


def read_groups(partition: PartitionKeys, queue: str) -> Op[list[str]]:
    """The names of the groups of a ready stream; refused when there is no stream."""
    return command("read_groups", "XINFO", "GROUPS", partition.ready(queue), parse=_groups)


def read_keys(pattern: str, cursor: int, count: int) -> Op[tuple[int, list[str]]]:
    """A page of all keys that match a pattern, and where the next one begins: 0 at the end."""
    words = ("SCAN", cursor, "MATCH", pattern, "COUNT", count)
    return command("read_keys", *words, parse=_keys)


def read_type(key: str) -> Op[str]:
    """The type of a key, `none` for no key."""
    return command("read_type", "TYPE", key, parse=_text)


def read_sweep(partition: PartitionKeys) -> Op[tuple[int | None, int | None]]:
    """When a partition was last swept, and until when no lease is taken over; in ms."""
    words = ("HMGET", partition.permanent["sweeper"], "tick", "hold")
    return command("read_sweep", *words, parse=_numbers)


def pattern_of(keys: Keys, partition: int | None) -> str:
    """The pattern of all keys of a namespace, or of one partition."""
    text = re.sub(r"([\\*?\[\]^-])", r"\\\1", keys.prefix) + "{" + keys.namespace
    return text + ("[:}]*" if partition is None else f":{partition}}}:*")


def _repaired(reply: list[Any]) -> Repaired:
    mended, lost, orders, ended = reply
    words = (_text(one).split(" ") for one in lost)
    return Repaired(
        [_text(one) for one in mended],
        [(execution, int(step), token) for execution, step, token in words],
        [_text(one) for one in orders],
        _ended.decode(ended),
    )


def _unfinished(reply: list[Any]) -> Unfinished:
    holder, missing, live, timers, tokens = (*reply, [], [], [], [])[:5]
    names = sorted(_text(one) for one in missing)
    return Unfinished(_text(holder), names, live, timers, [_entries(one) for one in tokens])


def _numbers(reply: list[bytes | None]) -> tuple[int | None, int | None]:
    tick, hold = (None if one is None or not one.isdigit() else int(one) for one in reply)
    return tick, hold


def _entries(reply: list[Any]) -> list[tuple[str, bytes | None]]:
    found = []
    for token, fields in reply:
        whole = len(fields) == 2 and fields[0] == b"e"
        found.append((token.decode(), fields[1] if whole else None))
    return found


def _groups(reply: list[list[Any]]) -> list[str]:
    return [_text(group[1]) for group in reply]


def _keys(reply: list[Any]) -> tuple[int, list[str]]:
    return int(reply[0]), [_text(name) for name in reply[1]]


def _text(word: bytes) -> str:
    return word.decode(errors="replace")
