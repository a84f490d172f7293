"""Recorded fields of an execution, decoded: what steps have left for those that come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from redflow.crypto.values import Values, place_of
from redflow.errors import InputTooLarge
from redflow.model import codec
from redflow.model.codec import Stored
from redflow.model.inputs import Recorded
from redflow.model.plan import Plan
from redflow.store.records import read_step


def apart_from(fields: Sequence[str], found: Sequence[bytes | None]) -> list[str]:
    """Return the fields whose values are too large to stand in their record: see `big:<field>`."""
    return [name for name, record in zip(fields, found, strict=True) if _stands_apart(record)]


class Source(NamedTuple):
    """Where recorded fields come from, which says what may stand in them."""

    values: Values
    execution: str
    plan: Plan


def recorded(
    source: Source,
    fields: Sequence[str],
    found: Sequence[bytes | None],
    apart: Mapping[str, bytes | None],
    *,
    limit: int,
    node: str,
) -> dict[str, Recorded]:
    """Decode `input`, `meta` and step records; raises InputTooLarge over so many bytes in all.

    Values of the payload store stay Stored; there is a limit of their own for them. Raises
    DecryptionFailed, KeyMissing as Values does.
    """
    size, apart_size, records = 0, 0, {}
    for name, record in zip(fields, found, strict=True):
        if record is None:
            continue
        value, known = _parts(name, record, apart.get(name))
        size += len(value)
        if size > limit:
            raise _too_large(node, limit, len(fields))
        read = _read(source, name, known, value) if value else None
        if type(read) is Stored and source.values.payloads is not None:
            apart_size += read.size
            if apart_size > source.values.limit:
                raise _too_large(node, source.values.limit, len(fields))
        records[name] = replace(known, value=read)
    return records


def _too_large(node: str, limit: int, count: int) -> InputTooLarge:
    return InputTooLarge(
        f"input of step {node!r} has more than {limit:,} bytes over {count} values",
        hint="store large values elsewhere and pass references",
    )


def _read(source: Source, name: str, known: Recorded, value: bytes) -> Any:
    if name == "meta":
        return codec.decode(value)
    field, node = place_of(source.plan, name)
    if known.letter == "F":
        return source.values.read_error(value, source.execution, node)
    return source.values.read(value, source.execution, field, node)


def _parts(name: str, record: bytes, apart: bytes | None) -> tuple[bytes, Recorded]:
    if name == "meta":
        return record, Recorded("C")
    if name == "input":
        return apart or record[1:], Recorded("C")
    step = read_step(int(name[1:]), record, large=apart)
    return step.value or b"", Recorded(step.kind, not_taken=step.not_taken, attempt=step.attempt)


def about_execution(
    namespace: str, execution: str, reads: Sequence[str], records: Mapping[str, Recorded]
) -> dict[str, Any]:
    """Return what expressions see as `execution`, as far as they read it."""
    about: dict[str, Any] = {"id": execution, "namespace": namespace}
    if "input" in reads:
        about["input"] = records["input"].value
    if "meta" in reads:
        meta = records["meta"].value if "meta" in records else ({}, {})
        about["labels"], about["metadata"] = meta
    return about


def _stands_apart(record: bytes | None) -> bool:
    return record is not None and (record == b"@" or record.endswith(b"\n@"))
