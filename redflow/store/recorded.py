"""Recorded fields of an execution, decoded: what steps have left for those that come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from redflow.errors import InputTooLarge
from redflow.model import codec
from redflow.model.inputs import Recorded
from redflow.store.records import read_step


def apart_from(fields: Sequence[str], found: Sequence[bytes | None]) -> list[str]:
    """Return the fields whose values are too large to stand in their record: see `big:<field>`."""
    return [name for name, record in zip(fields, found, strict=True) if _stands_apart(record)]


def recorded(
    fields: Sequence[str],
    found: Sequence[bytes | None],
    apart: Mapping[str, bytes | None],
    *,
    limit: int,
    node: str,
) -> dict[str, Recorded]:
    """Decode `input`, `meta` and step records; raises InputTooLarge over so many bytes in all."""
    size, records = 0, {}
    for name, record in zip(fields, found, strict=True):
        if record is None:
            continue
        value, known = _parts(name, record, apart.get(name))
        size += len(value)
        if size > limit:
            raise InputTooLarge(
                f"input of step {node!r} has more than {limit:,} bytes over {len(fields)} values",
                hint="store large values elsewhere and pass references",
            )
        records[name] = replace(known, value=codec.decode(value) if value else None)
    return records


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
