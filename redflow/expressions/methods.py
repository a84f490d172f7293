"""What to write instead of a method: there are none, and people try Python's and JavaScript's."""

from __future__ import annotations

from typing import Final

METHODS: Final[dict[str, str]] = {
    "append": "items + [x]",
    "copy": "the value itself",
    "count": "len([x for x in items if ...])",
    "endsWith": "endswith(text, suffix)",
    "filter": "[x for x in items if ...]",
    "find": "contains(container, item)",
    "format": 'a template: "a ${x}"',
    "has_key": '"key" in x',
    "includes": "contains(container, item)",
    "index": "contains(container, item)",
    "isoformat": "str(x)",
    "items": "keys(x) and values(x)",
    "length": "len(x)",
    "lstrip": "strip(text, chars=None)",
    "map": "[f(x) for x in items]",
    "replace": "join(split(text, old), new)",
    "rstrip": "strip(text, chars=None)",
    "size": "len(x)",
    "sort": "sorted(items, by=None, reverse=False)",
    "startsWith": "startswith(text, prefix)",
    "toLowerCase": "lower(text)",
    "toString": "str(x)",
    "toUpperCase": "upper(text)",
    "total_seconds": "float(x)",
    "trim": "strip(text, chars=None)",
    "update": "a | b",
}
"""Names of methods that no function has; a function of the same name is found in the table."""
