"""Fluent construction of a workflow; node methods act on the node added last."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar

from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.checks import pointer
from redflow.model.definition import Definition, Edge, Join, Node, On, OnCancel, When
from redflow.model.document import plain_json
from redflow.model.durations import seconds
from redflow.model.graph import problems, undeclared
from redflow.model.retry import RetryPolicy

D = TypeVar("D", bound=Definition)
T = TypeVar("T")

_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_ON: dict[str, On] = {"success": "success", "failure": "failure", "always": "always"}


class Builder(Generic[D]):
    """Collects nodes and edges; wrong values are kept and reported together by `build`."""

    def __init__(self, make: type[D], id: str, name: str = "") -> None:
        self._make = make
        self._workflow = make(id=id, name=name)
        self._nodes: list[Node] = []
        self._edges: list[Edge] = []
        self._problems: list[Problem] = []

    def add_node(
        self,
        id: str,
        type: str,
        /,
        *,
        labels: Sequence[str] = (),
        join: Join = "all",
        **config: Any,
    ) -> Self:
        """Add a node; further keywords are its config, `labels` the branches it may choose."""
        if isinstance(labels, str):
            labels = (labels,)
        if isinstance(labels, list):
            labels = tuple(labels)
        self._nodes.append(Node(id, type, config=config, labels=labels, join=join))  # type: ignore[arg-type]
        return self

    def with_config(self, key: str, value: Any) -> Self:
        """Set one key of the node's config."""
        node = self._last("with_config")
        return self._change(replace(node, config={**node.config, key: value}))

    def with_retry(self, policy: int | RetryPolicy) -> Self:
        """Let the node run several times: a number of runs, or a policy."""
        node = self._last("with_retry")
        retry = self._read(lambda: RetryPolicy.of(policy), node, "retry", "bad_retry")
        return self._change(replace(node, retry=retry))

    def with_timeout(self, timeout: float | str | timedelta | None) -> Self:
        """Limit each attempt of the node, in seconds or as "5m"; None sets no limit."""
        node = self._last("with_timeout")
        limit = timeout if timeout is None else self._limit(timeout, node, "timeout", "attempt")
        return self._change(replace(node, timeout=limit))

    def with_deadline(self, deadline: float | str | timedelta) -> Self:
        """Limit the node from when it is first ready, with all its retries and waiting."""
        node = self._last("with_deadline")
        limit = self._limit(deadline, node, "deadline", "step")
        return self._change(replace(node, deadline=limit))

    def with_saga(self, node: str, when: When = "started") -> Self:
        """Let another node undo this one when the execution fails or is cancelled.

        "started" undoes what completed or was cut short, "completed" only the former, "attempted"
        also what failed by itself. The other node has no edges.
        """
        last = self._last("with_saga")
        return self._change(replace(last, compensation=node, compensate_when=when))

    def with_input(self, template: Any) -> Self:
        """Make the node's input from a JSON value with `${...}`, instead of what its edges give."""
        return self._change(replace(self._last("with_input"), input=template))

    def with_queue(self, queue: str) -> Self:
        """Run the node on the workers of this queue."""
        return self._change(replace(self._last("with_queue"), queue=queue))

    def then(self, target: str) -> Self:
        """Connect the node added last to another, which may be added later."""
        return self.connect(self._last("then").id, target)

    def connect(self, source: str, target: str) -> Self:
        """Run the target when the source has completed."""
        self._edges.append(Edge(source, target))
        return self

    def connect_if(self, source: str, target: str, condition: str) -> Self:
        """Run the target on a label that the source declares, or on success, failure or always.

        What cannot be a label is an expression, as in connect_when.
        """
        if not isinstance(condition, str):
            message = f"the condition is a {type(condition).__name__}, not a label"
            self._problems.append(Problem(pointer("nodes", target, "needs"), "bad_label", message))
            return self.connect(source, target)
        if condition in _ON:
            return self.connect_on(source, target, _ON[condition])
        if not _LABEL.fullmatch(condition):
            return self.connect_when(source, target, condition)
        self._edges.append(Edge(source, target, label=condition))
        return self

    def connect_on(self, source: str, target: str, on: On) -> Self:
        """Run the target when the source failed ("failure"), or however it ended ("always")."""
        self._edges.append(Edge(source, target, on=on))
        return self

    def connect_when(self, source: str, target: str, expression: str) -> Self:
        """Run the target when the source has completed and the expression over `output` holds."""
        self._edges.append(Edge(source, target, when=expression))
        return self

    def with_output(self, template: Any) -> Self:
        """Make the output of an execution from a JSON value with `${...}`."""
        return self._header(output=template)

    def with_description(self, description: str) -> Self:
        """Describe the workflow."""
        return self._header(description=description)

    def with_metadata(self, **metadata: Any) -> Self:
        """Add fields to the workflow's metadata."""
        return self._header(metadata={**self._workflow.metadata, **metadata})

    def with_labels(self, **labels: str) -> Self:
        """Add labels to the workflow, by which executions can be listed."""
        return self._header(labels={**self._workflow.labels, **labels})

    def on_cancel(self, action: OnCancel) -> Self:
        """Undo the nodes of a cancelled execution ("compensate"), or leave them be ("abandon")."""
        return self._header(on_cancel=action)

    def allow_disconnected(self) -> Self:
        """Accept a graph that falls into parts without an edge between them."""
        return self._header(allow_disconnected=True)

    def build(self) -> D:
        """Return the workflow; raise InvalidWorkflow with every problem. May be called again."""
        workflow = replace(self._workflow, nodes=tuple(self._nodes), edges=tuple(self._edges))
        found = [*self._problems, *problems(workflow), *_undeclared(workflow)]
        if found:
            raise InvalidWorkflow(found)
        # Copies: what the caller does to its dicts later must not change the workflow.
        return replace(
            workflow,
            nodes=tuple(
                replace(node, config=plain_json(node.config), input=plain_json(node.input))
                for node in workflow.nodes
            ),
            metadata=plain_json(workflow.metadata),
            output=plain_json(workflow.output),
        )

    def _header(self, **changes: Any) -> Self:
        self._workflow = replace(self._workflow, **changes)
        return self

    def _last(self, method: str) -> Node:
        if not self._nodes:
            message = f"{method} changes the node added last, and there is none; add_node first"
            raise InvalidWorkflow([Problem("/nodes", "no_nodes", message)])
        return self._nodes[-1]

    def _change(self, node: Node) -> Self:
        self._nodes[-1] = node
        return self

    def _limit(
        self, value: float | str | timedelta, node: Node, name: str, field: str
    ) -> float | None:
        def read() -> float:
            return seconds(value, positive=True, field=name)

        return self._read(read, node, "timeouts", "bad_timeout", field=field)

    def _read(
        self, read: Callable[[], T], node: Node, part: str, code: str, *, field: str = ""
    ) -> T | None:
        try:
            return read()
        except InvalidInput as error:
            at = pointer("nodes", node.id, part, field or error.field)
            self._problems.append(Problem(at, code, str(error)))
        return None


def _undeclared(workflow: Definition) -> Iterator[Problem]:
    """Tell of labels that a node with labels of its own does not declare.

    One without may have them from its function or type: registration knows.
    """
    declared = {node.id: node.labels for node in workflow.nodes if isinstance(node.id, str)}
    counts: dict[str, int] = {}
    for edge in workflow.edges:
        if not (isinstance(edge.source, str) and isinstance(edge.target, str)):
            continue
        index = counts[edge.target] = counts.get(edge.target, -1) + 1
        labels = declared.get(edge.source)
        own = labels if isinstance(labels, tuple) else ()
        if own and isinstance(edge.label, str) and edge.label not in own:
            at = pointer("nodes", edge.target, "needs", str(index))
            yield undeclared(edge.source, edge.label, map(str, own), at)
