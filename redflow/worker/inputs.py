"""What a claimed step starts with: from its token, or read from the execution by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from redflow import defaults
from redflow.crypto.values import Values
from redflow.driver import AsyncDriver
from redflow.model.codec import Stored
from redflow.model.inputs import Recorded, input_from_records, input_from_values, scope_of
from redflow.store.recorded import Source, about_execution, apart_from, recorded
from redflow.store.steps import ABSENT, read_fields
from redflow.worker.claims import Held
from redflow.worker.payloads import fetched
from redflow.worker.plans import Prepared


class Given(NamedTuple):
    """The input of a step, and what its expressions read besides."""

    value: Any
    scope: Mapping[str, Any] | None = None


def travelled_input(held: Held, prepared: Prepared, values: Values) -> Given | None:
    """What the token carries; None when only the records tell how a step that is read ended, or
    when a value has to be fetched from the payload store.
    """
    data = held.envelope.data
    assert data is not None
    if prepared.is_plain and len(data) == 1 == len(prepared.places):
        value = values.read(data[0], held.envelope.execution, *prepared.places[0])
        return None if type(value) is Stored else Given(value)
    if len(prepared.places) != len(data):
        raise ValueError(f"token of step {prepared.step.id!r} carries {len(data)} values")
    read = [
        ABSENT if bytes(raw) == ABSENT else values.read(raw, held.envelope.execution, *place)
        for raw, place in zip(data, prepared.places, strict=True)
    ]
    if any(type(value) is Stored for value in read):
        return None
    if prepared.is_plain:
        return Given(input_from_values(prepared.plan, held.envelope.step, read, ABSENT))
    return _with_reads(held, prepared, read)


def _with_reads(held: Held, prepared: Prepared, read: Sequence[Any]) -> Given | None:
    values = dict(zip(prepared.needs or (), read, strict=True))
    if any(values[name] is ABSENT for name in prepared.step.reads):
        return None
    given = [values[name] for name in prepared.given or []]
    value = input_from_values(prepared.plan, held.envelope.step, given, ABSENT)
    records = {name: Recorded("C", value) for name, value in values.items()}
    return _given(held, prepared, value, records)


async def read_input(driver: AsyncDriver, held: Held, prepared: Prepared, values: Values) -> Given:
    """The input, from the token or in one round trip; a second one fetches large values, and the
    payload store is asked for larger ones.
    """
    if held.envelope.data is not None:
        travelled = travelled_input(held, prepared, values)
        if travelled is not None:
            return travelled
    execution, fields = held.envelope.execution, prepared.fields
    found = await driver.run(read_fields(held.partition, execution, fields))
    apart: dict[str, bytes | None] = {}
    if large := apart_from(fields, found):
        names = [f"big:{name}" for name in large]
        read = await driver.run(read_fields(held.partition, execution, names))
        apart = dict(zip(large, read, strict=True))
    records = recorded(
        Source(values, execution, prepared.plan),
        fields,
        found,
        apart,
        limit=defaults.JOIN_LIMIT,
        node=prepared.step.id,
    )
    for name, record in records.items():
        if type(record.value) is Stored:
            value = await fetched(values, record.value, execution)
            records[name] = replace(record, value=value)
    plan, number = prepared.plan, held.envelope.step

    def render(at: int, given: Any) -> Any:
        template = prepared.template_of(at)
        if template is None:
            return given
        return template.render({"input": given, **_scope(held, prepared, at, records)})

    given = input_from_records(plan, number, records, render=render)
    return Given(given, None if prepared.is_plain else _scope(held, prepared, number, records))


def _given(held: Held, prepared: Prepared, value: Any, records: Mapping[str, Recorded]) -> Given:
    scope = _scope(held, prepared, held.envelope.step, records)
    template = prepared.template_of(held.envelope.step)
    if template is not None:
        value = template.render({"input": value, **scope})
    return Given(value, scope)


def _scope(
    held: Held, prepared: Prepared, number: int, records: Mapping[str, Recorded]
) -> dict[str, Any]:
    """What the expressions of a step see beside its input."""
    plan, info = prepared.plan, prepared.info
    reads = plan.step(number).reads
    return {
        **scope_of(plan, number, records),
        "execution": about_execution(info.namespace, held.envelope.execution, reads, records),
        "workflow": {"id": plan.workflow, "version": plan.version},
    }
