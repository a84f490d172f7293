"""Drawings: one line per node and edge, whatever the names hold."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.workflows import few, workflows

ORDER = Workflow(
    "order",
    nodes=(
        Node("charge", "function", "Charge the card", labels=("big",), compensation="refund"),
        Node("paid", "condition"),
        Node("ship", "signal"),
        Node("sorry", "log"),
        Node("refund", "function"),
    ),
    edges=(
        Edge("charge", "paid"),
        Edge("charge", "ship", label="big"),
        Edge("paid", "ship", when='output.state == "paid"'),
        Edge("charge", "sorry", on="failure"),
        Edge("ship", "sorry", on="always"),
    ),
)


def test_mermaid():
    assert ORDER.to_mermaid() == (
        "flowchart TD\n"
        '    n1["Charge the card<br/>charge: function"]\n'
        '    n2{"paid: condition"}\n'
        '    n3(["ship: signal"])\n'
        '    n4["sorry: log"]\n'
        '    n5["refund: function"]\n'
        "    n1 --> n2\n"
        '    n1 -->|"big"| n3\n'
        '    n2 -->|"when output.state == #34;paid#34;"| n3\n'
        '    n1 -.->|"failure"| n4\n'
        '    n3 -.->|"always"| n4\n'
        '    n1 -.->|"undo"| n5\n'
        "    linkStyle 5 stroke-dasharray:1 5\n"
    )


def test_dot():
    assert ORDER.to_dot() == (
        'digraph "order" {\n'
        "    node [shape=box];\n"
        '    "charge" [label="Charge the card\\ncharge: function"];\n'
        '    "paid" [label="paid: condition", shape=diamond];\n'
        '    "ship" [label="ship: signal", shape=oval];\n'
        '    "sorry" [label="sorry: log"];\n'
        '    "refund" [label="refund: function"];\n'
        '    "charge" -> "paid";\n'
        '    "charge" -> "ship" [label="big"];\n'
        '    "paid" -> "ship" [label="when output.state == \\"paid\\""];\n'
        '    "charge" -> "sorry" [label="failure", style=dashed];\n'
        '    "ship" -> "sorry" [label="always", style=dashed];\n'
        '    "charge" -> "refund" [label="undo", style=dotted];\n'
        "}\n"
    )


def test_when_a_node_is_undone_is_told():
    nodes = (replace(ORDER.nodes[0], compensate_when="attempted"), *ORDER.nodes[1:])
    assert '|"undo when attempted"|' in replace(ORDER, nodes=nodes).to_mermaid()


hostile = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ['"]; n2["', "end", 'a" [label="b', "\\", '\\"', "a\nb", "`code`", "#quot;", "<b>", "a\u202eb",
     "%% no", "$$x$$", "&lt;", "a\u2028b", "x" * 500]
)  # fmt: skip


@given(name=hostile, when=hostile, type=hostile.filter(bool))
def test_whatever_names_hold_a_node_is_one_line(name, when, type):
    workflow = Workflow(
        "w", nodes=(Node("a", type, name), Node("b", "log")), edges=(Edge("a", "b", when=when),)
    )
    mermaid = workflow.to_mermaid().splitlines()
    assert len(mermaid) == 4
    quoted = r'"[^"`<>]*(<br/>[^"`<>]*)?"'
    opening, closing = r"(\[|\{|\(\[|\[\[)", r"(\]|\}|\]\)|\]\])"
    assert re.fullmatch(rf"    n1{opening}{quoted}{closing}", mermaid[1])
    assert re.fullmatch(rf"    n1 -->\|{quoted}\| n2", mermaid[3])
    assert all(len(line) < 1500 for line in mermaid)
    dot = workflow.to_dot().splitlines()
    assert len(dot) == 6
    text = r'"([^"\\]|\\.)*"'
    assert re.fullmatch(rf'    "a" \[label={text}(, shape=\w+)?\];', dot[2])
    assert re.fullmatch(rf'    "a" -> "b" \[label={text}\];', dot[4])


@few
@given(workflows())
def test_every_edge_is_one_line_and_the_order_is_the_documents(workflow):
    undone = [node for node in workflow.nodes if node.compensation]
    drawn = workflow.to_dot().splitlines()[2:-1]
    nodes, lines = drawn[: len(workflow.nodes)], drawn[len(workflow.nodes) :]
    assert [line.split('"')[1] for line in nodes] == [node.id for node in workflow.nodes]
    assert [tuple(line.split('"')[1:4:2]) for line in lines] == [
        *((edge.source, edge.target) for edge in workflow.edges),
        *((node.id, node.compensation) for node in undone),
    ]
    again = Workflow.from_document(workflow.to_document())
    assert again.to_mermaid() == workflow.to_mermaid()


def test_what_is_not_valid_is_not_drawn():
    broken = replace(ORDER, edges=(Edge("charge", "gone"),))
    for draw in (broken.to_mermaid, broken.to_dot):
        with pytest.raises(InvalidWorkflow, match="gone"):
            draw()
