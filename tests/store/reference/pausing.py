"""Pausing executions, workflows, queues and the namespace: nothing new is handed out."""

from tests.store.state import RUNNING, SCHEDULED, Call, Contents, Execution

NAMESPACE = "*"


def pause_execution(
    call: Call, execution: Execution | None, *, on: bool, letter: str, note: bytes
) -> str:
    """Pause or resume an execution, for its own sake (p) or its workflow's (w)."""
    if not execution:
        return "gone"
    if execution.phase not in (SCHEDULED, RUNNING):
        return "late"
    if on == (letter in execution.paused):
        return "dup"
    before = bool(execution.paused)
    execution.paused ^= {letter}
    call.touch(execution)
    if letter == "p":
        execution.note = note if on else b""
    if bool(execution.paused) != before:
        call.emit(execution, 17 if on else 18, None)
        if execution.phase == RUNNING:
            call.order(f"k:{execution.id}:1")
    return "ok"


def pause_partition(partition: Contents, what: str, name: str, *, on: bool, note: bytes) -> str:
    """Pause or resume a queue, a workflow's new executions, or every queue."""
    if what == "workflow":
        return _pause_workflow(partition, name, on=on, note=note)
    if on == (name in partition.paused_queues):
        return "dup"
    (partition.paused_queues.append if on else partition.paused_queues.remove)(name)
    partition.notes[name] = note if on else b""
    return "ok"


def _pause_workflow(partition: Contents, name: str, *, on: bool, note: bytes) -> str:
    if name not in partition.workflows:
        return "unknown"
    if on == (name in partition.paused_workflows):
        return "dup"
    (partition.paused_workflows.add if on else partition.paused_workflows.remove)(name)
    partition.workflow_notes[name] = note if on else b""
    return "ok"


def hands_out(partition: Contents, queue: str) -> bool:
    """Whether steps of a queue are handed out."""
    return not {queue, NAMESPACE} & set(partition.paused_queues)
