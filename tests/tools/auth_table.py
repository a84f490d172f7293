"""Write the table of docs/auth.md from the table of the code; `--check` only compares."""

import re
import sys
from collections.abc import Iterator

from redflow.auth.actions import RULES, rules_of
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "auth.md"
BEGIN, END = "<!-- calls: written by python -m tests.tools.auth_table -->\n", "<!-- end -->\n"


def rows() -> Iterator[str]:
    """Yield a line for each resource and action, with the calls that ask for it."""
    found: dict[tuple[str, str], list[str]] = {}
    for call in RULES:
        for rule in rules_of(call):
            resource = re.sub(r"\{[\w.]+\}", "<id>", rule.resource.replace("{ns}", "<ns>"))
            found.setdefault((resource, rule.action), []).append(call)
    for (resource, action), calls in sorted(found.items()):
        named = ", ".join(f"`{call}`" for call in sorted(set(calls)))
        yield f"| `{resource}` | `{action}` | {named} |\n"


def written() -> str:
    """Return the page with the table as it must be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "| resource | action | asked for by |\n|---|---|---|\n" + "".join(rows())
    return before + BEGIN + table + END + after


def main(arguments: list[str]) -> int:
    """Write the page, or with --check answer 1 when it is not as it must be."""
    current = PAGE.read_text(encoding="utf-8") == written()
    if "--check" in arguments:
        return 0 if current else 1
    PAGE.write_text(written(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
