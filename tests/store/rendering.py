"""The raw fields that the reference's state amounts to, as the scripts store them."""

from redflow.store.executions import pack_value
from redflow.store.space import Limits
from tests.store.state import Execution, Step

TAKEN, BLOCKED = 2**17, 2**34


def fields_of(execution: Execution, limits: Limits) -> dict[str, bytes]:
    """Every field of `execution:<id>`."""
    flags = "" if execution.stopping_since is None else " s"
    counts = f"{execution.live} {execution.events}"
    text = {
        "state": f"{execution.phase} {counts} {execution.plan.hash}{flags}",
        "start": f"{execution.created} {execution.workflow} {execution.version} {execution.digest}",
    }
    if execution.failed_step is not None:
        text["failed_step"] = str(execution.failed_step)
    if execution.ended:
        text["ended"] = "{} {}".format(*execution.ended)
    fields = {name: value.encode() for name, value in text.items()}
    given = {"meta": execution.meta, "headers": execution.headers, "error": execution.error}
    fields |= {name: value for name, value in given.items() if value}
    fields |= _value("input", pack_value(execution.input, limits.inline_value))
    for step in execution.steps:
        fields |= _fields_of_step(execution, step)
    return fields


def _fields_of_step(execution: Execution, step: Step) -> dict[str, bytes]:
    fields: dict[str, bytes] = {}
    number = step.number
    if number and step.state:
        fields[f"s{number}"] = record(step)
        if step.state == "C" and step.value[:1] == b"@":
            fields[f"big:s{number}"] = step.value[1:]
    if number and execution.incoming(number) > 1 and step.arrived:
        ways = list(step.arrived.values())
        count = len(ways) + TAKEN * ways.count("taken") + BLOCKED * ways.count("blocked")
        fields[f"c{number}"] = str(count).encode()
    if step.was_owed:
        fields[f"f{number}"] = "{} {} {}".format(*step.owed).encode() if step.owed else b""
    if step.retry_error is not None:
        fields[f"e{number}"] = step.retry_error
    return fields


def record(step: Step) -> bytes:
    """The record of a step, by its letter."""
    token = step.token.name if step.token else ""
    if step.state == "q":
        return f"q{token},{step.token.queue}".encode()  # type: ignore[union-attr]
    if step.state == "t":
        timer = step.timer
        assert timer is not None
        counts = f"{timer.attempt},{timer.deliveries},{timer.releases}"
        return f"t{timer.due},{timer.queue},{counts},{timer.why}".encode()
    if step.state == "S":
        return f"S{step.why}".encode()
    if step.state == "X":
        return f"X{step.at}{f',{step.meta},{token}' if token else ''}".encode()
    routed = f"|{step.not_taken}" if step.not_taken else ""
    value = b"@" if step.value[:1] == b"@" else step.value
    return f"{step.state}{step.meta},{token}{routed}\n".encode() + value


def _value(name: str, packed: bytes) -> dict[str, bytes]:
    if packed[:1] == b"@":
        return {name: b"@", f"big:{name}": packed[1:]}
    return {name: packed}
