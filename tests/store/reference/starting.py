"""Executions come into being: by a producer, at a time, and as children of a step."""

from redflow.store.executions import Start
from tests.store.reference.frontier import spread
from tests.store.reference.settling import cancel
from tests.store.reference.tokens import consume
from tests.store.state import RUNNING, SCHEDULED, Call, Execution, Step, Token, Waiting


def start(call: Call, given: Start, name: str, plan: str) -> str:
    """Start an execution of a published workflow."""
    first = call.partition.executions.get(given.execution)
    if first:
        same = (first.workflow, first.digest) == (name, given.digest)
        return "dup" if same else f"conflict {first.workflow} {first.digest}"
    if call.partition.sweeper.full > call.now:
        return "full"
    refused = refusal(call, name, plan, given.version)
    if refused:
        return refused
    execution = make(call, given.execution, name, plan, given.version, given.digest, given.input)
    execution.meta, execution.headers = given.meta, given.headers
    execution.timeout = given.timeout
    due = _due(call, given.due)
    if due > call.now:
        execution.phase, execution.begin = SCHEDULED, due
        execution.steps[0].owed, execution.steps[0].was_owed = (1, "c", ""), True
        call.partition.timers[f"f:{execution.id}:0"] = due
        call.emit(execution, 16, None, f"{name} {execution.version}")
    else:
        begin(call, execution)
    return "ok"


def refusal(call: Call, name: str, plan: str, version: int) -> str:
    """Why a workflow does not start; '' when it does. Version 0 is the latest."""
    if name not in call.partition.workflows:
        return "unknown"
    published, _, status = call.partition.workflows[name]
    if status != "ACTIVE":
        return "inactive"
    return f"moved {published}" if not version and published != plan else ""


def make(
    call: Call, name: str, workflow: str, plan: str, version: int, digest: str, value: bytes
) -> Execution:
    """Make an execution that nobody has begun yet."""
    compiled = call.partition.plans[plan]
    execution = Execution(
        name, compiled, workflow, version or call.partition.workflows[workflow][1], digest,
        call.now, value, b"", b"", [Step(i) for i in range(len(compiled.steps) + 1)],
    )  # fmt: skip
    execution.steps[0].state = "C"
    if workflow in call.partition.paused_workflows:
        execution.paused.add("w")
    call.partition.executions[name] = execution
    call.touch(execution)
    return execution


def begin(call: Call, execution: Execution) -> None:
    """Let the roots run; the timeout counts from here."""
    execution.phase, execution.steps[0].owed = RUNNING, None
    call.emit(execution, 1, None, f"{execution.workflow} {execution.version}")
    if execution.timeout:
        execution.timed = True
        call.partition.timers[f"x:{execution.id}"] = call.now + execution.timeout
    spread(call, execution, 0, "c")


def start_child(
    call: Call, token: Token, meta: str, child: str, workflow: str, plan: str, version: int,
    digest: str, value: bytes,
) -> str:  # fmt: skip
    """Start a child and let the step that asks for it wait for its end."""
    parent = call.partition.executions.get(token.execution)
    if not parent:
        consume(call, token)
        return "gone"
    step = parent.steps[token.step]
    if step.state == "k" and step.waiting and step.waiting.what == child:
        return "dup"
    if not token.live:
        settled = step.token is token and step.state in ("C", "F", "X")
        return "dup" if settled else "stale"
    if not parent.may_run(step.number):
        call.touch(parent)
        consume(call, token)
        cancel(call, parent, step, token, meta, begun=True)
        return "cancelled"
    there = call.partition.executions.get(child)
    if there and there.parent != (parent.id, step.number):
        return "conflict"
    refused = "" if there else _refuse_child(call, parent, workflow, plan, version)
    if refused:
        return refused
    call.touch(parent)
    consume(call, token)
    step.ran = True
    carried = (token.queue, token.attempt, token.deliveries, token.releases)
    step.state, step.token, step.waiting = "k", None, Waiting(*carried, what=child)
    call.emit(parent, 19, step.number, child)
    if not there:
        execution = make(call, child, workflow, plan, version, digest, value)
        execution.meta, execution.headers = parent.meta, parent.headers
        execution.parent, execution.depth = (parent.id, step.number), parent.depth + 1
        begin(call, execution)
    elif there.ended:
        call.order(f"p:{parent.id}:{step.number}")
    return "ok"


def _refuse_child(call: Call, parent: Execution, workflow: str, plan: str, version: int) -> str:
    if parent.depth >= call.partition.limits.depth_limit:
        return "deep"
    return refusal(call, workflow, plan, version)


def _due(call: Call, text: str) -> int:
    if not text:
        return call.now
    return int(text[1:]) + (call.now if text[0] == "+" else 0)
