"""Configs of parevo/flow's node types as redflow's; what they do not know stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redflow.errors import InvalidInput, Problem
from redflow.model.checks import not_json, pointer, shown
from redflow.model.durations import seconds
from redflow.model.go_text import Untranslatable, duration, translate
from redflow.model.go_text import field as access

Config = dict[str, Any]

_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_ORDERING = (">", ">=", "<", "<=")
_OPERATORS = {"equal": "==", "not_equal": "!="}
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_ESCAPES = "${ would begin an expression, so it is written $${"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was changed or dropped: where in the source, and what became of it."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


@dataclass(slots=True)
class Told:
    """What a conversion has to say: notes, and problems that end it."""

    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, at: str, message: str) -> None:
        self.notes.append(Note(at, message))

    def tell(self, at: str, code: str, message: str) -> None:
        self.problems.append(Problem(at, code, message))


def convert_config(node_type: object, config: object, at: str, told: Told) -> Config:
    """Return the config of a node for redflow."""
    if config is None:
        return {}
    if not isinstance(config, dict):
        told.tell(at, "bad_config", f"it is a {type(config).__name__}, not an object")
        return {}
    found = list(not_json(config, at, "bad_config"))
    if found:
        told.problems += found
        return {}
    made: Config = _templates(config, at, told)
    convert = _TYPES.get(node_type) if isinstance(node_type, str) else None
    if convert is not None:
        convert(made, at, told)
    return made


def _rename(config: Config, names: tuple[str, str], at: str, told: Told, why: str = "") -> None:
    """Give a field its name here, unless that is there as well."""
    old, new = names
    if old not in config:
        return
    value = config.pop(old)
    if new in config:
        told.note(at + pointer(old), f"{new} is there as well; dropped")
    else:
        config[new] = value
        told.note(at + pointer(old), f"it is {new} here{why}")


def _templates(value: Any, at: str, told: Told) -> Any:
    if isinstance(value, dict):
        return {key: _templates(item, at + pointer(key), told) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_templates(item, f"{at}/{i}", told) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        made = translate(value)
    except Untranslatable as error:
        told.tell(at, "bad_template", f"{error}; write it with ${{...}}, as in ${{input.name}}")
        return value
    if made != value:
        became = f"{shown(value)} is {shown(made)} here"
        told.note(at, became if "{{" in value else f"{became}: {_ESCAPES}")
    return made


def _duration(config: Config, key: str, at: str, told: Told) -> None:
    """Write a duration as redflow reads it; a number is nanoseconds, as in Go."""
    given = config.get(key)
    if given is None:
        config.pop(key, None)
        return
    try:
        if isinstance(given, str) and ("${" in given or seconds(given) >= 0):
            return
    except InvalidInput:
        pass  # of Go, then, or of nobody
    try:
        config[key] = duration(given)
    except Untranslatable as error:
        told.tell(at + pointer(key), "bad_duration", str(error))
        return
    told.note(at + pointer(key), f"{shown(given)} is {config[key]} here")


def _function(config: Config, at: str, told: Told) -> None:
    _rename(config, ("functionName", "function"), at, told)


def _signal(config: Config, at: str, told: Told) -> None:
    why = ", and signals go to it; parevo/flow knew them by the node's id"
    _rename(config, ("signal_name", "name"), at, told, why)
    _duration(config, "timeout", at, told)
    config.setdefault("merge", True)


def _wait(config: Config, at: str, told: Told) -> None:
    _duration(config, "duration", at, told)


def _http(config: Config, at: str, told: Told) -> None:
    _duration(config, "timeout", at, told)
    method = config.get("method")
    if (
        isinstance(method, str)
        and method.upper() in _WITH_BODY
        and not {"json", "body"} & {*config}
    ):
        config["json"] = "${input}"
        told.note(at, "the step's input was sent as the body; json says so here")


def _subworkflow(config: Config, at: str, told: Told) -> None:
    _rename(config, ("workflowId", "workflow"), at, told)
    for key in ("namespace", "_namespace"):
        if config.pop(key, None):
            message = "a child runs in its parent's namespace; dropped"
            told.note(at + pointer(key), message)


def _log(config: Config, at: str, told: Told) -> None:
    if config.get("level") == "warn":
        config["level"] = "warning"
        told.note(at + "/level", "warn is warning here")


def _ai(config: Config, at: str, told: Told) -> None:
    if isinstance(config.get("api_key"), str):
        text = 'it is refused as a text: write {"$secret": "NAME"}, and redflow secret set NAME'
        told.note(at + "/api_key", text)


def _condition(config: Config, at: str, told: Told) -> None:
    operator = config.get("operator")
    if isinstance(operator, str) and operator in _OPERATORS:
        operator = config["operator"] = _OPERATORS[operator]
        told.note(at + "/operator", f"it is {operator} here")
    _compared(config, operator, at + "/value", told)
    name = config.get("variable")
    if not isinstance(name, str) or not name:
        return
    if operator == "==" and name.isidentifier():  # a field that is missing is equal to nothing
        config["variable"] = f'get(input, "{name}")'
        told.note(at + "/variable", f"{shown(name)} is {config['variable']} here")
        return
    config["variable"] = f"input{access(name)}"
    message = f"{shown(name)} is {config['variable']} here; a missing field fails the step"
    told.note(at + "/variable", f"{message}, and was false in parevo/flow")


def _compared(config: Config, operator: object, at: str, told: Told) -> None:
    """Values are compared, not what they look like when printed."""
    value = config.get("value")
    if not isinstance(value, str):
        return
    number = _looks_like(value)
    if number is None:
        return
    if operator in _ORDERING and not isinstance(number, bool):
        config["value"] = number
        told.note(at, f"the text {shown(value)} was compared as a number, and is one here")
    elif operator in ("==", "!="):
        message = f"a text is never equal to a number or boolean here; {value} may be meant"
        told.note(at, message)


def _looks_like(text: str) -> float | bool | None:
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def _switch(config: Config, at: str, told: Told) -> None:
    name = config.get("variable")
    if isinstance(name, str) and name:
        config["variable"] = f"input{access(name)}"
        if name.isidentifier():  # a field that is missing takes the default
            config["variable"] = f'get(input, "{name}")'
        told.note(at + "/variable", f"{shown(name)} is {config['variable']} here")
    if not config.get("default"):
        config["default"] = "default"
    cases = config.get("cases")
    if not isinstance(cases, dict):
        return
    turned: dict[str, Any] = {}
    for value, label in cases.items():
        if not isinstance(label, str):
            message = f"the label is a {type(label).__name__}, not text"
            told.tell(at + pointer("cases", value), "bad_label", message)
            continue
        also = _looks_like(value)
        turned.setdefault(label, []).extend([value] if also is None else [value, also])
    config["cases"] = {label: v[0] if len(v) == 1 else v for label, v in turned.items()}
    told.note(at + "/cases", "a case names its label first and then its values here")


_TYPES: dict[str, Callable[[Config, str, Told], None]] = {
    "function": _function,
    "signal": _signal,
    "wait": _wait,
    "http": _http,
    "subworkflow": _subworkflow,
    "log": _log,
    "ai": _ai,
    "condition": _condition,
    "switch": _switch,
}
