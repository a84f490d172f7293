"""What the expressions of a workflow read: names resolved to nodes, and everything wrong with them.

References lead to nodes that always have settled before: ancestors. So a step's values are known
when it becomes ready, and can travel with its claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from redflow.errors import InvalidWorkflow, Problem
from redflow.expressions import (
    CONFIG_NAMES,
    EDGE_NAMES,
    ExpressionError,
    References,
    parse_expression,
    parse_template,
)
from redflow.expressions.variables import Setters
from redflow.model.checks import pointer, shown
from redflow.model.compiling import Reads, compile_plan
from redflow.model.definition import DEFAULT, Definition, Edge, Node
from redflow.model.graph import CheckConfig, problems
from redflow.model.ids import undo_id
from redflow.model.lineage import Lineage
from redflow.model.plan import OUTPUT_NODE, Plan
from redflow.model.workflow import Workflow

EXPRESSION_KEYS: Mapping[str, tuple[str, ...]] = {
    "condition": ("variable", "expression"),
    "switch": ("variable", "expression"),
}
"""Keys of a config that are expressions themselves; every other text in a config is a template."""


# Looking for a similar name is slow; a text with many problems has another cause than typing.
_HINTED = 20


def compile_workflow(workflow: Workflow, version: int) -> Plan:
    """Compile a valid workflow with what its expressions read."""
    return compile_plan(workflow, version, Analysis(workflow).reads())


def every_problem(
    workflow: Definition, known_types: Mapping[str, CheckConfig] | None = None
) -> list[Problem]:
    """List every problem of a workflow, those of its expressions and templates included.

    Without `known_types` nothing is said about types, their configs and undeclared labels.
    """
    return [*problems(workflow, known_types), *Analysis(workflow).problems]


@dataclass(slots=True)
class _Uses:
    """One node's expressions: where each stands, and what all of them read together."""

    places: list[tuple[str, References]] = field(default_factory=list)
    takes_input: bool = True

    @property
    def all(self) -> References:
        found = References()
        for _, references in self.places:
            found |= references
        return found


class Analysis:
    """Expressions of one workflow. Nodes, edges and configs may be wrong in other ways."""

    def __init__(self, workflow: Definition) -> None:
        self.problems: list[Problem] = []
        self._nodes = {node.id: node for node in workflow.nodes if isinstance(node.id, str)}
        self._workflow = workflow
        self._uses = {node_id: self._uses_of(node) for node_id, node in self._nodes.items()}
        counts: dict[str, int] = {}
        for edge in workflow.edges:
            self._read_edge(edge, counts)
        self._output = _Uses()
        if workflow.output is not DEFAULT:
            self._template(self._output, workflow.output, "/output")
        has_output = workflow.output is not DEFAULT
        if has_output or any(u.places or not u.takes_input for u in self._uses.values()):
            self._lineage = Lineage(workflow)
            self._setters = Setters(workflow, self._lineage)
            self._resolved = dict(self._resolve())
        else:
            self._resolved = {}

    def reads(self) -> dict[str, Reads]:
        """Return what each node reads that reads anything; undo steps by their own ids."""
        return self._resolved

    # What stands where

    def _uses_of(self, node: Node) -> _Uses:
        at, uses = pointer("nodes", node.id), _Uses()
        if isinstance(node.config, Mapping):
            keys = EXPRESSION_KEYS.get(node.type, ()) if isinstance(node.type, str) else ()
            rest = {key: value for key, value in node.config.items() if key not in keys}
            self._template(uses, rest, at + "/config")
            for key in keys:
                if isinstance(text := node.config.get(key), str):
                    self._expression(uses, text, f"{at}/config/{key}", CONFIG_NAMES)
        if node.input is not DEFAULT:
            before = len(uses.places)
            self._template(uses, node.input, at + "/input")
            of_input = uses.places[before:]
            uses.takes_input = any("input" in one.names for _, one in of_input)
        return uses

    def _read_edge(self, edge: Edge, counts: dict[str, int]) -> None:
        if not (isinstance(edge.source, str) and isinstance(edge.target, str)):
            return
        index = counts[edge.target] = counts.get(edge.target, -1) + 1
        uses = self._uses.get(edge.source)
        if uses is not None and isinstance(edge.when, str):
            at = pointer("nodes", edge.target, "needs", str(index), "when")
            self._expression(uses, edge.when, at, EDGE_NAMES)

    def _template(self, uses: _Uses, value: Any, at: str) -> None:
        try:
            template = parse_template(value)
        except InvalidWorkflow as error:
            self.problems += [Problem(at + p.pointer, p.code, p.message) for p in error.problems]
            return
        if not template.is_literal:
            uses.places.append((at, template.references))

    def _expression(self, uses: _Uses, text: str, at: str, names: frozenset[str]) -> None:
        try:
            uses.places.append((at, parse_expression(text, names).references))
        except ExpressionError as error:
            self.problems.append(Problem(at, "bad_expression", str(error)))

    # What the names stand for

    def _resolve(self) -> Iterator[tuple[str, Reads]]:
        undone = self._undone_by()
        for node_id, uses in self._uses.items():
            if not uses.places and uses.takes_input:
                continue
            if node_id not in undone:
                behind = [edge.source for edge in self._lineage.incoming[node_id]]
                yield node_id, self._reads(uses, behind, node_id)
                continue
            for other in undone[node_id]:
                yield undo_id(other), self._reads(uses, [other], node_id)
        if self._workflow.output is not DEFAULT:
            forward = self._nodes.keys() - undone.keys() - self._lineage.finalizers
            inner = {edge.source for one in forward for edge in self._lineage.incoming[one]}
            yield OUTPUT_NODE, self._reads(self._output, sorted(forward - inner), "")

    def _settled(self, name: str, behind: Sequence[str]) -> bool:
        """Whether a node is one of these or comes before one. Asked, not listed: the nodes of a
        long chain have many ancestors each.
        """
        return name in behind or any(self._lineage.comes_before(name, one) for one in behind)

    def _reads(self, uses: _Uses, behind: Sequence[str], node_id: str) -> Reads:
        variables: dict[str, Sequence[str]] = {}
        for at, references in uses.places:
            for name in sorted(references.steps):
                if not self._settled(name, behind):
                    wrong = self._unknown(name, node_id)
                    self.problems.append(Problem(at, "bad_reference", wrong))
            for name in sorted(references.variables):
                setters, wrong = self._setters.of(name, behind, node_id)
                variables[name] = setters
                if wrong:
                    self.problems.append(Problem(at, "bad_reference", wrong))
        found = uses.all
        fields = {"input"} & found.execution
        if found.execution & {"labels", "metadata"}:
            fields.add("meta")
        if not node_id:  # the hidden last node: its input is the execution's
            fields.add("input")
        return Reads(
            steps=frozenset(one for one in found.steps if self._settled(one, behind)),
            variables=variables,
            fields=frozenset(fields),
            takes_input=uses.takes_input and bool(node_id),
        )

    def _unknown(self, name: str, node_id: str) -> str:
        if name in self._nodes:
            reader = f"before {shown(node_id)}" if node_id else "before the execution ends"
            return f"node {shown(name)} does not run {reader} on every way; connect them"
        known = list(self._nodes)[:100] if len(self.problems) < _HINTED else []
        near = get_close_matches(name[:80], known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"there is no node {shown(name)}{hint}"

    def _undone_by(self) -> dict[str, list[str]]:
        """For every compensation node the nodes that it undoes."""
        found: dict[str, list[str]] = {}
        for node in self._nodes.values():
            if isinstance(node.compensation, str):
                found.setdefault(node.compensation, []).append(node.id)
        return found
