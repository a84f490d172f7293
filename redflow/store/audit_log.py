"""Questions about the audit of a namespace: who did what, and whether it was allowed."""

from __future__ import annotations

from typing import Any

import msgspec

from redflow.model.access import AuditRecord
from redflow.model.execution import instant
from redflow.store.op import Op, command
from redflow.store.space import Space

FIELDS = ("subject", "tenant", "method", "action", "resource", "request")
"""What is recorded beside time and decision, in this order."""
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[str]).decode


def append_audit(space: Space, id: str, *, decision: str, **fields: str) -> Op[bool]:
    """Record a call; `id` makes repeating it harmless. Answers whether it was recorded."""
    return space.op(
        "append_audit",
        None,
        bool,
        namespace=space.keys.namespace_record,
        audit=space.keys.audit,
        id=id,
        decision=decision,
        fields=_pack([fields[name] for name in FIELDS]),
    )


def read_audit(space: Space, *, before: str, count: int) -> Op[list[tuple[str, AuditRecord]]]:
    """Records with their places, newest first, from behind a place; "+" begins at the newest."""
    return command(
        "read_audit",
        "XREVRANGE",
        space.keys.audit,
        before,
        "-",
        "COUNT",
        count,
        parse=lambda reply: [(place.decode(), _record(words)) for place, words in reply],
    )


def _record(words: list[Any]) -> AuditRecord:
    found = dict(zip(words[::2], words[1::2], strict=True))
    known = dict(zip(FIELDS, _unpack(found[b"fields"]), strict=False))
    return AuditRecord(at=instant(int(found[b"at"])), decision=found[b"decision"].decode(), **known)
