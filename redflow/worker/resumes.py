"""What a step has waited for, as its context shows it: its time, a signal, the end of its child."""

from __future__ import annotations

from redflow.crypto.values import Field, Values
from redflow.driver import AsyncDriver
from redflow.errors import InvalidInput
from redflow.model import codec
from redflow.model.inputs import Recorded, execution_output
from redflow.model.outcome import ErrorInfo
from redflow.model.plan import Plan
from redflow.model.status import ExecutionStatus
from redflow.nodes.context import ChildEnd, Resume
from redflow.store.keys import PartitionKeys
from redflow.store.records import read_step
from redflow.store.steps import read_fields
from redflow.worker.claims import Held
from redflow.worker.payloads import fetched
from redflow.worker.plans import Plans

PAGE = 100
"""Fields read by one call."""

_ENDS = {
    "C": ExecutionStatus.COMPLETED,
    "F": ExecutionStatus.FAILED,
    "X": ExecutionStatus.CANCELLED,
}


async def read_resume(
    driver: AsyncDriver, plans: Plans, held: Held, values: Values
) -> Resume | None:
    """What came, from the token or by reference; None for a step that has not waited."""
    envelope = held.envelope
    if envelope.resume is None:
        return None
    if isinstance(envelope.resume, list):
        came: object = [codec.decode(part) for part in envelope.resume]
    else:
        field = f"r{envelope.step}"
        (found,) = await driver.run(read_fields(held.partition, envelope.execution, [field]))
        came = codec.decode(found) if found else None
    match came:
        case ["timer"]:
            return ("timer",)
        case ["timeout"]:
            return ("timeout",)
        case ["signal", value]:
            given = values.opened(value, envelope.execution, Field.SIGNAL, None)
            return "signal", await fetched(values, given, envelope.execution)
        case ["child", str(child)]:
            return "child", await _read_child(driver, plans, held.partition, child, values)
    raise InvalidInput(
        f"what ended the wait of step {envelope.step} of execution {envelope.execution!r} cannot"
        " be read",
        hint="it was recorded by a newer redflow, or something else wrote to it",
    )


async def _read_child(
    driver: AsyncDriver, plans: Plans, partition: PartitionKeys, child: str, values: Values
) -> ChildEnd:
    """How a child ended; one that is gone failed, so that another may be started."""
    names = ["state", "ended", "error", "failed_step"]
    state, ended, error, failed = await driver.run(read_fields(partition, child, names))
    if state is None or ended is None:
        text = f"execution {child!r} is gone before its parent has read how it ended"
        return ChildEnd(child, ExecutionStatus.FAILED, error=ErrorInfo("ChildLost", text))
    status = _ENDS[ended.decode().split(" ")[1]]
    plan = await plans.get(partition, state.decode().split(" ")[3])
    if status == ExecutionStatus.COMPLETED:
        output = await _output_of(driver, partition, child, plan, values)
        return ChildEnd(child, status, output=output)
    if error is None:
        return ChildEnd(child, status)
    node = "" if failed is None else plan.step(int(failed)).id
    told = values.read_error(error[1:], child, node)
    return ChildEnd(child, status, error=ErrorInfo.from_value(told))


async def _output_of(
    driver: AsyncDriver, partition: PartitionKeys, child: str, plan: Plan, values: Values
) -> object:
    """What its sinks gave, as its own client would see it."""
    names = [f"s{number}" for number in plan.sinks]
    records = await _read_all(driver, partition, child, names)
    apart = [name for name, record in records.items() if record and record.endswith(b"\n@")]
    large = await _read_all(driver, partition, child, [f"big:{name}" for name in apart])

    outputs: dict[int, Recorded] = {}
    for number in plan.sinks:
        record = records[f"s{number}"]
        if record is None or record[:1] != b"C":
            continue
        value = read_step(number, record, large=large.get(f"big:s{number}")).value
        if value is not None:
            given = values.read(value, child, Field.OUTPUT, plan.step(number).id)
            outputs[number] = Recorded("C", await fetched(values, given, child))
    return execution_output(plan, outputs.get)


async def _read_all(
    driver: AsyncDriver, partition: PartitionKeys, execution: str, names: list[str]
) -> dict[str, bytes | None]:
    values: list[bytes | None] = []
    for at in range(0, len(names), PAGE):
        values += await driver.run(read_fields(partition, execution, names[at : at + PAGE]))
    return dict(zip(names, values, strict=True))
