"""docs/operations.md shows what the commands print, and every code that doctor knows."""

import re
from pathlib import Path

import pytest

from redflow import defaults
from redflow.client import diagnosis
from redflow.driver import MemoryConnector
from redflow.store import fitness
from redflow.store.keys import Keys
from redflow.worker import audit
from tests.cli.kit import Console
from tests.guide.programs import read_guide
from tests.support.tree import PACKAGE

GUIDE = read_guide("operations.md")
SHOWN = dict(re.findall(r"```console\n\$ redflow (\w+)[^\n]*\n(.*?)```", GUIDE, re.DOTALL))


@pytest.fixture
def console() -> Console:
    made = Console(MemoryConnector(), "shop")
    made.register()
    made("execute", "order", "--id", "e-1")
    return made


def test_doctor_prints_what_is_shown(console: Console) -> None:
    assert console("doctor", "-o", "table").out == SHOWN["doctor"]


def test_fsck_prints_what_is_shown(console: Console) -> None:
    driver, keys = console.connector.driver(), Keys("shop", 2)
    partition = keys.partition_of("e-1")
    driver.raw("ZREM", partition.permanent["live"], "e-1")
    driver.raw("ZADD", keys.partition(partition.number).permanent["timers"], 1, "w:e-9:1")
    driver.close()
    shown = SHOWN["fsck"].replace("\n0 ", f"\n{partition.number} ")
    seen = console("fsck", "-o", "table").out
    assert sorted(seen.split()) == sorted(shown.split())


def test_every_code_is_listed() -> None:
    modules = (Path(fitness.__file__), Path(diagnosis.__file__))
    text = "".join(path.read_text(encoding="utf-8") for path in modules)
    text += (PACKAGE / "client" / "_async" / "diagnosing.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'code="(\w+)"', text))
    assert set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)) == codes


def test_figures_are_those_of_the_code() -> None:
    assert f"every {audit.EVERY:.0f} s" in GUIDE
    assert f"({defaults.AUDIT:,};" in GUIDE
    assert f"a lease ({defaults.LEASE:.0f} s)" in GUIDE
    assert f"swept for {defaults.SWEEP * diagnosis.SWEEPS_LATE:.0f} s" in GUIDE
    assert f"{diagnosis.NEAR:.0%}".replace("%", " %") in GUIDE
