"""Draws a workflow as Mermaid or DOT text; whatever names hold, a node is one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from redflow.errors import InvalidWorkflow
from redflow.model.definition import Definition, Edge, Node
from redflow.model.graph import problems

_LONGEST = 80
_MERMAID_SHAPES = {
    "condition": ("{", "}"),
    "switch": ("{", "}"),
    "signal": ("([", "])"),
    "wait": ("([", "])"),
    "subworkflow": ("[[", "]]"),
}
_DOT_SHAPES = {
    "condition": "diamond",
    "switch": "diamond",
    "signal": "oval",
    "wait": "oval",
    "subworkflow": "box3d",
}
_MERMAID_LINES = {"solid": "-->", "dashed": "-.->", "dotted": "-.->"}
_MERMAID_PLAIN = re.compile(r"[^A-Za-z0-9 ._,:!?()+*/=@'-]")
_DOT_ESCAPED = re.compile(r'["\\&]')


@dataclass(frozen=True, slots=True)
class _Line:
    """One line between two nodes; dashed when a failure takes it, dotted when it undoes."""

    source: str
    target: str
    label: str
    style: str


def mermaid(workflow: Definition) -> str:
    """Draw a Mermaid flowchart; raise InvalidWorkflow."""
    _check(workflow)
    names = {node.id: f"n{number}" for number, node in enumerate(workflow.nodes, 1)}
    lines = list(_lines(workflow))
    drawn = ["flowchart TD"]
    for node in workflow.nodes:
        opening, closing = _MERMAID_SHAPES.get(node.type, ("[", "]"))
        label = "<br/>".join(_mermaid_text(text) for text in _texts(node))
        drawn.append(f'    {names[node.id]}{opening}"{label}"{closing}')
    for line in lines:
        label = f'|"{_mermaid_text(line.label)}"|' if line.label else ""
        drawn.append(
            f"    {names[line.source]} {_MERMAID_LINES[line.style]}{label} {names[line.target]}"
        )
    dotted = [str(number) for number, line in enumerate(lines) if line.style == "dotted"]
    if dotted:  # Mermaid has one dashed line; dots are a matter of style
        drawn.append(f"    linkStyle {','.join(dotted)} stroke-dasharray:1 5")
    return "\n".join(drawn) + "\n"


def dot(workflow: Definition) -> str:
    """Draw a DOT digraph; raise InvalidWorkflow."""
    _check(workflow)
    drawn = [f"digraph {_dot_text(workflow.id)} {{", "    node [shape=box];"]
    for node in workflow.nodes:
        shape = _DOT_SHAPES.get(node.type)
        more = f", shape={shape}" if shape else ""
        drawn.append(f"    {_dot_text(node.id)} [label={_dot_text(*_texts(node))}{more}];")
    for line in _lines(workflow):
        asked = [f"label={_dot_text(line.label)}"] if line.label else []
        asked += [f"style={line.style}"] if line.style != "solid" else []
        more = f" [{', '.join(asked)}]" if asked else ""
        drawn.append(f"    {_dot_text(line.source)} -> {_dot_text(line.target)}{more};")
    return "\n".join([*drawn, "}"]) + "\n"


def _check(workflow: Definition) -> None:
    found = problems(workflow)
    if found:
        raise InvalidWorkflow(found)


def _texts(node: Node) -> tuple[str, ...]:
    """Return the lines in a node: its name if it has one, its id and type."""
    own = f"{node.id}: {node.type}"
    return (node.name, own) if node.name.strip() else (own,)


def _lines(workflow: Definition) -> Iterator[_Line]:
    """Return the edges in the document's order, then the compensations in that of the nodes."""
    for edge in workflow.edges:
        style = "solid" if edge.on == "success" else "dashed"
        yield _Line(edge.source, edge.target, _asked(edge), style)
    for node in workflow.nodes:
        if node.compensation is not None:
            when = "" if node.compensate_when == "started" else f" when {node.compensate_when}"
            yield _Line(node.id, node.compensation, f"undo{when}", "dotted")


def _asked(edge: Edge) -> str:
    if edge.on != "success":
        return edge.on
    return edge.label or (f"when {edge.when}" if edge.when is not None else "")


def _plain(text: str) -> str:
    """Return one line of characters that show, not too long."""
    line = "".join(c if c.isprintable() else " " for c in text[: _LONGEST + 1])
    return line if len(text) <= _LONGEST else line[:_LONGEST] + "..."


def _mermaid_text(text: str) -> str:
    """Write what Mermaid may read as its own as numbers of characters."""
    return _MERMAID_PLAIN.sub(
        lambda found: found[0] if found[0] > "\x7f" else f"#{ord(found[0])};", _plain(text)
    )


def _dot_text(*lines: str) -> str:
    escaped = "\\n".join(_DOT_ESCAPED.sub(_dot_escape, _plain(line)) for line in lines)
    return f'"{escaped}"'


def _dot_escape(found: re.Match[str]) -> str:
    return "&amp;" if found[0] == "&" else "\\" + found[0]
