"""Write the tables of configs in docs/nodes/ from the node types; `--check` only compares."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redflow.nodes.registry import BUILT_IN
from redflow.nodes.schemas import EXPRESSION, config_schema

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "nodes"
TYPES = {node_type.type: node_type for node_type in BUILT_IN}

HEAD = "| key | kind | default | meaning |\n|---|---|---|---|\n"
BEGIN, END = "<!-- config: python -m tests.tools.node_tables -->\n", "<!-- end of config -->\n"
BETWEEN = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)

_WORDS = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "object": "map", "array": "list",
}  # fmt: skip
_RENDERED = {"type": "string", "pattern": r"\$\{"}
_NONE = {"type": "null"}
_MOST_NAMED = 5


def main(arguments: list[str]) -> int:
    """Write the tables, or with --check answer 1 when one is not current."""
    if "--check" in arguments:
        old = [name for name in TYPES if not is_current(name)]
        for name in old:
            print(f"{page(name)} is not what the type says: run python -m tests.tools.node_tables")
        return 1 if old else 0
    for name in TYPES:
        page(name).write_text(generate(name), encoding="utf-8")
    print(f"wrote the tables of {len(TYPES)} pages")
    return 0


def page(name: str) -> Path:
    """Return where the page of a type is."""
    return FOLDER / f"{name}.md"


def is_current(name: str) -> bool:
    path = page(name)
    return path.is_file() and path.read_text(encoding="utf-8") == generate(name)


def generate(name: str) -> str:
    """Return the page of a type with its table as the type has it."""
    text = page(name).read_text(encoding="utf-8")
    made, count = BETWEEN.subn(lambda _: BEGIN + table(name) + END, text)
    if count != 1:
        raise ValueError(f"{page(name)} has {count} places for a table, not one")
    return made


def table(name: str) -> str:
    """Return the table of a type: a row for each key."""
    schema = config_schema(TYPES[name])
    rows = [row(key, field, schema) for key, field in schema["properties"].items()]
    return HEAD + "".join(rows)


def row(key: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    default = "required" if key in schema["required"] else _default(field.get("default"))
    meaning = field["description"].replace("|", "\\|")
    return f"| `{key}` | {kind(field)} | {default} | {meaning} |\n".replace("|  |", "| |")


def kind(field: Mapping[str, Any]) -> str:
    """Say in words what a field takes."""
    said = field.get("$comment")
    if said == EXPRESSION:
        return "expression"
    words = list(dict.fromkeys(_words(field))) or ["any value"]
    named = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return named + ("" if said else ", no template")


def _words(field: Mapping[str, Any]) -> list[str]:
    if field in (_RENDERED, _NONE):
        return []
    if "anyOf" in field:
        return [word for one in field["anyOf"] for word in _words(one)]
    if "enum" in field:
        named = [f"`{one}`" for one in field["enum"] if one is not None]
        return named if len(named) <= _MOST_NAMED else ["text"]
    if "$secret" in field.get("properties", {}):
        return ["secret"]
    types = field.get("type", [])
    return [_WORDS[one] for one in ([types] if isinstance(types, str) else types) if one in _WORDS]


def _default(value: Any) -> str:
    if value in (None, {}, []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
