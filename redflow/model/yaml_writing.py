"""Writes a workflow as YAML: short collections on one line, texts of several lines as blocks."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

from redflow.model.definition import Definition
from redflow.model.document import write_document
from redflow.model.yaml_scalars import FLOAT, INTEGER

_WIDTH = 100
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_TAG = "tag:yaml.org,2002:"


def write_yaml(workflow: Definition, *, unicode: bool = True) -> str:
    """Write the document of a workflow as YAML text, in ASCII if asked; raise InvalidWorkflow.

    What any version of YAML would take for something else than text is quoted, `on` and dates
    among it.
    """
    import yaml  # noqa: PLC0415 - few processes write YAML

    text: str = yaml.dump(
        write_document(workflow),
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=unicode,
        width=_WIDTH,
    )
    return text


@cache
def _dumper() -> Any:
    """Make the class that writes; PyYAML's own in C would escape every emoji."""
    import yaml  # noqa: PLC0415 - few processes write YAML

    class Dumper(yaml.SafeDumper):
        """Knows what both versions of YAML take for numbers; repeats instead of aliases."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def write_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        if _OTHER_BREAKS.search(text):  # PyYAML takes them for ends of lines, and folds them
            style = '"'
        return dumper.represent_scalar(_TAG + "str", text, style=style)

    def write_map(dumper: Dumper, value: dict[str, Any]) -> yaml.MappingNode:
        pairs = value.items()
        return dumper.represent_mapping(_TAG + "map", pairs, flow_style=_is_short(value.values()))

    def write_list(dumper: Dumper, value: list[Any]) -> yaml.SequenceNode:
        return dumper.represent_sequence(_TAG + "seq", value, flow_style=_is_short(value))

    Dumper.add_representer(str, write_text)
    Dumper.add_representer(dict, write_map)
    Dumper.add_representer(list, write_list)
    for kind, pattern in (("int", INTEGER), ("float", FLOAT)):
        Dumper.add_implicit_resolver(_TAG + kind, _whole(pattern.pattern), list("-+.0123456789"))
    return Dumper


def _is_short(values: Collection[Any]) -> bool:
    """Whether a collection fits on a line: nothing in it but scalars, and those short."""
    if any(isinstance(value, (dict, list)) or "\n" in str(value) for value in values):
        return False
    return sum(len(str(value)) + 12 for value in values) <= _WIDTH


def _whole(pattern: str) -> re.Pattern[str]:
    """Return a pattern that has to match all: the dumper asks only for the beginning."""
    return re.compile(rf"(?:{pattern})\Z")
