"""Whether annotations can take what reaches them: only what certainly cannot is a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from redflow.errors import InvalidInput, Problem
from redflow.model.annotations import UNSAID, shown
from redflow.model.checks import pointer
from redflow.model.undo import Undo
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow
from redflow.nodes.converting import admits_none
from redflow.nodes.function import Function
from redflow.nodes.matching import Field, Form, Forms, clash, given_by, taken_by
from redflow.nodes.signatures import key_of


@dataclass
class _Error:
    type: str
    message: str
    reason: str
    attempts: int


@dataclass
class _Failed:
    input: Any
    error: _Error


@dataclass
class _Ended:
    status: str
    output: Any
    error: _Error | None


def shape_problems(workflow: Workflow, functions: Mapping[str, Function]) -> Iterator[Problem]:
    """List annotations of functions that cannot take what their nodes are given."""
    called = {
        node.id: functions[name]
        for node in workflow.nodes
        if isinstance(node.id, str) and (name := _function_of(node)) in functions
    }
    incoming: dict[str, list[Edge]] = {}
    for edge in workflow.edges:
        if isinstance(edge.source, str) and isinstance(edge.target, str):
            incoming.setdefault(edge.target, []).append(edge)
    undone = {n.compensation: n.id for n in workflow.nodes if isinstance(n.compensation, str)}
    for node in workflow.nodes:
        function = called.get(node.id) if isinstance(node.id, str) else None
        if function is None:
            continue
        found = list(_unusable(node, function))
        yield from found
        if found or node.input is not DEFAULT:
            continue
        if node.id in undone:
            yield from _undo(node, function, undone[node.id])
        elif node.id in incoming:
            yield from _given(node, function, incoming[node.id], called)


def _function_of(node: Node) -> str:
    name = node.config.get("function") if isinstance(node.config, Mapping) else None
    return name if node.type == "function" and isinstance(name, str) else ""


def _unusable(node: Node, function: Function) -> Iterator[Problem]:
    """Tell of annotations that nothing could satisfy."""
    for parameter in function.binding.signature.parameters:
        try:
            function.binding.convert(parameter.name)
        except InvalidInput as error:
            yield Problem(pointer("nodes", node.id), "bad_annotation", str(error))


def _undo(node: Node, function: Function, undone: str) -> Iterator[Problem]:
    said = f"undoing {undone!r} gives an Undo"
    yield from _misfit(function, given_by(Undo), said, pointer("nodes", node.id))


def _given(
    node: Node, function: Function, edges: Sequence[Edge], called: Mapping[str, Function]
) -> Iterator[Problem]:
    """Compare what the edges to a node give with what its function asks for."""
    parents: dict[str, list[Edge]] = {}
    for edge in edges:
        parents.setdefault(edge.source, []).append(edge)
    at = pointer("nodes", node.id, "needs")
    takes = function.binding.signature.takes
    if takes == "names" and len(parents) > 1:
        yield from _by_name(node, function, parents, called)
    elif len(parents) == 1:
        (ways,) = parents.values()
        yield from _misfit(function, _through(ways, called), _said(ways, called), f"{at}/0")
    else:
        fields = {parent: Field(_through(ways, called)) for parent, ways in parents.items()}
        said = f"its parents give a map by their ids: {', '.join(parents)}"
        joined = Form("a map by node", frozenset({"map"}), fields, closed=True)
        yield from _misfit(function, (joined,), said, at)


def _by_name(
    node: Node,
    function: Function,
    parents: Mapping[str, Sequence[Edge]],
    called: Mapping[str, Function],
) -> Iterator[Problem]:
    """Compare each parameter with the parent it is named after."""
    at = pointer("nodes", node.id, "needs")
    for parameter in function.binding.signature.parameters:
        parent = key_of(parameter.name, parents)
        if parent is not None:
            ways = parents[parent]
            forms, said = _through(ways, called), _said(ways, called)
            yield from _misfit(function, forms, said, at, parameter=parameter.name)
        elif parameter.default is UNSAID:
            message = (
                f"function {function.name!r} asks for {parameter.name!r}, and no parent has that"
                f" name (they are: {', '.join(parents)}); rename it, or give it a default"
            )
            yield Problem(at, "bad_annotation", message)


def _misfit(
    function: Function, given: Forms, said: str, at: str, *, parameter: str = ""
) -> Iterator[Problem]:
    """Tell of the input, or of one parameter, when what is given can never be what is asked for."""
    binding = function.binding
    wanted: Forms
    if parameter or binding.signature.takes == "input":
        asked = [p for p in binding.signature.parameters if not parameter or p.name == parameter]
        names = [f"{p.name}: {shown(binding.annotations[p.name])}" for p in asked]
        wanted = taken_by(binding.annotations[asked[0].name]) if asked else None
    elif binding.signature.takes == "names":
        asked = list(binding.signature.parameters)
        names = [p.name for p in asked]
        fields = {p.name: _field(p, binding.annotations[p.name]) for p in asked}
        wanted = (Form("a map of them", frozenset({"map"}), fields),)
    else:
        return
    cause = clash(given, wanted)
    if cause is not None:
        message = (
            f"function {function.name!r} asks for {', '.join(names)}, and {said}: {cause};"
            " change one of the annotations"
        )
        yield Problem(at, "bad_annotation", message)


def _field(parameter: Parameter, annotation: Any) -> Field:
    required = parameter.default is UNSAID and not admits_none(annotation)
    return Field(taken_by(annotation), required)


def _through(ways: Sequence[Edge], called: Mapping[str, Function]) -> Forms:
    """The forms of what one parent gives, by whichever of its edges."""
    found: list[Form] = []
    for edge in ways:
        forms = _SHAPES.get(edge.on)
        if forms is None:
            function = called.get(edge.source)
            forms = None if function is None else given_by(function.binding.returns)
        if forms is None:
            return None
        found += forms
    return tuple(found)


def _said(ways: Sequence[Edge], called: Mapping[str, Function]) -> str:
    """Say what one parent gives, and by which edge."""
    edge = ways[0]
    if edge.on == "failure":
        return f"a failure of {edge.source!r} gives {{input, error}}"
    if edge.on == "always":
        return f"the end of {edge.source!r} gives {{status, output, error}}"
    function = called.get(edge.source)
    if function is None:
        return f"{edge.source!r} gives its output"
    return f"{function.name!r} returns {shown(function.binding.returns)}"


_SHAPES = {"failure": given_by(_Failed), "always": given_by(_Ended)}
