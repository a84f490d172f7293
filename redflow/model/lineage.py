"""Who comes before whom in a graph, and on which ways: sets of nodes as the bits of one number."""

from __future__ import annotations

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

    def comes_before(self, first: str, second: str) -> bool:
        """Say whether the first is an ancestor of the second; no unknown node is."""
        number = self._number.get(first)
        return number is not None and bool(self._before[second] >> number & 1)

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

    def answers(self, node_id: str, source: str) -> frozenset[str]:
        """Return the answers of a source of which a node needs one; none if it may run without.

        An answer is a label, or `failure` where an edge takes up the failure. Two nodes that need
        different answers of one source never both run.
        """
        found: dict[str, frozenset[str]] = {}
        for at in self.order[self.place[source] + 1 : self.place[node_id] + 1]:
            if at != node_id and not self.comes_before(at, node_id):
                continue
            ways = [self._answers(edge, source, found) for edge in self.incoming[at]]
            found[at] = frozenset().union(*ways) if ways and all(ways) else frozenset()
        return found[node_id]

    def _answers(self, edge: Edge, source: str, found: dict[str, frozenset[str]]) -> frozenset[str]:
        if edge.source != source:
            return found.get(edge.source, frozenset())
        answer = edge.label if edge.label is not None else edge.on
        return frozenset((answer,)) if answer not in ("success", "always") else frozenset()
