"""A workflow as a document: plain JSON in, plain JSON out, and nothing lost between."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypeVar

from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.checks import pointer, shown, written
from redflow.model.definition import DEFAULT, Definition, Edge, Node
from redflow.model.durations import seconds
from redflow.model.graph import problems
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus

D = TypeVar("D", bound=Definition)
Check = Callable[[D], Sequence[Problem]]
"""Answers every problem of a workflow that was read."""

_HEADER = (
    *("id", "name", "description", "status", "labels", "metadata"),
    *("allow_disconnected", "on_cancel", "output"),
)
_NODE = (
    *("type", "name", "config", "needs", "retry", "timeouts", "compensation"),
    *("queue", "join", "labels", "ui", "input"),
)
_NODE_AS_IS = ("name", "config", "queue", "join", "ui", "input")
_NEED = ("node", "label", "on", "when")
# Looking for a similar name is slow; a text with many problems has another cause than typing.
_HINTED = 20
_RETRY = tuple(field.name for field in fields(RetryPolicy))


def write_document(workflow: Definition) -> dict[str, Any]:
    """Return the document of a workflow, without what is at its default.

    Raises InvalidWorkflow with every problem: only a valid workflow is written.
    """
    found = problems(workflow)
    if found:
        raise InvalidWorkflow(found)
    needs: dict[str, list[Any]] = {node.id: [] for node in workflow.nodes}
    for edge in workflow.edges:
        needs[edge.target].append(_write_need(edge))
    nodes = {node.id: _write_node(node, needs[node.id]) for node in workflow.nodes}
    header = {
        "name": workflow.name,
        "description": workflow.description,
        "labels": plain_json(workflow.labels),
        "metadata": plain_json(workflow.metadata),
        "allow_disconnected": workflow.allow_disconnected,
        "on_cancel": "" if workflow.on_cancel == "compensate" else workflow.on_cancel,
    }
    if workflow.status is not WorkflowStatus.ACTIVE:
        header["status"] = str(workflow.status)
    output = _given("output", workflow.output)
    return {"id": workflow.id, **_filled(header), **output, "nodes": nodes}


def write_json(workflow: Definition, *, indent: int | None = None) -> str:
    """Write the document of a workflow as JSON text."""
    return json.dumps(write_document(workflow), indent=indent, ensure_ascii=False)


def read_json(text: str | bytes, make: type[D], check: Check[D] = problems) -> D:
    """Read a workflow from JSON text; raise InvalidWorkflow with every problem found."""
    return read_document(parse_json(text), make, check)


def parse_json(text: str | bytes) -> object:
    """Read JSON text; raise InvalidWorkflow, also for keys that stand twice in one object."""
    try:
        document: object = json.loads(
            text, object_pairs_hook=_read_object, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise _not_json("the document is nested too deep") from None
    except (ValueError, TypeError) as error:
        raise _not_json(f"this is not JSON: {error}") from error
    found = list(_doubled_keys(document))
    if found:
        raise InvalidWorkflow(found)
    return document


def read_document(document: object, make: type[D], check: Check[D] = problems) -> D:
    """Read a workflow from its document; raise InvalidWorkflow with every problem found."""
    reader = _Reader()
    workflow = reader.workflow(document, make)
    told = {problem.pointer for problem in reader.problems}
    found = reader.problems + [p for p in check(workflow) if not _is_told(p.pointer, told)]
    if found:
        raise InvalidWorkflow(found)
    return workflow


def plain_json(value: Any) -> Any:
    """Copy a JSON value into new dicts and lists; structs become dicts."""
    value = written(value)
    if isinstance(value, Mapping):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    return value


def _write_need(edge: Edge) -> str | dict[str, str]:
    if edge.label is None and edge.on == "success" and edge.when is None:
        return edge.source
    need = {"node": edge.source}
    if edge.label is not None:
        need["label"] = edge.label
    if edge.on != "success":
        need["on"] = edge.on
    if edge.when is not None:
        need["when"] = edge.when
    return need


def _write_node(node: Node, needs: list[Any]) -> dict[str, Any]:
    written = {
        "name": node.name,
        "config": plain_json(node.config),
        "needs": needs,
        "retry": _write_retry(node.retry) if node.retry else None,
        "timeouts": _write_timeouts(node),
        "compensation": _write_compensation(node),
        "queue": "" if node.queue == "default" else node.queue,
        "join": "" if node.join == "all" else node.join,
        "labels": list(node.labels),
        "ui": plain_json(node.ui),
    }
    return {"type": node.type, **_filled(written), **_given("input", node.input)}


def _write_timeouts(node: Node) -> dict[str, Any]:
    timeouts: dict[str, Any] = {} if node.timeout is DEFAULT else {"attempt": node.timeout}
    if node.deadline is not None:
        timeouts["step"] = node.deadline
    return timeouts


def _write_compensation(node: Node) -> dict[str, Any]:
    if node.compensation is None:
        return {}
    when = {} if node.compensate_when == "started" else {"when": node.compensate_when}
    return {"node": node.compensation, **when}


def _write_retry(policy: RetryPolicy) -> dict[str, Any]:
    values = {field.name: (getattr(policy, field.name), field.default) for field in fields(policy)}
    written = {name: value for name, (value, default) in values.items() if value != default}
    return {"max_attempts": policy.max_attempts, **plain_json(written)}


def _given(name: str, template: Any) -> dict[str, Any]:
    """Any template is written, also None and what is empty: only DEFAULT means none."""
    return {} if template is DEFAULT else {name: plain_json(template)}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


class _Reader:
    """Reads what only a document can have wrong; wrong values in a field are left to graph.py."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def workflow(self, document: object, make: type[D]) -> D:
        raw = self._object(document, "", (*_HEADER, "nodes"), needed=("id", "nodes"))
        given = self._object(raw.pop("nodes", {}), "/nodes", None)
        nodes: list[Node] = []
        edges: list[Edge] = []
        for node_id, value in given.items():
            at = pointer("nodes", node_id)
            fields_of_node = self._object(value, at, _NODE, needed=("type",))
            nodes.append(self._node(node_id, fields_of_node, at))
            edges += self._edges(node_id, fields_of_node.get("needs", []), at + "/needs")
        if raw.get("status") in tuple(WorkflowStatus):
            raw["status"] = WorkflowStatus(raw["status"])
        raw.setdefault("id", None)
        return make(**raw, nodes=tuple(nodes), edges=tuple(edges))

    def _node(self, node_id: str, raw: Mapping[str, Any], at: str) -> Node:
        kept = {name: raw[name] for name in _NODE_AS_IS if name in raw}
        labels = raw.get("labels", ())
        return Node(
            node_id,
            raw.get("type", ""),
            **kept,
            labels=tuple(labels) if isinstance(labels, list) else labels,
            retry=self._retry(raw.get("retry"), at + "/retry"),
            **self._timeouts(raw.get("timeouts", {}), at + "/timeouts"),
            **self._compensation(raw.get("compensation"), at + "/compensation"),
        )

    def _edges(self, target: str, needs: object, at: str) -> Iterator[Edge]:
        if not isinstance(needs, list):
            self._tell(at, "bad_needs", f"it is a {type(needs).__name__}, not a list")
            return
        for index, need in enumerate(needs):
            if isinstance(need, dict):
                raw = self._object(need, f"{at}/{index}", _NEED, needed=("node",))
                label, when = raw.get("label"), raw.get("when")
                yield Edge(raw.get("node"), target, label, raw.get("on", "success"), when)  # type: ignore[arg-type]
            else:
                yield Edge(need, target)

    def _retry(self, value: object, at: str) -> RetryPolicy | None:
        if value is None:
            return None
        before = len(self.problems)
        raw = self._object(value, at, _RETRY)
        if len(self.problems) > before:
            return None
        try:
            return RetryPolicy(**raw)
        except InvalidInput as error:
            self._tell(at + pointer(error.field), "bad_retry", str(error))
        return None

    def _timeouts(self, value: object, at: str) -> dict[str, Any]:
        raw = self._object(value, at, ("attempt", "step"))
        read: dict[str, Any] = {}
        for name, field in (("attempt", "timeout"), ("step", "deadline")):
            if name not in raw:
                continue
            try:
                limit = raw[name]
                given = limit is not None
                read[field] = seconds(limit, positive=True, field=field) if given else None
            except InvalidInput as error:
                self._tell(f"{at}/{name}", "bad_timeout", str(error))
        return read

    def _compensation(self, value: object, at: str) -> dict[str, Any]:
        if value is None:
            return {}
        raw = self._object(value, at, ("node", "when"), needed=("node",))
        named = {"node": "compensation", "when": "compensate_when"}
        return {named[name]: item for name, item in raw.items()}

    def _object(
        self, value: object, at: str, known: Sequence[str] | None, needed: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the known fields of an object; tell of unknown and missing ones."""
        if not isinstance(value, dict):
            self._tell(at, "not_an_object", f"it is a {type(value).__name__}, not an object")
            return {}
        if known is None:
            return dict(value)
        for name in value:
            if name not in known:
                near = known if len(self.problems) < _HINTED else ()
                self._tell(at + pointer(name), "unknown_field", _unknown(name, known, near))
        for name in needed:
            if name not in value:
                self._tell(f"{at}/{name}", "missing_field", "it is missing")
        return {name: item for name, item in value.items() if name in known}

    def _tell(self, at: str, code: str, message: str) -> None:
        self.problems.append(Problem(at, code, message))


def _is_told(at: str, told: set[str]) -> bool:
    """Whether a problem is known for this place or for what holds it."""
    while at and at not in told:
        at = at.rpartition("/")[0]
    return at in told


def _unknown(name: object, known: Sequence[str], near: Sequence[str]) -> str:
    meant = get_close_matches(name[:80], near, 1) if isinstance(name, str) else []
    hint = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(known)}"
    return f"there is no field {shown(name)}; {hint}"


class _Doubled(dict[str, Any]):
    """An object of the text in which keys stand twice; JSON readers silently keep the last."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.keys_twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Doubled(pairs)


def _doubled_keys(document: object) -> Iterator[Problem]:
    todo = [(document, "")]
    while todo:
        item, at = todo.pop()
        if isinstance(item, _Doubled):
            for key in item.keys_twice:
                yield Problem(at + pointer(key), "duplicate_key", "it stands twice in one object")
        if isinstance(item, dict):
            todo.extend((below, at + pointer(key)) for key, below in item.items())
        elif isinstance(item, list):
            todo.extend((below, f"{at}/{i}") for i, below in enumerate(item))


def _not_json(message: str) -> InvalidWorkflow:
    return InvalidWorkflow([Problem("", "bad_json", message)])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
