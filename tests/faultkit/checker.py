"""Says which invariants a history breaks, each as a sentence; see `INVARIANTS` for their meaning.

I8 (the mirror in SQL) and the ticks of I10 (schedules) are about parts that do not exist yet. Of
I14 the claims are counted; memory and consumers are watched by tests of their own.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from redflow.model.event import EventKind
from redflow.store.folding import ENDED, SETTLED
from redflow.store.records import RawStep
from tests.faultkit.folding import check_fold
from tests.faultkit.history import History, Seen, decoded, fence_of
from tests.faultkit.taking_over import check_overlaps

SLACK = 3
"""Milliseconds that rounding may take from a timer."""


def check(history: History) -> list[str]:
    """Return every broken invariant, as `I7: execution e3, step n2: ...`."""
    return [
        f"{name}: {sentence}"
        for name, invariant in INVARIANTS.items()
        for sentence in invariant(history)
    ]


def is_child(execution: str) -> bool:
    """Whether a step has started it."""
    return "." in execution


def check_starts(history: History) -> Iterator[str]:
    """I1: every acknowledged start has its execution, and there is no other."""
    starts = [one for one in history.asked if one.what == "start"]
    for name in {one.execution for one in starts if one.how == "ok"} - set(history.executions):
        yield f"execution {name}: its start was acknowledged, and it does not exist"
    possible = {one.execution for one in starts if one.how != "fail"}
    for name, seen in history.executions.items():
        if is_child(name):
            if seen.raw.parent not in history.executions:
                yield f"execution {name}: nobody is its parent"
        elif name not in possible:
            yield f"execution {name}: nobody has started it"
        elif decoded(seen.raw.input) != history.inputs[name]:
            yield f"execution {name}: has another input than the one it was started with"
    for one in starts:
        if one.key == "other input" and one.how == "ok":
            yield f"execution {one.execution}: was started again with another input"
    for name in history.strays:
        yield f"execution {name}: has events, and does not exist"


def check_ends(history: History) -> Iterator[str]:
    """I2: every execution has ended, with one event, and nothing after it."""
    cancelled = {one.execution for one in history.asked if (one.what, one.how) == ("cancel", "ok")}
    for name, seen in history.executions.items():
        ends = [event for event in seen.events if event.kind in ENDED]
        if seen.raw.ended_as is None or seen.raw.phase != "d":
            live = {
                seen.node(one.step).id: one.kind for one in seen.raw.steps if one.kind in "qtwkh"
            }
            yield f"execution {name}: has not ended, its live steps are {live}"
        if len(ends) != 1 and (ends or seen.raw.ended_as):
            yield f"execution {name}: has {len(ends)} events of its end"
        last = max((event.seq or 0 for event in seen.events), default=0)
        if ends and (ends[0].seq != last or ENDED[EventKind(ends[0].kind)] != seen.raw.ended_as):
            yield f"execution {name}: its end is not the last event, or not the recorded one"
        if name in cancelled and seen.raw.ended_as not in ("X", None):
            yield f"execution {name}: was cancelled, and ended {seen.raw.ended_as}"


def recorded_steps(history: History) -> Iterator[tuple[str, str, Seen, RawStep]]:
    """Every recorded step that calls a function: execution, node, both records."""
    for name, seen in history.executions.items():
        for step in seen.raw.steps:
            node = seen.node(step.step)
            if node.type == "function":
                yield name, node.id, seen, step


def check_records(history: History) -> Iterator[str]:
    """I3: tokens only grow, each runs once, and what is recorded is what the last one gave."""
    for (execution, node), tokens in history.steps.items():
        where = f"execution {execution}, step {node}"
        begun = {fence: [x for x in said if x.word == "begin"] for fence, said in tokens.items()}
        for lines in begun.values():
            if len(lines) > 1:
                yield f"{where}: token {lines[0].fence} ran {len(lines)} times"
        attempts = [lines[0].attempt for lines in begun.values() if lines]
        if attempts != sorted(attempts):
            yield f"{where}: attempts {attempts} do not grow with their tokens"
        if len({line.more["input"] for lines in begun.values() for line in lines}) > 1:
            yield f"{where}: its attempts were given different inputs"
    for execution, node, _, step in recorded_steps(history):
        if step.kind in "CF" and step.token != "0-0":
            yield from _check_record(history, execution, node, step)


def _check_record(history: History, execution: str, node: str, step: RawStep) -> Iterator[str]:
    where, fence = f"execution {execution}, step {node}", fence_of(step.token)
    newest = max(history.steps.get((execution, node), {}), default=0)
    if newest > fence:
        yield f"{where}: token {fence} is recorded although {newest} was issued after it"
    if step.kind == "C":
        if not history.said(execution, node, fence, "begin") or not history.said(
            execution, node, fence, "end"
        ):
            yield f"{where}: is recorded as completed by token {fence}, which did not end"
        if decoded(step.value) != [execution, node, fence]:
            yield f"{where}: the recorded value is not the one of token {fence}"


def check_order(history: History) -> Iterator[str]:
    """I4: no step begins or is settled before all its parents are."""
    for name, seen in history.executions.items():
        settled = {one.step: one for one in seen.events if one.kind in SETTLED}
        for number, event in settled.items():
            assert number is not None
            node = seen.node(number)
            for parent in {edge.step for edge in node.parents}:
                before = settled.get(parent)
                where = f"execution {name}, step {node.id}"
                other = seen.node(parent).id
                if before is None or (before.seq or 0) > (event.seq or 0):
                    yield f"{where}: was settled before its parent {other}"
                elif _began_early(history, name, seen, number, parent):
                    yield f"{where}: began before its parent {other} had ended"


def _began_early(history: History, name: str, seen: Seen, number: int, parent: int) -> bool:
    """Whether witnesses say that a step began before the recorded attempt of a parent ended."""
    record = seen.steps.get(parent)
    if record is None or record.kind != "C":
        return False
    ended = history.said(name, seen.node(parent).id, fence_of(record.token), "end")
    tokens = history.steps.get((name, seen.node(number).id), {}).values()
    begun = [line.at for lines in tokens for line in lines if line.word == "begin"]
    return bool(ended and begun) and min(begun) < ended[0].at


def check_runs(history: History) -> Iterator[str]:
    """I5: a step becomes ready once; an event tells why whenever it runs again."""
    again = (EventKind.STEP_RETRYING, EventKind.STEP_RELEASED, EventKind.STEP_RECLAIMED)
    for (execution, node), tokens in history.steps.items():
        seen = history.executions.get(execution)
        number = seen.plan.numbers.get(node) if seen else None
        if seen is None or number is None:
            yield f"execution {execution}, step {node}: ran, and does not exist"
            continue
        told = len(seen.of(number, *again))
        if len(tokens) > 1 + told:
            yield (
                f"execution {execution}, step {node}: ran under {len(tokens)} tokens,"
                f" and events tell of {1 + told}"
            )


def check_indexes(history: History) -> Iterator[str]:
    """I9: each live step stands in one place, an ended one in none; no key is unknown."""
    yield from history.audit


def check_timers(history: History) -> Iterator[str]:
    """I10: no wait and no retry goes on before its time, by the clock of Redis."""
    for name, seen in history.executions.items():
        for event in seen.events:
            if event.step is None:
                continue
            node = seen.node(event.step)
            if event.kind == EventKind.STEP_WAITING and node.type == "wait":
                due = float(node.config["duration"]) * 1000
                kinds: tuple[int, ...] = (EventKind.STEP_COMPLETED,)
            elif event.kind == EventKind.STEP_RETRYING and node.retry is not None:
                attempt = int(event.extra.split(",")[0])
                due = node.retry.delay(attempt) * 1000
                kinds = (EventKind.STEP_COMPLETED, EventKind.STEP_RETRYING)
            else:
                continue
            later = [x.at for x in seen.of(event.step, *kinds) if (x.seq or 0) > (event.seq or 0)]
            if later and later[0] < event.at + due - SLACK:
                yield (
                    f"execution {name}, step {node.id}: went on {later[0] - event.at} ms after it"
                    f" was told to wait {due:.0f} ms"
                )


def check_signals(history: History) -> Iterator[str]:
    """I11: every accepted signal is consumed once, or kept."""
    accepted: Counter[tuple[str, str]] = Counter()
    possible: dict[str, set[str]] = defaultdict(set)
    for one in history.asked:
        if one.what == "signal":
            accepted[one.execution, one.key] += one.answer in ("delivered", "buffered")
            if one.how != "fail":
                possible[one.execution].add(one.key)
    for (execution, key), times in accepted.items():
        if times > 1:
            yield f"execution {execution}: signal {key} was accepted {times} times"
    for name, seen in history.executions.items():
        known = {one[2:] for one in seen.fields if one.startswith("i:")}
        took = {key for (execution, key), times in accepted.items() if execution == name and times}
        if took - known or known - possible[name]:
            yield f"execution {name}: knows signals {sorted(known)}, and accepted {sorted(took)}"
        told = [x for x in seen.events if x.kind == EventKind.SIGNAL_RECEIVED and x.step]
        if len(told) != len(known) - seen.fields.count("kept"):
            yield (
                f"execution {name}: accepted {len(known)} signals, keeps"
                f" {seen.fields.count('kept')}, and gave {len(told)} to steps"
            )
        yield from _check_given(name, seen)


def _check_given(name: str, seen: Seen) -> Iterator[str]:
    given: dict[str, list[str]] = defaultdict(list)
    for step in seen.raw.steps:
        if seen.node(step.step).type == "signal" and step.kind == "C":
            given[str(decoded(step.value))].append(seen.node(step.step).id)
    for signal, nodes in given.items():
        if len(nodes) > 1:
            yield f"execution {name}: signal {signal} was consumed by the steps {nodes}"


def check_sagas(history: History) -> Iterator[str]:
    """I12: what was completed or cut off is undone, once, the last first."""
    for name, seen in history.executions.items():
        triggered = [x.extra for x in seen.events if x.kind == EventKind.COMPENSATION_TRIGGERED]
        settled = [x.step for x in seen.events if x.kind in SETTLED and x.step in triggered]
        if len(set(triggered)) != len(triggered):
            yield f"execution {name}: a step was undone twice: {triggered}"
        elif triggered != settled[::-1]:
            yield f"execution {name}: settled {settled}, and undone in the order {triggered}"
        if seen.raw.ended_as == "C" and triggered:
            yield f"execution {name}: completed, and steps {triggered} were undone"
        if seen.raw.ended_as in ("F", "X") and "a" not in seen.raw.flags:
            yield from _check_undone(history, name, seen, set(triggered))


def _check_undone(history: History, name: str, seen: Seen, undone: set[int]) -> Iterator[str]:
    for number, step in seen.steps.items():
        node = seen.node(number)
        if not node.undo:
            continue
        where = f"execution {name}, step {node.id}"
        certain, possible = _undo_of(step, node.undo_when)
        if certain and number not in undone:
            yield f"{where}: ended {step.kind} and was not undone"
        elif not possible and number in undone:
            yield f"{where}: ended {step.kind} and was undone"
        undo = seen.steps.get(node.undo)
        if number in undone and (undo is None or undo.kind not in "CFX"):
            yield f"{where}: its compensation has not ended"
        elif undo and undo.kind == "C" and not history.steps.get((name, seen.node(node.undo).id)):
            yield f"{where}: its compensation is recorded, and never ran"


def _undo_of(step: RawStep, when: str) -> tuple[bool, bool]:
    """Whether a settled step must be undone, and whether it may be."""
    begun = step.kind == "X" and step.attempt > 0
    certain = step.kind == "C" or (begun and when in "sa") or (step.kind == "F" and when == "a")
    return certain, certain or (step.kind == "F" and when == "s")


def check_limits(history: History) -> Iterator[str]:
    """I13: attempts and deliveries stay within their limits."""
    for name, seen in history.executions.items():
        for step in seen.raw.steps:
            node = seen.node(step.step)
            most = node.retry.max_attempts if node.retry else 1
            if step.attempt > most or step.deliveries > history.deliveries + 1:
                yield (
                    f"execution {name}, step {node.id}: attempt {step.attempt} of {most},"
                    f" {step.deliveries} lost leases of {history.deliveries}"
                )
    for (execution, node_id), tokens in history.steps.items():
        seen_or_none = history.executions.get(execution)
        if seen_or_none is None or node_id not in seen_or_none.plan.numbers:
            continue
        policy = seen_or_none.node(seen_or_none.plan.numbers[node_id]).retry
        attempt = max(line.attempt for lines in tokens.values() for line in lines)
        if attempt > (policy.max_attempts if policy else 1):
            yield f"execution {execution}, step {node_id}: attempt {attempt} ran"


def check_left(history: History) -> Iterator[str]:
    """I14: no token, no claim and no timer is left."""
    yield from history.left


INVARIANTS: dict[str, Callable[[History], Iterator[str]]] = {
    "I1": check_starts,
    "I2": check_ends,
    "I3": check_records,
    "I4": check_order,
    "I5": check_runs,
    "I6": check_overlaps,
    "I7": check_fold,
    "I9": check_indexes,
    "I10": check_timers,
    "I11": check_signals,
    "I12": check_sagas,
    "I13": check_limits,
    "I14": check_left,
}
