"""docs/egress.md says what the code does: ranges, reasons, rules, limits, and the refusal."""

import re

import pytest

from redflow.egress import Egress, EgressDenied, message
from redflow.egress.addresses import AS_OF, TABLE
from redflow.egress.allow import parse_rule
from redflow.egress.client import PROXY_VARIABLE
from redflow.egress.errors import REASONS
from redflow.egress.sending import CODINGS
from tests.egress.kit import Names, request
from tests.guide.programs import read_guide

PAGE = read_guide("egress.md")


def test_the_table_is_that_of_the_code():
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.+?) \| (never|yes) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (str(row.network), row.reason, row.name, "never" if row.never else "yes") for row in TABLE
    ]
    assert AS_OF in PAGE


def test_the_reasons_are_those_of_the_code():
    text = PAGE.partition("## Counting refusals")[2].partition("## ")[0]
    assert tuple(re.findall(r"`([a-z_]+)`", text)) == REASONS


def test_every_entry_that_is_shown_is_a_rule():
    text = PAGE.partition("| entry | allows |")[2].partition("\n\n")[0]
    entries = [one for row in text.splitlines() for one in re.findall(r"`([^`]+)`", row[:40])]
    assert len(entries) == 7
    assert [parse_rule(entry).text for entry in entries] == entries


def test_figures_and_names_are_those_of_the_code():
    assert f"at most {message.MAX_REDIRECTS} are" in PAGE
    assert f"{message.MAX_BYTES // 2**20} MiB" in PAGE
    assert f"`{PROXY_VARIABLE}=" in PAGE
    assert all(f"`{coding}`" in PAGE for coding in CODINGS)


async def test_the_refusal_is_the_one_that_is_printed(egress: Egress, names: Names):
    names.table["api.internal"] = ["10.1.2.3"]
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.internal/"))
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    assert str(caught.value) == " ".join(shown[1].split())
