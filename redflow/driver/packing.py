"""Questions as bytes for the wire, and the one reply that is reshaped."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import hiredis

from redflow.store.op import Op, Word

Entries = list[tuple[str, list[tuple[bytes, list[bytes]]]]]


class PackRead(Protocol):
    """Makes the command of a read that waits so long; 0 means do not wait."""

    def __call__(self, *, block_ms: int) -> bytes: ...


def pack(*words: Word) -> bytes:
    """Return one command as bytes.

    redis-py's asyncio connection packs word by word in Python, three times slower over a batch.
    """
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub: one word
    return packed


def pack_op(op: Op[Any]) -> bytes:
    """Return an Op as bytes: its script by SHA, or its plain command."""
    if op.script is None:
        return pack(*op.args)
    return pack("EVALSHA", op.script.sha, len(op.keys), *op.keys, *op.args)


def pack_read_group(
    streams: Sequence[str], group: str, consumer: str, *, count: int, block_ms: int
) -> bytes:
    """Return an XREADGROUP for new entries; a block of 0 means do not wait.

    COUNT is always there: without it fakeredis delivers entries and answers with none.
    """
    block: tuple[Word, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()
    names = (*streams, *(">" for _ in streams))
    return pack("XREADGROUP", "GROUP", group, consumer, "COUNT", count, *block, "STREAMS", *names)


def pack_read_streams(streams: Mapping[str, str], *, count: int, block_ms: int) -> bytes:
    """Return an XREAD for the entries behind an id of each stream; 0 means do not wait."""
    block: tuple[Word, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()
    return pack("XREAD", "COUNT", count, *block, "STREAMS", *streams, *streams.values())


def entries_of(reply: Any) -> Entries:
    """Return the entries of a reply by stream; an entry's fields stay a flat list."""
    return [
        (stream.decode(), [(entry_id, fields) for entry_id, fields in entries])
        for stream, entries in reply or ()
    ]
