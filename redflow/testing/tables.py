"""Failures of tests: the steps of an execution as a table, and why it does not go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redflow.model.execution import Step
from redflow.model.explain import Reason

WIDTH = 100
"""Characters of a value or an error that are shown."""


def table(steps: Sequence[Step], now: datetime) -> str:
    """One line for each step: node, status, attempt, and what there is to say of it."""
    rows = [("node", "status", "attempt", "detail")]
    rows += [(one.node_id, str(one.status), str(one.attempt), _detail(one, now)) for one in steps]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]))
        for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)


def explained(reasons: Sequence[Reason]) -> str:
    """One line for each reason, with the next step."""
    lines = ["why it does not go on:"]
    for reason in reasons:
        said = " ".join(f"{name}={_short(value)}" for name, value in reason.params.items())
        lines.append(f"  {reason.node or 'execution'}: {reason.code} {said}".rstrip())
    return "\n".join(lines) if reasons else "nothing holds it up: settle() lets it go on"


def _detail(step: Step, now: datetime) -> str:
    said = []
    if step.error is not None:
        said.append(f"{step.error.type}: {_cut(step.error.message)}")
    if step.output is not None:
        said.append(f"output {_short(step.output)}")
    if step.reason is not None:
        said.append(str(step.reason))
    if step.waiting_for is not None:
        said.append(f"waits for {step.waiting_for}")
    if step.due_at is not None:
        said.append(f"due in {step.due_at - now}")
    return ", ".join(said)


def _short(value: Any) -> str:
    return _cut(str(value) if isinstance(value, (str, datetime)) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
