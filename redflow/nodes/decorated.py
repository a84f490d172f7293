"""The functions of a flow: what its nodes call, bound to the parents they have there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redflow.model.decorators import NodeFunction
from redflow.model.workflow import DEFAULT, Workflow
from redflow.nodes.binding import Binding
from redflow.nodes.function import Function, inspect_function
from redflow.nodes.signatures import read_signature


def decorated_functions(
    nodes: Mapping[str, NodeFunction[..., Any]], workflow: Workflow
) -> Iterator[Function]:
    """Yield the function of every decorated node; raises InvalidInput for what cannot be called."""
    made = {node.id: node.input is not DEFAULT for node in workflow.nodes}
    for name, node in nodes.items():
        parents = {edge.source for edge in workflow.edges if edge.target == node.id}
        known = set() if made.get(node.id) else parents
        where, _ = inspect_function(node.call, node.run, name)
        signature = read_signature(node.call, name, parents=known, alone=where == "process")
        bound = Binding(name, node.call, signature, undoes=node.undoes)
        yield Function(name, node.call, where, signature.context, bound=bound)
