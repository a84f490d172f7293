"""Converts workflow documents of parevo/flow, the Go engine, and tells what was changed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.checks import pointer, shown
from redflow.model.definition import Definition
from redflow.model.document import parse_json, read_document
from redflow.model.durations import seconds
from redflow.model.go_text import Untranslatable, duration
from redflow.model.ids import RESERVED_LABELS
from redflow.model.parevo_config import Note, Told, convert_config

__all__ = ["Conversion", "Note", "convert_parevo"]

D = TypeVar("D", bound=Definition)
Raw = dict[str, Any]

_KEPT = ("id", "name", "description", "status", "labels", "metadata")
_DROPPED = {
    "namespace": "whoever registers the workflow chooses the namespace; dropped",
    "version": "registration counts versions; dropped",
    "createdAt": "registration notes the time; dropped",
    "updatedAt": "registration notes the time; dropped",
}
_NODE = "id type name config retryCount retryPolicy compensateNodeId timeout".split()
_EDGE = ("id", "sourceId", "targetId", "condition")
_RETRY = {  # each with what parevo/flow takes for zero
    "maxAttempts": ("max_attempts", 3),
    "initialInterval": ("initial_interval", 10_000_000_000),
    "backoffCoefficient": ("backoff_coefficient", 2.0),
    "maximumInterval": ("maximum_interval", 300_000_000_000),
}
_ATTEMPTS = 3
_CHOOSING = ("condition", "switch")
_ON = ("success", "failure", "always")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")
_ID_CHARS = 64


@dataclass(frozen=True, slots=True)
class Conversion(Generic[D]):
    """A workflow, and what of its source was changed or dropped."""

    workflow: D
    notes: tuple[Note, ...]


def convert_parevo(source: object, make: type[D]) -> Conversion[D]:
    """Convert a document of parevo/flow, as text or as plain dicts and lists.

    Raises InvalidWorkflow with every problem; their pointers lead into the source.
    """
    document = parse_json(source) if isinstance(source, (str, bytes)) else source
    converter = _Converter()
    made = converter.workflow(document)
    told = converter.told
    try:
        workflow = read_document(made, make)
    except InvalidWorkflow as error:
        found = converter.translated(error.problems)
        parts = [problem for problem in found if problem.code == "disconnected"]
        if told.problems or found != parts:  # edges may be missing for what was told
            raise InvalidWorkflow(
                [*told.problems, *(problem for problem in found if problem not in parts)]
            ) from None
        told.note("/nodes", "the graph falls into parts, so allow_disconnected is set")
        workflow = read_document({**made, "allow_disconnected": True}, make)
    if told.problems:
        raise InvalidWorkflow(told.problems)
    return Conversion(workflow, tuple(told.notes))


class _Converter:
    """Makes a document of redflow; remembers of which part of the source each part is made."""

    def __init__(self) -> None:
        self.told = Told()
        self._ids: dict[str, str] = {}
        self._types: dict[str, object] = {}
        self._places: dict[str, str] = {}

    def workflow(self, raw: object) -> Raw:
        """Return the document of the workflow."""
        if not isinstance(raw, dict):
            message = f"it is a {type(raw).__name__}, not an object"
            raise InvalidWorkflow([Problem("", "not_an_object", message)])
        made = {name: raw[name] for name in _KEPT if raw.get(name) is not None}
        if made.get("status") == "":
            del made["status"]
        for name, why in _DROPPED.items():
            if raw.get(name):
                self.told.note(pointer(name), why)
        self._unknown(raw, (*_KEPT, *_DROPPED, "nodes", "edges"), "")
        made["nodes"] = nodes = self._nodes(self._list(raw, "nodes"))
        self._edges(self._list(raw, "edges"), nodes)
        return made

    def translated(self, found: tuple[Problem, ...]) -> list[Problem]:
        """Return problems of the document with pointers into the source."""
        seen = {problem.pointer for problem in self.told.problems}
        moved = [Problem(self._source(p.pointer), p.code, p.message) for p in found]
        return [problem for problem in moved if problem.pointer not in seen]

    def _source(self, at: str) -> str:
        known, rest = at, ""
        while known and known not in self._places:
            known, _, last = known.rpartition("/")
            rest = f"/{last}{rest}"
        return self._places.get(known, "") + rest

    def _nodes(self, listed: list[Any]) -> Raw:
        made: Raw = {}
        for index, raw in enumerate(listed):
            at = f"/nodes/{index}"
            if not isinstance(raw, dict):
                message = f"it is a {type(raw).__name__}, not an object"
                self.told.tell(at, "not_an_object", message)
            elif self._named(raw.get("id"), at, made):
                made[self._ids[raw["id"]]] = raw
                self._types[raw["id"]] = raw.get("type")
                self._places[pointer("nodes", self._ids[raw["id"]])] = at
        once = sum(not (raw.get("retryPolicy") or raw.get("retryCount")) for raw in made.values())
        if once:
            message = f"{once} of them say nothing of retries and run once; parevo/flow ran such"
            self.told.note("/nodes", f"{message} nodes up to {_ATTEMPTS} times")
        return {name: self._node(raw, pointer("nodes", name)) for name, raw in made.items()}

    def _named(self, given: object, at: str, taken: Mapping[str, object]) -> bool:
        """Remember the id of a node here; one that cannot be an id here is changed."""
        if not isinstance(given, str) or not given:
            self.told.tell(at + "/id", "bad_id", "it is missing or no text; give the node an id")
            return False
        if given in self._ids:
            message = f"two nodes have the id {shown(given)}; rename one"
            self.told.tell(at + "/id", "duplicate_node", message)
            return False
        fitting = _NO_ID.sub("_", given)
        fitting = fitting if fitting[0].isalpha() or fitting[0] == "_" else f"_{fitting}"
        name, number = fitting[:_ID_CHARS], 1
        while name in taken:
            number += 1
            name = f"{fitting[: _ID_CHARS - 6]}_{number}"
        self._ids[given] = name
        if name != given:
            message = f"{shown(given)} is {name} here; texts and code that name it have to follow"
            self.told.note(at + "/id", message)
        return True

    def _node(self, raw: Raw, here: str) -> Raw:
        at = self._places[here]
        self._unknown(raw, _NODE, at)
        made: Raw = {"type": raw.get("type", ""), "needs": []}
        if raw.get("name"):
            made["name"] = raw["name"]
        made["config"] = convert_config(
            raw.get("type"), raw.get("config"), at + "/config", self.told
        )
        retry = self._retry(raw, at)
        if retry:
            made["retry"] = retry
            policy = bool(raw.get("retryPolicy"))
            for name, (own, _) in _RETRY.items():
                place = f"/retryPolicy/{name}" if policy else "/retryCount"
                self._places[f"{here}/retry/{own}"] = at + place
        if raw.get("timeout"):
            limit = self._duration(raw["timeout"], at + "/timeout")
            made["timeouts"] = {} if limit is None else {"attempt": limit}
        undo = raw.get("compensateNodeId")
        if undo:
            self._places[here + "/compensation"] = at + "/compensateNodeId"
            self._places[here + "/compensation/node"] = at + "/compensateNodeId"
            named = self._ids.get(undo, undo) if isinstance(undo, str) else undo
            made["compensation"] = {"node": named, "when": "attempted"}
        return made

    def _retry(self, raw: Raw, at: str) -> Raw:
        policy, count = raw.get("retryPolicy"), raw.get("retryCount")
        if not policy:
            if not count:
                return {}
            self.told.note(at + "/retryCount", f"{shown(count)} is taken for the number of runs")
            return {"max_attempts": count}
        at += "/retryPolicy"
        if not isinstance(policy, dict):
            self.told.tell(at, "bad_retry", f"it is a {type(policy).__name__}, not an object")
            return {}
        self._unknown(policy, tuple(_RETRY), at)
        made: Raw = {}
        for name, (own, default) in _RETRY.items():
            value = policy.get(name) or default
            if own.endswith("_interval"):
                value = self._duration(value, f"{at}/{name}")
            if value is not None:
                made[own] = value
        left = [name for name in _RETRY if not policy.get(name)]
        if left:
            self.told.note(at, f"parevo/flow's defaults are written out: {', '.join(left)}")
        if "maximumInterval" in left and {"initial_interval", "maximum_interval"} <= {*made}:
            longest = max(made["initial_interval"], made["maximum_interval"], key=seconds)
            made["maximum_interval"] = longest
        return made

    def _duration(self, value: object, at: str) -> str | None:
        """Return a duration of Go as redflow writes it; tell of one that is none."""
        try:
            made = duration(value)
            seconds(made)
        except (Untranslatable, InvalidInput) as error:
            self.told.tell(at, "bad_duration", str(error))
            return None
        return made

    def _edges(self, listed: list[Any], nodes: Raw) -> None:
        if any(isinstance(raw, dict) and raw.get("id") for raw in listed):
            self.told.note("/edges", "edges have no ids here; dropped")
        for index, raw in enumerate(listed):
            at = f"/edges/{index}"
            if not isinstance(raw, dict):
                message = f"it is a {type(raw).__name__}, not an object"
                self.told.tell(at, "not_an_object", message)
                continue
            self._unknown(raw, _EDGE, at)
            ends = [self._end(raw, end, at) for end in ("sourceId", "targetId")]
            source, target = ends
            if source is None or target is None:
                continue
            need = self._need(raw, source, at)
            needs = nodes[target]["needs"]
            if need in needs:
                self.told.note(at, "the same edge is there before; dropped")
            elif need is not None:
                self._places[pointer("nodes", target, "needs", str(len(needs)))] = at
                needs.append(need)

    def _end(self, raw: Raw, end: str, at: str) -> str | None:
        given = raw.get(end)
        if isinstance(given, str) and given in self._ids:
            return self._ids[given]
        self.told.tell(f"{at}/{end}", "unknown_node", f"there is no node {shown(given)}")
        return None

    def _need(self, raw: Raw, source: str, at: str) -> Any:
        condition = raw.get("condition")
        chooses = self._types[raw["sourceId"]] in _CHOOSING
        if not condition:
            if chooses:
                message = "an edge without a condition is always taken here, and never was there"
                self.told.note(at, message)
            return source
        at += "/condition"
        if not isinstance(condition, str):
            self.told.tell(at, "bad_label", f"it is a {type(condition).__name__}, not text")
            return None
        if chooses:
            if condition in RESERVED_LABELS:
                message = f"{shown(condition)} is reserved; rename the label, in the cases as well"
                self.told.tell(at, "bad_label", message)
                return None
            return {"node": source, "label": condition}
        if condition in _ON:
            message = f"it is taken on {condition} here, whatever the output says"
            self.told.note(at, message)
            return {"node": source, "on": condition}
        if _LABEL.fullmatch(condition):
            when = f'get(output, "branch") == {json.dumps(condition)}'
            self.told.note(at, f"{shown(condition)} is the expression {when} here")
            return {"node": source, "when": when}
        message = f"{shown(condition)} is taken for an expression over output"
        self.told.note(at, message)
        return {"node": source, "when": condition}

    def _list(self, raw: Raw, name: str) -> list[Any]:
        listed = raw.get(name)
        if listed is None:
            return []
        if not isinstance(listed, list):
            message = f"it is a {type(listed).__name__}, not a list"
            self.told.tell(pointer(name), "not_a_list", message)
            return []
        return listed

    def _unknown(self, raw: Raw, known: Any, at: str) -> None:
        for name in raw:
            if name not in known:
                self.told.note(at + pointer(name), "parevo/flow has no such field; dropped")
