"""Places in the event streams as text: ids of events, and positions to go on from."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

import msgspec

from redflow.errors import InvalidInput
from redflow.store.events import Place

_ID = re.compile(r"(\d{1,5})\.(\d{1,16})-(\d{1,16})\.(-1|\d{1,16})(s?)")
_HEAD = "p1."
IMPLIED = "s"
"""Ends the id of a `step.started` that stands in the record of what came after it."""

Places = Mapping[int, Place]
"""Places by the number of the partition."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[int, int, int]]).decode


def id_of(partition: int, place: Place, *, implied: bool = False) -> str:
    """Return the id of the event at a place."""
    return f"{partition}.{place.ms}-{place.seq}.{place.record}{IMPLIED if implied else ''}"


def place_of(id: str) -> tuple[int, Place]:
    """Return partition and place of an event's id; raises InvalidInput.

    Behind an implied event stands its own record, which is still to be read.
    """
    found = _ID.fullmatch(id)
    if found is None:
        raise _unknown(id)
    partition, ms, seq, record = (int(found[at]) for at in range(1, 5))
    return partition, Place(ms, seq, record - 1 if found[5] else record)


def encode_position(places: Places) -> str:
    """Return the places of all partitions, 0 to the last, as one text."""
    rows = [tuple(places[number]) for number in range(len(places))]
    return _HEAD + base64.urlsafe_b64encode(_pack(rows)).decode().rstrip("=")


def decode_position(text: str, partitions: int) -> dict[int, Place]:
    """Return the places of all partitions; raises InvalidInput."""
    try:
        if not text.startswith(_HEAD):
            raise ValueError(text)
        data = text.removeprefix(_HEAD)
        rows = _unpack(base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_"))
    except (ValueError, msgspec.MsgspecError):
        raise _unknown(text) from None
    sound = all(ms >= 0 and seq >= 0 and record >= -1 for ms, seq, record in rows)
    if len(rows) != partitions or not sound:
        raise _unknown(text)
    return {number: Place(*row) for number, row in enumerate(rows)}


def _unknown(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:80]!a} is no place in the events of this namespace",
        field="after",
        hint="give the position of a reader of the same events, or the id of an event of the one"
        " execution that is followed",
    )
