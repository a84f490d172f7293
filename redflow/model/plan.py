"""The Plan of a workflow version, as workers follow it: steps by number, edges resolved."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from redflow.model.retry import RetryPolicy

OUTPUT_NODE = "~output"
"""The hidden last node of a workflow with an `output`; no node of an author has such an id."""
PLAIN, FAILURE, ALWAYS = "n", "f", "a"
DEFAULT_TIMEOUT = -1.0
"""Stands for the default of the node's type."""


class PlanEdge(msgspec.Struct, array_like=True, frozen=True):
    """An outgoing edge: the child's number, `n`, `f` or `a`, and the label it asks for."""

    child: int
    kind: str
    label: str | None
    when: str | None = None


class PlanParent(msgspec.Struct, array_like=True, frozen=True):
    """An incoming edge: the parent's number, the edge's place among its outgoing ones from 1."""

    step: int
    position: int
    kind: str
    label: str | None
    when: str | None = None

    @property
    def may_refuse(self) -> bool:
        """Whether the parent may complete without taking this edge."""
        return self.label is not None or self.when is not None


class PlanStep(msgspec.Struct, array_like=True, frozen=True):
    """A node as it runs; `timeout` is seconds, None for none, DEFAULT_TIMEOUT for its type's.

    `undo` is the number of the step that undoes this one, 0 for none; `undo_when` is s, c or a.
    `undo_of` is the number of the step that this one undoes, 0 for a forward step.
    """

    id: str
    type: str
    config: dict[str, Any]
    retry: RetryPolicy | None
    timeout: float | None
    queue: str
    any_outcome: bool
    finalizer: bool
    labels: list[str]
    edges: list[PlanEdge]
    parents: list[PlanParent]
    # Appended, so that a plan of an earlier version can be read.
    deadline: float | None = None
    undo: int = 0
    undo_when: str = "s"
    undo_of: int = 0
    template: list[Any] | None = None
    """In a list of one: the template of its input."""
    takes_input: bool = True
    """Whether what its edges give is read at all: a template may do without."""
    reads: list[str] = []
    """Fields its expressions read besides: `input`, `meta`, `s<i>`."""
    variables: dict[str, list[int]] = {}
    """By name the steps that may have set it, the nearest first."""

    @property
    def has_failure_edge(self) -> bool:
        """Whether a failure of this step is handled."""
        return any(edge.kind == FAILURE for edge in self.edges)


class Plan(msgspec.Struct, array_like=True, frozen=True, dict=True):
    """A compiled workflow version; step i stands at steps[i - 1], parents before children.

    Behind the forward steps stand the undo steps, in the order of the steps they undo.
    """

    hash: str
    workflow: str
    version: int
    steps: list[PlanStep]
    on_cancel: str = "compensate"

    @cached_property
    def forward(self) -> int:
        """How many forward steps there are; they have the numbers 1 to this."""
        return sum(not step.undo_of for step in self.steps)

    @cached_property
    def nodes(self) -> list[str]:
        """Ids of the forward steps that the author of the workflow has written."""
        return [step.id for step in self.steps[: self.forward] if step.id != OUTPUT_NODE]

    @cached_property
    def roots(self) -> list[int]:
        """Forward steps that no edge leads to; the start of an execution makes them ready."""
        return [i for i, s in enumerate(self.steps, 1) if not s.parents and not s.undo_of]

    @cached_property
    def queues(self) -> list[str]:
        """Every queue a step runs in."""
        return sorted({step.queue for step in self.steps})

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Step number by node id; undo steps stand under `<node>~undo`."""
        return {step.id: number for number, step in enumerate(self.steps, 1)}

    @cached_property
    def sinks(self) -> list[int]:
        """Steps whose outputs make the execution's: left by no plain edge, and no finalizers."""
        return [
            number
            for number, step in enumerate(self.steps, 1)
            if not (step.finalizer or step.undo_of)
            and all(edge.kind != PLAIN for edge in step.edges)
        ]

    def step(self, number: int) -> PlanStep:
        """The step with a number from 1."""
        return self.steps[number - 1]

    def encode(self) -> bytes:
        """The plan as workers read it back."""
        return _encoder.encode(self)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Plan)


def decode_plan(data: bytes) -> Plan:
    """A plan as stored."""
    return _decoder.decode(data)
