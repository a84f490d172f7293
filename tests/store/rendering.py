"""The raw fields that the reference's state amounts to, as the scripts store them."""

from redflow.store.executions import pack_value
from redflow.store.space import Limits
from tests.store.reference.signals import buffered
from tests.store.state import Execution, Step

TAKEN, BLOCKED = 2**17, 2**34


def fields_of(execution: Execution, limits: Limits) -> dict[str, bytes]:
    """Every field of `execution:<id>`."""
    counts = f"{execution.live} {execution.events}"
    flags = _flags(execution)
    text = {
        "state": f"{execution.phase} {counts} {execution.plan.hash}{flags and f' {flags}'}",
        "start": f"{execution.created} {execution.workflow} {execution.version} {execution.digest}",
        "begin": execution.begin,
        "timeout": execution.timeout or None,
        "failed_step": execution.failed_step,
        "ended": execution.ended and "{} {}".format(*execution.ended),
        "parent": execution.parent and "{} {}".format(*execution.parent),
        "depth": execution.depth or None,
        "origin": execution.origin or None,
        "rerun_as": execution.rerun_as or None,
    }
    fields = {name: str(value).encode() for name, value in text.items() if value is not None}
    given = {"meta": execution.meta, "headers": execution.headers, "error": execution.error}
    fields |= {name: value for name, value in given.items() if value}
    given = {"cancelled": execution.cancelled, "paused": execution.note}
    fields |= {name: value for name, value in given.items() if value is not None}
    fields |= _value("input", pack_value(execution.input, limits.inline_value))
    fields |= _undo(execution) | _signals(execution)
    for step in execution.steps:
        fields |= _fields_of_step(execution, step)
    return fields


def _flags(execution: Execution) -> str:
    flags = {
        "a": execution.abandoned,
        "c": execution.will_cancel,
        "k": execution.parent is not None,
        "s": execution.stopping_since is not None,
        "x": execution.timed,
        "y": bool(execution.origin),
    }
    return "".join(sorted([flag for flag, stands in flags.items() if stands] + [*execution.paused]))


def _undo(execution: Execution) -> dict[str, bytes]:
    if not execution.undo:
        return {}
    fields = {f"o{k}": str(number).encode() for k, number in enumerate(execution.undo, 1)}
    return fields | {"undo": f"{len(execution.undo)} {execution.undo_left}".encode()}


def _signals(execution: Execution) -> dict[str, bytes]:
    fields = {f"i:{signal}": b"1" for signal in execution.seen}
    for name, steps in execution.waiters.items():
        fields[f"w:{name}"] = f",{','.join(map(str, steps))},".encode() if steps else b""
    for name, buffer in execution.buffers.items():
        tail = buffer.head + len(buffer.payloads)
        fields[f"b:{name}"] = f"{buffer.head} {tail}".encode()
        for k, payload in enumerate(buffer.payloads, buffer.head):
            fields[f"b:{name}:{k}"] = payload
    if execution.buffers:
        fields["signals"] = str(buffered(execution)).encode()
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
    if step.resume is not None:
        fields[f"r{number}"] = step.resume
    if step.cut:
        fields[f"g{number}"] = b"1"
    return fields


def record(step: Step) -> bytes:
    """The record of a step, by its letter."""
    token = step.token.name if step.token else "0-0"
    if step.state == "q":
        assert step.token is not None
        return f"q{token},{step.token.queue}".encode()
    if step.state in ("t", "w", "k", "h"):
        return _waiting(step)
    if step.state == "S":
        return f"S{step.why}".encode()
    if step.state == "X":
        return f"X{step.at}{step.meta and f',{step.meta},{token}'}".encode()
    routed = f"|{step.not_taken}" if step.not_taken else ""
    value = b"@" if step.value[:1] == b"@" else step.value
    return f"{step.state}{step.meta},{token}{routed}\n".encode() + value


def _waiting(step: Step) -> bytes:
    one = step.waiting
    assert one is not None
    carried = f"{one.queue},{one.attempt},{one.deliveries},{one.releases}"
    text = {
        "t": f"t{one.due},{carried},{one.why}",
        "w": f"w{one.what},{carried},{one.due}",
        "k": f"k{one.what},{carried}",
        "h": f"h{carried}",
    }
    return text[step.state].encode()


def _value(name: str, packed: bytes) -> dict[str, bytes]:
    if packed[:1] == b"@":
        return {name: b"@", f"big:{name}": packed[1:]}
    return {name: packed}
