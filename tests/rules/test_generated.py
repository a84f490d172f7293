"""The files that say GENERATED are what their sources generate."""

import pytest

from tests.support.tree import ROOT
from tests.tools import node_tables, schema, unasync


@pytest.mark.parametrize(("source", "target"), unasync.FILES.items())
def test_the_synchronous_twin_is_current(source, target):
    assert unasync.is_current(source, target), "run python tests/tools/unasync.py"


def test_the_schema_of_documents_is_current():
    assert schema.is_current(), "run python -m tests.tools.schema"


def test_the_tables_of_node_types_are_current(capsys):
    assert node_tables.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("target", unasync.FILES.values())
def test_nothing_asynchronous_is_left(target):
    text = (ROOT / target).read_text(encoding="utf-8")
    assert text.startswith("# GENERATED from ")
    assert [word for word in ("async ", "await ", "asyncio") if word in text] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("async def run(self) -> int:", "def run(self) -> int:"),
        ("    return await self._run(op)", "    return self._run(op)"),
        ("async with self._lock:", "with self._lock:"),
        ("async for x in AsyncClient():", "for x in Client():"),
        ("from redis.asyncio import Redis", "from redis import Redis"),
        ("async def __aexit__(self) -> None:", "def __exit__(self) -> None:"),
        ("awaited = True", "awaited = True"),
    ],
)
def test_substitution(line, expected):
    assert unasync.substitute(line) == expected
