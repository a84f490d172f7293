"""Which node a variable comes from: the nearest before its reader that sets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from redflow.model.checks import shown
from redflow.model.definition import Definition
from redflow.model.lineage import Lineage

SETTER = "setvariable"


class Setters:
    """The nodes of a workflow that set variables."""

    def __init__(self, workflow: Definition, lineage: Lineage) -> None:
        self._lineage = lineage
        self._names: dict[str, frozenset[str]] = {}
        for node in workflow.nodes:
            if node.type == SETTER and isinstance(node.config, Mapping):
                variables = node.config.get("variables")
                if isinstance(variables, Mapping):
                    self._names[node.id] = frozenset(map(str, variables))

    def of(self, name: str, known: set[str], node_id: str) -> tuple[Sequence[str], str]:
        """Return the nodes that may have set a variable, the nearest first, and what is wrong.

        `known` are the nodes that have settled before its reader. Two setters of which either may
        have run last are refused: what the variable holds would depend on chance.
        """
        setters = [one for one in known if name in self._names.get(one, ())]
        if not setters:
            return (), self._unset(name, known, node_id)
        nearest = [one for one in setters if not self._hidden(one, setters, node_id)]
        nearest.sort(key=lambda one: self._lineage.place.get(one, -1), reverse=True)
        for one, other in combinations(nearest, 2):
            if self._either_may_be_last(one, other):
                wrong = (
                    f"the variable {shown(name)} is set by {shown(one)} and by {shown(other)},"
                    " which run side by side; rename one, or read steps.<node>.output instead"
                )
                return nearest, wrong
        return nearest, ""

    def _hidden(self, setter: str, setters: Sequence[str], node_id: str) -> bool:
        """Whether every way from a setter to the reader leads over another one."""
        if not self._lineage.incoming.get(node_id):  # it undoes others, or is the hidden last
            return any(self._lineage.comes_before(setter, other) for other in setters)
        todo, seen = [node_id], {node_id}
        while todo:
            for edge in self._lineage.incoming[todo.pop()]:
                if edge.source == setter:
                    return False
                if edge.source not in seen and edge.source not in setters:
                    seen.add(edge.source)
                    todo.append(edge.source)
        return True

    def _either_may_be_last(self, one: str, other: str) -> bool:
        lineage = self._lineage
        if lineage.comes_before(one, other) or lineage.comes_before(other, one):
            return False
        guards = lineage.guards((one, other))
        common = set(guards[one]) & set(guards[other])
        return not any(guards[one][source].isdisjoint(guards[other][source]) for source in common)

    def _unset(self, name: str, known: set[str], node_id: str) -> str:
        every = sorted({key for one in known for key in self._names.get(one, ())})
        before = f"before {shown(node_id)}" if node_id else "in this workflow"
        if not every:
            return f"no node {before} sets the variable {shown(name)}; add a setvariable node"
        return (
            f"no node {before} sets the variable {shown(name)}; known are {', '.join(every[:10])}"
        )
