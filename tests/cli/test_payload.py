"""`redflow payload sweep`: removes what purged executions have left in the payload store."""

import json

import pytest

from redflow.payloads.files import FileStore
from redflow.payloads.store import new_key
from tests.cli.kit import ORDER

LARGE = json.dumps({"amount": 42, "text": "x" * 100_000})


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return the store of every command line and worker of a test."""
    monkeypatch.setenv("REDFLOW_PAYLOADS", tmp_path.as_uri())
    return FileStore(tmp_path)


def kept(console, files) -> int:
    return len(list(files.kept(console.namespace)))


def test_what_is_left_of_purged_executions_goes(console, files):
    console.register(ORDER)
    console("execute", "order", LARGE, "--id", "paid")
    console.finish("paid")
    assert kept(console, files) == 2
    assert console("execution", "purge", "--before", "0", "--yes").out == "purged\t1\n"
    assert kept(console, files) == 2  # they are young
    assert console("payload", "sweep", "--grace", "0s").out == "removed\t2\n"
    assert kept(console, files) == 0


def test_what_is_young_or_in_use_stays(console, files):
    console.register(ORDER)
    console("execute", "order", LARGE, "--id", "live")
    files.put(new_key(console.namespace, "gone"), b"x")
    assert console("payload", "sweep", "-o", "json").json == {"removed": 0}
    assert console("payload", "sweep", "--grace", "0s", "-o", "json").json == {"removed": 1}
    assert kept(console, files) == 1


def test_without_a_store_it_says_how_to_name_one(console):
    console.register(ORDER)
    result = console("payload", "sweep")
    assert result.code == 2
    assert "REDFLOW_PAYLOADS" in result.err


def test_a_value_is_shown_as_stored_where_the_store_is_not_known(console, files, monkeypatch):
    console.register(ORDER)
    console("execute", "order", LARGE, "--id", "live")
    monkeypatch.delenv("REDFLOW_PAYLOADS")
    shown = console("execution", "show", "live", "--input", "-o", "json").json["input"]
    (one,) = files.kept(console.namespace)
    assert shown == {"$stored": one.key, "size": len(files.get(one.key))}
