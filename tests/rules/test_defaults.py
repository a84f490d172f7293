"""The table in docs/defaults.md says what redflow/defaults.py says."""

import re

from redflow import defaults
from tests.support.tree import ROOT


def test_every_default_is_documented_with_its_value():
    text = (ROOT / "docs" / "defaults.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", text, re.MULTILINE)
    assert documented == [(name, str(value)) for name, value in written()]


def written() -> list[tuple[str, float]]:
    """Return the defaults in the order of the file."""
    return [(name, value) for name, value in vars(defaults).items() if name.isupper()]
