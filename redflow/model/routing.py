"""Which outgoing edges a result takes."""

from __future__ import annotations

from redflow.errors import InvalidInput
from redflow.model.plan import PlanStep


def not_taken(step: PlanStep, label: str | None) -> str:
    """Positions of labelled edges the label does not choose, as `,2,5,`; '' when all are taken.

    Without a label a labelled edge is never taken. Raises InvalidInput for an undeclared label.
    """
    if label is not None and label not in step.labels:
        declared = ", ".join(step.labels) or "none"
        raise InvalidInput(
            f"node {step.id!r} answered the label {label!r}, which it does not declare"
            f" (declared: {declared}); add it to labels=[...] of the node or function"
        )
    if not step.labels:
        return ""
    refused = [
        str(position)
        for position, edge in enumerate(step.edges, 1)
        if edge.label is not None and edge.label != label
    ]
    return f",{','.join(refused)}," if refused else ""
