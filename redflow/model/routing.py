"""Which outgoing edges a result takes."""

from __future__ import annotations

from collections.abc import Callable

from redflow.errors import InvalidInput
from redflow.model.plan import PlanStep


def asks(step: PlanStep) -> bool:
    """Whether some edge of a step is taken only sometimes when it completes."""
    return bool(step.labels) or any(edge.when is not None for edge in step.edges)


def not_taken(step: PlanStep, label: str | None, holds: Callable[[str], bool]) -> str:
    """Positions of edges that the label and the expressions refuse, as `,2,5,`; '' for none.

    Without a label a labelled edge is never taken. `holds` says whether an expression does. Raises
    InvalidInput for an undeclared label, and what `holds` raises.
    """
    if label is not None and label not in step.labels:
        declared = ", ".join(step.labels) or "none"
        raise InvalidInput(
            f"node {step.id!r} answered the label {label!r}, which it does not declare"
            f" (declared: {declared}); add it to labels=[...] of the node or function"
        )
    if not asks(step):
        return ""
    refused = [
        str(position)
        for position, edge in enumerate(step.edges, 1)
        if (edge.label is not None and edge.label != label)
        or (edge.when is not None and not holds(edge.when))
    ]
    return f",{','.join(refused)}," if refused else ""
