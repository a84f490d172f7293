"""The fields of a workflow: its nodes, its edges and what identifies its content."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from redflow.errors import InvalidInput
from redflow.model.checks import written
from redflow.model.ids import short_hash
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus

Join = Literal["all", "any_outcome"]
On = Literal["success", "failure", "always"]
When = Literal["started", "completed", "attempted"]
OnCancel = Literal["compensate", "abandon"]

# Beyond 2**53 a float no longer says which whole number was meant.
_EXACT = 2.0**53
_DEPTH = 100


class Default(Enum):
    """The type of DEFAULT, which stands for "what the node's type says"."""

    DEFAULT = "default"


DEFAULT: Final = Default.DEFAULT


@dataclass(frozen=True, slots=True)
class Node:
    """A point of the graph. `timeout` is seconds per attempt, None for none, or DEFAULT.

    `deadline` is seconds from when the step is first ready, retries and waiting included.
    `compensation` is the node that undoes this one: after it completed, after it had started and
    was cut short as well, or (attempted) also after it failed by itself. `input` is a template
    that makes the step's input; DEFAULT leaves it what its edges give.
    """

    id: str
    type: str
    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    timeout: float | Literal[Default.DEFAULT] | None = DEFAULT
    queue: str = "default"
    join: Join = "all"
    labels: tuple[str, ...] = ()
    ui: Mapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None
    compensation: str | None = None
    compensate_when: When = "started"
    input: Any = DEFAULT


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency of `target` on `source`, for every success, one label, failure or always.

    `when` is an expression over the source's output that must hold besides.
    """

    source: str
    target: str
    label: str | None = None
    on: On = "success"
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What a workflow consists of; Workflow adds the ways to write and read one.

    Edges are kept in the order of their targets, as the document lists them, so that a workflow
    read back is equal to the one written. `output` is a template that makes an execution's output;
    DEFAULT leaves it what the last nodes give.
    """

    id: str
    name: str = ""
    description: str = ""
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    status: WorkflowStatus = WorkflowStatus.ACTIVE
    allow_disconnected: bool = False
    on_cancel: OnCancel = "compensate"
    output: Any = DEFAULT

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        places = {node.id: i for i, node in enumerate(nodes) if isinstance(node.id, str)}

        def place(edge: Edge) -> int:
            known = isinstance(edge.target, str)
            return places.get(edge.target, len(nodes)) if known else len(nodes)

        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", tuple(sorted(self.edges, key=place)))

    @property
    def content_hash(self) -> str:
        """Identify what executions of a valid workflow follow: nodes, edges, output, on_cancel.

        Names, description, labels, metadata, status and ui are no part of it.
        """
        content: dict[str, Any] = {
            "id": self.id,
            "nodes": [_content(node) for node in sorted(self.nodes, key=lambda node: node.id)],
            "edges": sorted(map(_edge_content, self.edges)),
        }
        if self.output is not DEFAULT:
            content["output"] = _canonical(self.output, 0)
        if self.on_cancel != "compensate":
            content["on_cancel"] = self.on_cancel
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return short_hash(text.encode())


def _content(node: Node) -> dict[str, Any]:
    """Return the fields of a node that its content consists of, without those at their default."""
    content: dict[str, Any] = {"id": node.id, "type": node.type}
    if node.config:
        content["config"] = _canonical(node.config, 0)
    if node.retry is not None:  # in full: a later default must not change what this text means
        content["retry"] = _canonical(asdict(node.retry), 0)
    if node.timeout is not DEFAULT:
        content["timeout"] = _canonical(node.timeout, 0)
    if node.queue != "default":
        content["queue"] = node.queue
    if node.join != "all":
        content["join"] = node.join
    if node.labels:
        content["labels"] = sorted(node.labels)
    if node.deadline is not None:
        content["deadline"] = _canonical(node.deadline, 0)
    if node.compensation is not None:
        content["compensation"] = [node.compensation, node.compensate_when]
    if node.input is not DEFAULT:
        content["input"] = _canonical(node.input, 0)
    return content


def _edge_content(edge: Edge) -> tuple[str, ...]:
    content = (edge.source, edge.target, edge.on, edge.label or "")
    return content if edge.when is None else (*content, edge.when)


def _canonical(value: Any, depth: int) -> Any:
    """Write 1.0 as 1, as RFC 8785 does: a browser that edits a document cannot keep the `.0`."""
    if depth > _DEPTH:
        raise InvalidInput("config is nested too deep", field="config")
    value = written(value)
    if isinstance(value, Mapping):
        return {str(key): _canonical(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item, depth + 1) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise InvalidInput(f"config holds a {type(value).__name__}, which JSON has not", field="config")
