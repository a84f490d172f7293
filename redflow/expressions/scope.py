"""The names an expression may read, and the record of which parts of them it does read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONFIG_NAMES: Final = frozenset({"input", "steps", "vars", "execution", "workflow"})
EDGE_NAMES: Final = CONFIG_NAMES | {"output"}

# Names that are read by their parts only, so that what a step needs is known beforehand.
PARTS: Final[dict[str, frozenset[str] | None]] = {
    "steps": None,
    "vars": None,
    "execution": frozenset({"id", "namespace", "input", "labels", "metadata"}),
    "workflow": frozenset({"id", "version"}),
}
STEP_FIELDS: Final = frozenset({"status", "output", "error"})


@dataclass(frozen=True, slots=True)
class References:
    """What evaluating may read: names of the scope, and of these the parts.

    `steps` holds the ids after `steps.`, `variables` the names after `vars.`, `execution` the
    fields after `execution.`.
    """

    names: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    execution: frozenset[str] = frozenset()

    def __or__(self, other: References) -> References:
        return References(
            self.names | other.names,
            self.steps | other.steps,
            self.variables | other.variables,
            self.execution | other.execution,
        )
