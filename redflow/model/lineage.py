"""Who comes before whom in a graph, and on which ways: sets of nodes as the bits of one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from redflow.model.definition import Definition, Edge


class Lineage:
    """Ancestors of nodes. Nodes on a cycle have none: the graph is refused for it anyway."""

    def __init__(self, workflow: Definition) -> None:
        self.ids = list(
            dict.fromkeys(node.id for node in workflow.nodes if isinstance(node.id, str))
        )
        self._number = {node_id: i for i, node_id in enumerate(self.ids)}
        self.incoming: dict[str, list[Edge]] = {node_id: [] for node_id in self.ids}
        for edge in workflow.edges:
            known = isinstance(edge.source, str) and edge.source in self._number
            if known and isinstance(edge.target, str) and edge.target in self._number:
                self.incoming[edge.target].append(edge)
        self.order = self._topological()
        self.place = {node_id: i for i, node_id in enumerate(self.order)}

    def ancestors(self, node_id: str) -> set[str]:
        """Return every node that comes before this one."""
        return set(self._names(self._before[node_id]))

    def comes_before(self, first: str, second: str) -> bool:
        """Say whether the first is an ancestor of the second."""
        return bool(self._before[second] >> self._number[first] & 1)

    @cached_property
    def finalizers(self) -> set[str]:
        """Nodes that only `always` edges lead to."""
        found: set[str] = set()
        for node_id in self.order:
            edges = self.incoming[node_id]
            if edges and all(edge.on == "always" or edge.source in found for edge in edges):
                found.add(node_id)
        return found

    @cached_property
    def _before(self) -> dict[str, int]:
        found = dict.fromkeys(self.ids, 0)
        for node_id in self.order:
            for edge in self.incoming[node_id]:
                found[node_id] |= found[edge.source] | 1 << self._number[edge.source]
        return found

    def _names(self, bits: int) -> Iterator[str]:
        while bits:
            lowest = bits & -bits
            yield self.ids[lowest.bit_length() - 1]
            bits ^= lowest

    def _topological(self) -> list[str]:
        children: dict[str, list[str]] = {node_id: [] for node_id in self.ids}
        waiting = {node_id: len(edges) for node_id, edges in self.incoming.items()}
        for target, edges in self.incoming.items():
            for edge in edges:
                children[edge.source].append(target)
        ready = [node_id for node_id, count in waiting.items() if not count]
        order: list[str] = []
        while ready:
            node_id = ready.pop()
            order.append(node_id)
            for child in children[node_id]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        return order

    def guards(self, node_ids: Iterable[str]) -> dict[str, dict[str, set[str]]]:
        """Return which answers of which nodes some nodes need: `{node: {source: answers}}`.

        An answer is a label, or how the source ended where an edge takes up its failure. Two nodes
        that need different answers of one source never both run.
        """
        wanted = set(node_ids)
        found: dict[str, dict[str, set[str]]] = {}
        for node_id in self.order:
            per_edge = [self._guard(edge, found) for edge in self.incoming[node_id]]
            found[node_id] = _all_of(per_edge)
        return {node_id: found.get(node_id, {}) for node_id in wanted}

    def _guard(self, edge: Edge, found: dict[str, dict[str, set[str]]]) -> dict[str, set[str]]:
        guard = dict(found[edge.source])
        if edge.label is not None:
            guard[edge.source] = {edge.label}
        elif edge.on == "failure":
            guard[edge.source] = {"failure"}
        return guard


def _all_of(guards: list[dict[str, set[str]]]) -> dict[str, set[str]]:
    """Join the guards of several ways in: a source stays only if every way asks it something."""
    if not guards:
        return {}
    common = set(guards[0]).intersection(*guards[1:])
    return {source: set().union(*(guard[source] for guard in guards)) for source in common}
