"""The input of a claimed step: from its token, or read from the execution by reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from redflow import defaults
from redflow.driver import AsyncDriver
from redflow.errors import InputTooLarge
from redflow.model import codec
from redflow.model.inputs import Recorded, input_from_records, input_from_values
from redflow.store.records import read_step
from redflow.store.steps import ABSENT, read_fields
from redflow.worker.claims import Held
from redflow.worker.plans import Prepared


def travelled_input(held: Held, prepared: Prepared) -> Any:
    """The input from the values in the token."""
    envelope = held.envelope
    assert envelope.data is not None
    if len(envelope.data) == 1:
        return codec.decode(envelope.data[0])
    values = [ABSENT if bytes(raw) == ABSENT else codec.decode(raw) for raw in envelope.data]
    return input_from_values(prepared.plan, envelope.step, values, ABSENT)


async def read_input(driver: AsyncDriver, held: Held, prepared: Prepared) -> Any:
    """The input, from the token or in one round trip; a second one fetches large values."""
    if held.envelope.data is not None:
        return travelled_input(held, prepared)
    execution, fields = held.envelope.execution, prepared.fields
    found = await driver.run(read_fields(held.partition, execution, fields))
    large = [name for name, record in zip(fields, found, strict=True) if _stands_apart(record)]
    apart: dict[str, bytes | None] = {}
    if large:
        names = [f"big:{name}" for name in large]
        values = await driver.run(read_fields(held.partition, execution, names))
        apart = dict(zip(large, values, strict=True))
    records = _records(fields, found, apart, prepared)
    return input_from_records(prepared.plan, held.envelope.step, records)


def _stands_apart(record: bytes | None) -> bool:
    return record is not None and (record == b"@" or record.endswith(b"\n@"))


def _records(
    fields: list[str],
    found: list[bytes | None],
    apart: dict[str, bytes | None],
    prepared: Prepared,
) -> dict[str, Recorded]:
    """Recorded fields, decoded; raises InputTooLarge over the limit of a join."""
    size, records = 0, {}
    for name, record in zip(fields, found, strict=True):
        if record is None:
            continue
        if name == "input":
            value, known = apart.get(name) or record[1:], Recorded("C")
        else:
            step = read_step(int(name[1:]), record, large=apart.get(name))
            value = step.value or b""
            known = Recorded(step.kind, not_taken=step.not_taken, attempt=step.attempt)
        size += len(value)
        if size > defaults.JOIN_LIMIT:
            raise InputTooLarge(
                f"input of step {prepared.step.id!r} has more than {defaults.JOIN_LIMIT:,} bytes"
                f" over {len(fields)} values",
                hint="store large values elsewhere and pass references",
            )
        records[name] = replace(known, value=codec.decode(value) if value else None)
    return records
