"""What a claimed step starts with: from its token, or read from the execution by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redflow import defaults
from redflow.driver import AsyncDriver
from redflow.model import codec
from redflow.model.inputs import Recorded, input_from_records, input_from_values, scope_of
from redflow.store.recorded import about_execution, apart_from, recorded
from redflow.store.steps import ABSENT, read_fields
from redflow.worker.claims import Held
from redflow.worker.plans import Prepared


class Given(NamedTuple):
    """The input of a step, and what its expressions read besides."""

    value: Any
    scope: Mapping[str, Any] | None = None


def travelled_input(held: Held, prepared: Prepared) -> Given | None:
    """What the token carries; None when only the records tell how a step that is read ended."""
    data = held.envelope.data
    assert data is not None
    if not prepared.is_plain:
        return _with_reads(held, prepared, data)
    if len(data) == 1:
        return Given(codec.decode(data[0]))
    values = [_value(raw) for raw in data]
    return Given(input_from_values(prepared.plan, held.envelope.step, values, ABSENT))


def _value(raw: Any) -> Any:
    return ABSENT if bytes(raw) == ABSENT else codec.decode(raw)


def _with_reads(held: Held, prepared: Prepared, data: Sequence[Any]) -> Given | None:
    needs = prepared.needs or []
    if len(needs) != len(data):
        raise ValueError(f"token of step {prepared.step.id!r} carries {len(data)} values")
    values = dict(zip(needs, map(_value, data), strict=True))
    if any(values[name] is ABSENT for name in prepared.step.reads):
        return None
    given = [values[name] for name in prepared.given or []]
    value = input_from_values(prepared.plan, held.envelope.step, given, ABSENT)
    records = {name: Recorded("C", value) for name, value in values.items()}
    return _given(held, prepared, value, records)


async def read_input(driver: AsyncDriver, held: Held, prepared: Prepared) -> Given:
    """The input, from the token or in one round trip; a second one fetches large values."""
    if held.envelope.data is not None:
        travelled = travelled_input(held, prepared)
        if travelled is not None:
            return travelled
    execution, fields = held.envelope.execution, prepared.fields
    found = await driver.run(read_fields(held.partition, execution, fields))
    apart: dict[str, bytes | None] = {}
    if large := apart_from(fields, found):
        names = [f"big:{name}" for name in large]
        values = await driver.run(read_fields(held.partition, execution, names))
        apart = dict(zip(large, values, strict=True))
    records = recorded(
        fields, found, apart, limit=defaults.JOIN_LIMIT, node=prepared.step.id
    )  # fmt: skip
    plan, number = prepared.plan, held.envelope.step

    def render(at: int, given: Any) -> Any:
        template = prepared.template_of(at)
        if template is None:
            return given
        return template.render({"input": given, **_scope(held, prepared, at, records)})

    value = input_from_records(plan, number, records, render=render)
    return Given(value, None if prepared.is_plain else _scope(held, prepared, number, records))


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
