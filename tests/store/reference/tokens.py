"""A step becomes ready, waits, and is taken from whatever it waits for."""

from redflow.model.plan_fields import inline_needs
from redflow.store.executions import pack_value
from redflow.store.steps import ABSENT
from tests.store.state import Call, Execution, Step, Token, Waiting


def begin_step(call: Call, execution: Execution, step: Step) -> None:
    """Make a step ready for the first time."""
    planned = execution.plan.step(step.number)
    if planned.deadline is not None:
        due = call.now + max(round(planned.deadline * 1000), 1)
        call.partition.timers[f"d:{execution.id}:{step.number}"] = due
    data = _travelling(call, execution, step.number)
    issue(call, execution, step, (planned.queue, 1, 0, 0), data)


def issue(
    call: Call, execution: Execution, step: Step, carried: tuple[str, int, int, int],
    data: list[bytes] | None = None, resume: bytes | None = None,
) -> None:  # fmt: skip
    """Give a step a token, or hold it while its execution is paused."""
    if execution.paused:
        step.state, step.token, step.waiting = "h", None, Waiting(*carried)
        return
    step.state, step.waiting = "q", None
    queue, attempt, deliveries, releases = carried
    step.token = Token(
        queue, execution.id, step.number, execution.plan.hash, attempt, deliveries, releases,
        data, execution.headers, resume,
    )  # fmt: skip
    call.partition.streams[queue].append(step.token)


def reissue(
    call: Call, execution: Execution, step: Step, carried: tuple[str, int, int, int],
    resume: bytes | None = None,
) -> None:  # fmt: skip
    """Let a step go on by reference, with what it waited for, now or earlier."""
    if resume is not None:
        step.resume, step.ran = resume, True
    kept = step.resume or None
    if kept and len(kept) > call.partition.limits.inline_value:
        kept = ABSENT
    issue(call, execution, step, carried, None, kept)


def consume(call: Call, token: Token) -> None:
    """End a token."""
    if token.live:
        token.live = False
        call.partition.streams[token.queue].remove(token)


def park(call: Call, execution: Execution, step: Step, waiting: Waiting, letter: str = "t") -> None:
    """Let a step wait for a time, for a signal, or for both."""
    step.state, step.token, step.waiting = letter, None, waiting
    if waiting.due:
        call.partition.timers[f"w:{execution.id}:{step.number}"] = waiting.due


def take_away(call: Call, execution: Execution, step: Step) -> tuple[str, Token | None]:
    """Take a live step from whatever it waits for; answers its meta and the token it had."""
    queue, attempt, deliveries, releases = step.carried
    token = step.token if step.state == "q" else None
    if token:
        consume(call, token)
    if step.state == "w":
        assert step.waiting is not None
        execution.waiters[step.waiting.what].remove(step.number)
    if step.state in ("t", "w"):
        call.partition.timers.pop(f"w:{execution.id}:{step.number}", None)
    return f"{attempt},{deliveries},{releases},{queue},0,0", token


def _travelling(call: Call, execution: Execution, number: int) -> list[bytes] | None:
    """The values that travel with a step's first token; None when it must read them."""
    needs = inline_needs(execution.plan.step(number))
    limits = call.partition.limits
    if needs is None:
        return None
    values = []
    for name in needs:
        value = pack_value(execution.input, limits.inline_value)
        if name != "input":
            parent = execution.steps[int(name[1:])]
            value = parent.value if parent.state == "C" else b"=" + ABSENT
        if value[:1] == b"@":
            return None
        values.append(value[1:])
    return values if sum(map(len, values)) <= limits.inline_total else None
