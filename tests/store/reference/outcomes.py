"""What workers report of their steps."""

from redflow.store.steps import CANCELLED, DUPLICATE, GONE, RECORDED, STALE, STOPPING
from tests.store.reference.settling import BY_ITSELF, UNCERTAIN, cancel, complete, fail
from tests.store.reference.signals import await_signal
from tests.store.reference.tokens import consume, park, reissue
from tests.store.reference.values import TIMER
from tests.store.state import Call, Execution, Outcome, Step, Token, Waiting


def record(call: Call, outcome: Outcome) -> int:
    """Record one outcome; answers a code of `advance`."""
    token = outcome.token
    execution = call.partition.executions.get(token.execution)
    if not execution:
        consume(call, token)
        return GONE
    if not token.live:
        recorded = any(s.token is token and s.state in ("C", "F", "X") for s in execution.steps)
        return DUPLICATE if recorded else STALE
    step = execution.steps[token.step]
    consume(call, token)
    call.touch(execution)
    if outcome.kind not in "cf" and not execution.may_run(step.number):
        begun = step.ran or outcome.kind != "n"
        cancel(call, execution, step, token, outcome.meta, begun=begun)
        return CANCELLED
    _KINDS[outcome.kind](call, execution, step, outcome)
    return STOPPING if execution.stopping else RECORDED


def _failed(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    did = UNCERTAIN if outcome.detail == "u" else BY_ITSELF
    fail(call, execution, step, outcome.token, outcome.meta, outcome.value, did)


def _retry(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    token = outcome.token
    step.retry_error, step.ran = outcome.value, True
    if step.resume is not None:
        step.resume = b""
    call.emit(execution, 8, step.number, outcome.meta)
    due = call.now + int(outcome.detail)
    park(call, execution, step, Waiting(token.queue, token.attempt + 1, 0, 0, due, "r"))


def _released(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    """Cut short or never begun; that it had begun is remembered where it decides something."""
    if outcome.kind == "l" and execution.plan.step(step.number).undo:
        step.ran = step.cut = True
    call.emit(execution, 14, step.number, outcome.value.decode())
    queue, attempt, deliveries, releases = _carried(outcome.token)
    carried = (queue, attempt, deliveries, min(releases + 1, 127))
    if outcome.detail == "0":
        reissue(call, execution, step, carried)
    else:
        due = call.now + int(outcome.detail)
        park(call, execution, step, Waiting(*carried, due, "l"))


def _sleep(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    step.ran = True
    call.emit(execution, 19, step.number)
    due = int(outcome.detail[1:]) + (call.now if outcome.detail[0] == "+" else 0)
    carried = _carried(outcome.token)
    if due <= call.now:
        reissue(call, execution, step, carried, TIMER)
    else:
        park(call, execution, step, Waiting(*carried, due, "s"))


def _await(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    step.ran = True
    due = call.now + int(outcome.detail) if outcome.detail else 0
    name = outcome.value.decode()
    await_signal(call, execution, step, Waiting(*_carried(outcome.token), due, what=name))


def _carried(token: Token) -> tuple[str, int, int, int]:
    return token.queue, token.attempt, token.deliveries, token.releases


_KINDS = {
    "c": complete, "f": _failed, "r": _retry, "l": _released, "n": _released, "t": _sleep,
    "s": _await,
}  # fmt: skip
