"""A workflow as YAML text: the same document, read by the core schema of YAML 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redflow.errors import InvalidWorkflow, Problem
from redflow.model.checks import pointer, shown
from redflow.model.definition import Definition
from redflow.model.document import Check, plain_json, read_document
from redflow.model.graph import problems
from redflow.model.yaml_scalars import Unreadable, value_of

if TYPE_CHECKING:
    from yaml import Mark
    from yaml._yaml import Mark as CMark
    from yaml.events import AliasEvent, CollectionStartEvent, Event, ScalarEvent

D = TypeVar("D", bound=Definition)
Place = tuple[int, int]

_DEPTH = 150
# An alias repeats what its anchor holds, and aliases of aliases multiply.
_REPEATED = 1_000_000
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"


def read_yaml(text: str | bytes, make: type[D], check: Check[D] = problems) -> D:
    """Read a workflow from YAML text; raise InvalidWorkflow with every problem and its line."""
    builder = _Builder()
    for event in _events(_decoded(text)):
        builder.take(event)
    if builder.problems:
        raise InvalidWorkflow(builder.problems)
    try:
        return read_document(builder.document, make, check)
    except InvalidWorkflow as error:
        placed = [
            Problem(p.pointer, p.code, p.message + _at(builder.place(p.pointer)))
            for p in error.problems
        ]
        raise InvalidWorkflow(placed, hint=error.hint) from None


def _decoded(text: str | bytes) -> str:
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _refused(f"this is not UTF-8: byte {error.start}") from None
    if not isinstance(text, str):
        raise _refused(f"this is a {type(text).__name__}, not text")
    text = text.removeprefix("\ufeff")
    found = _NOT_YAML.search(text)
    if found:
        before = text[: found.start()]
        place = before.count("\n") + 1, found.start() - before.rfind("\n")
        raise _refused(f"this is not YAML: the character {found[0]!a}", place)
    return text


def _events(text: str) -> Iterator[Event]:
    """Read the text piece by piece, which no nesting can exhaust."""
    import yaml  # noqa: PLC0415 - few processes read YAML

    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        cause = getattr(error, "problem", None) or "it cannot be read"
        place = (mark.line + 1, mark.column + 1) if mark else None
        raise _refused(f"this is not YAML: {cause}", place) from None


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been read; `key` waits for its value."""

    made: dict[str, Any] | list[Any]
    place: Place
    anchor: str | None
    size: int = 1
    key: str | None = None


class _Builder:
    """Makes plain values of events; remembers where in the text each stood."""

    def __init__(self) -> None:
        self.document: Any = None
        self.problems: list[Problem] = []
        self._places: dict[tuple[int, str | int], Place] = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._left = _REPEATED
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        match type(event).__name__:
            case "ScalarEvent":
                self._scalar(event)
            case "MappingStartEvent":
                self._start(event, {}, "map")
            case "SequenceStartEvent":
                self._start(event, [], "seq")
            case "MappingEndEvent" | "SequenceEndEvent":
                self._end()
            case "AliasEvent":
                self._alias(event)
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    message = "a second document begins here; a text holds one"
                    raise _refused(message, _place(event.start_mark))

    def place(self, at: str) -> Place:
        """Return line and column of what a pointer names, or of the nearest thing around it."""
        found, item = (1, 1), self.document
        for part in at.split("/")[1:]:
            key: str | int = part.replace("~1", "/").replace("~0", "~")
            if isinstance(item, list):
                key = int(part) if part.isdecimal() else -1
            place = self._places.get((id(item), key))
            if place is None:
                break
            found, item = place, item[key]
        return found

    def _scalar(self, event: ScalarEvent) -> None:
        place = _place(event.start_mark)
        if self._awaits_key():
            if event.anchor:
                self._anchors[event.anchor] = (event.value, len(event.value))
            self._key(event.value, place, merges=event.implicit[0] and event.value == "<<")
            return
        value: Any = None
        try:
            value = value_of(event.value, event.tag, plain=event.implicit[0])
        except Unreadable as error:
            self._tell(self._here(), "bad_yaml", str(error), place)
        size = 1 + len(event.value)
        if event.anchor:
            self._anchors[event.anchor] = (value, size)
        self._add(value, size, place)

    def _start(self, event: CollectionStartEvent, made: Any, kind: str) -> None:
        place = _place(event.start_mark)
        if self._awaits_key():
            raise _refused("a key is a map or list; keys are text", place)
        if len(self._open) >= _DEPTH:
            raise _refused(f"it is nested deeper than {_DEPTH} levels", place)
        if event.tag not in (None, "!", _TAG + kind):
            message = f"the tag {shown(event.tag)} is not known here; remove it"
            self._tell(self._here(), "bad_yaml", message, place)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(made, place, event.anchor))

    def _end(self) -> None:
        ended = self._open.pop()
        if ended.anchor:
            self._anchors[ended.anchor] = (ended.made, ended.size)
        self._add(ended.made, ended.size, ended.place)

    def _alias(self, event: AliasEvent) -> None:
        name, place = str(event.anchor), _place(event.start_mark)
        held = self._anchors.get(name)
        if held is None:
            cause = "stands in what it names" if name in self._anchors else "has no anchor before"
            raise _refused(f"the alias {shown(name)} {cause}", place)
        value, size = held
        self._left -= size
        if self._left < 0:
            raise _refused(f"aliases repeat more than {_REPEATED:,} characters", place)
        if not self._awaits_key():
            self._add(plain_json(value), size, place)
        elif isinstance(value, str):
            self._key(value, place)
        else:
            raise _refused("a key is an alias of what is not text", place)

    def _awaits_key(self) -> bool:
        if not self._open:
            return False
        inner = self._open[-1]
        return isinstance(inner.made, dict) and inner.key is None

    def _key(self, key: str, place: Place, *, merges: bool = False) -> None:
        """Keys are the text that stands there: `on`, `yes` and `200` are no other values."""
        inner = self._open[-1]
        if merges:
            message = "merge keys are not read; write the fields out, or an alias for a whole value"
            self._tell(self._here() + pointer(key), "bad_yaml", message, place)
        if key in inner.made:
            message = "it stands twice in one object"
            self._tell(self._here() + pointer(key), "duplicate_key", message, place)
        inner.key = key
        inner.size += 1 + len(key)
        self._places[id(inner.made), key] = place

    def _add(self, value: Any, size: int, place: Place) -> None:
        if not self._open:
            self.document = value
            return
        inner = self._open[-1]
        inner.size += size
        if isinstance(inner.made, list):
            self._places[id(inner.made), len(inner.made)] = place
            inner.made.append(value)
        elif inner.key is not None:
            inner.made[inner.key] = value
            inner.key = None

    def _here(self) -> str:
        """Return the pointer to the value that is read next."""
        keys = (len(one.made) if isinstance(one.made, list) else one.key for one in self._open)
        return pointer(*(str(key) for key in keys if key is not None))

    def _tell(self, at: str, code: str, message: str, place: Place) -> None:
        self.problems.append(Problem(at, code, message + _at(place)))


def _place(mark: Mark | CMark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _at(place: Place | None) -> str:
    return f" (line {place[0]}, column {place[1]})" if place else ""


def _refused(message: str, place: Place | None = None) -> InvalidWorkflow:
    return InvalidWorkflow([Problem("", "bad_yaml", message + _at(place))])
