"""Which node a variable comes from: the nearest before its reader that sets it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import combinations, islice

from redflow.model.checks import shown
from redflow.model.definition import Definition
from redflow.model.lineage import Lineage

SETTER = "setvariable"
# Looking for what makes two setters exclude each other, and for what may have been meant, is slow.
_SOURCES = 100
_NAMES = 100


class Setters:
    """The nodes of a workflow that set variables."""

    def __init__(self, workflow: Definition, lineage: Lineage) -> None:
        self._lineage = lineage
        self._setters: dict[str, set[str]] = defaultdict(set)
        self._nearest: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        self._choosing = _asked(workflow) & lineage.place.keys()
        for node in workflow.nodes:
            if node.type == SETTER and isinstance(node.config, Mapping):
                variables = node.config.get("variables")
                if isinstance(variables, Mapping):
                    for name in map(str, variables):
                        self._setters[name].add(node.id)

    def of(self, name: str, behind: Iterable[str], reader: str) -> tuple[Sequence[str], str]:
        """Return the nodes that may have set a variable, the nearest first, and what is wrong.

        `behind` are the nodes that the reader comes right after. Two setters of which either may
        have run last are refused: what the variable holds would depend on chance.
        """
        found = self._found(name, list(behind))
        nearest = sorted(found, key=self._lineage.place.__getitem__, reverse=True)
        if not nearest:
            return (), self._unset(name, reader)
        for one, other in combinations(nearest, 2):
            if self._either_may_be_last(one, other):
                wrong = (
                    f"the variable {shown(name)} is set by {shown(one)} and by {shown(other)},"
                    " which run side by side; rename one, or read steps.<node>.output instead"
                )
                return nearest, wrong
        return nearest, ""

    def _found(self, name: str, behind: Sequence[str]) -> frozenset[str]:
        """Return the nearest setters; the one setter that most variables have needs no walk."""
        setters: Set[str] = self._setters.get(name, frozenset())
        if len(setters) > 1:
            return frozenset().union(*(self._at(name, node_id) for node_id in behind))
        before = self._lineage.comes_before
        return frozenset(
            one for one in setters if one in behind or any(before(one, end) for end in behind)
        )

    def _at(self, name: str, node_id: str) -> frozenset[str]:
        """Return which setters are the nearest once a node has settled; each is looked at once."""
        setters = self._setters[name]
        known, place = self._nearest[name], self._lineage.place
        todo = [node_id]
        while todo:
            at = todo[-1]
            before = [edge.source for edge in self._lineage.incoming[at] if at in place]
            if at in setters and at in place:
                known[at] = frozenset((at,))
            elif missing := [one for one in before if one not in known]:
                todo += missing
                continue
            else:
                known[at] = frozenset().union(*(known[one] for one in before))
            todo.pop()
        return known[node_id]

    def _either_may_be_last(self, one: str, other: str) -> bool:
        """Whether both may run, in any order; far from the choice between them it is assumed."""
        lineage = self._lineage
        if lineage.comes_before(one, other) or lineage.comes_before(other, one):
            return False
        common = [
            source
            for source in self._choosing
            if lineage.comes_before(source, one) and lineage.comes_before(source, other)
        ]
        common.sort(key=lineage.place.__getitem__, reverse=True)
        for source in common[:_SOURCES]:
            first, second = lineage.answers(one, source), lineage.answers(other, source)
            if first and second and first.isdisjoint(second):
                return False
        return True

    def _unset(self, name: str, reader: str) -> str:
        before = f"before {shown(reader)}" if reader else "in this workflow"
        others = ", ".join(sorted(islice(self._setters, _NAMES))[:10])
        hint = f"known are {others}" if others else "add a setvariable node"
        return f"no node {before} sets the variable {shown(name)}; {hint}"


def _asked(workflow: Definition) -> set[str]:
    """Return the nodes of which some edge asks for a label or a failure."""
    asking = (e for e in workflow.edges if e.label is not None or e.on == "failure")
    return {edge.source for edge in asking if isinstance(edge.source, str)}
