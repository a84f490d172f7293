"""`redflow fsck`: what is wrong, where, and what a repair does; exit code 1 while any is left."""

from typing import Any

import pytest

from redflow.client import Client
from redflow.store.keys import Keys
from tests.cli.kit import APPROVAL, ORDER


@pytest.fixture
def shop(console):
    """Return a command line with one execution that is ready, and one that has ended."""
    console.register(ORDER, APPROVAL)
    console("execute", "order", '{"amount": 42}', "--id", "paid")
    console.finish("paid")
    console("execute", "order", '{"amount": 1}', "--id", "live")
    return console


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """Wait for no lease; the tests have no worker that could run a step meanwhile."""
    plain: Any = Client.check.__wrapped__  # type: ignore[attr-defined] # behind the guard
    monkeypatch.setitem(plain.__kwdefaults__, "patience", 0.0)


def keys_of(shop, execution="live"):
    return Keys(shop.namespace, 2).partition_of(execution)


def damage(shop, *words):
    driver = shop.connector.driver()
    try:
        return driver.raw(*words)
    finally:
        driver.close()


def test_a_sound_namespace_is_exit_code_0(shop):
    result = shop("fsck")
    assert (result.code, result.out) == (0, "")
    assert result.err == "2 executions in 2 partitions: all is well\n"
    assert shop("fsck", "--repair", "-o", "json").json == {
        "namespace": shop.namespace,
        "partitions": 2,
        "executions": 2,
        "repaired": 0,
        "left": 0,
        "findings": [],
    }


def test_damage_is_told_with_what_a_repair_does(shop):
    partition = keys_of(shop)
    damage(shop, "ZREM", partition.permanent["live"], "live")
    damage(shop, "ZADD", partition.permanent["timers"], 1, "rubbish")
    result = shop("fsck")
    assert result.code == 1
    rows = {row[1]: (row[2], row[3]) for row in result.rows}
    assert rows == {
        "live": ("is missing from live", "puts the execution into the index"),
        "timers": ("rubbish belongs to nothing", "removes the timer"),
    }
    assert result.err.endswith("2 problems left; redflow fsck --repair\n")
    repaired = shop("fsck", "--repair", "-o", "table")
    assert repaired.code == 0
    assert "done: puts the execution into the index" in repaired.out
    assert repaired.err.endswith("0 problems left, 2 repaired\n")
    assert shop("fsck").code == 0


def test_a_lost_token_is_issued_again_and_the_execution_ends(shop):
    key = keys_of(shop).ready("default")
    ((token, _),) = damage(shop, "XRANGE", key, "-", "+")
    damage(shop, "XDEL", key, token)
    assert "has no token" in shop("fsck").out
    result = shop("fsck", "--repair", "-o", "json")
    assert (result.code, result.json["repaired"], result.json["left"]) == (0, 1, 0)
    shop.finish("live")
    assert shop("execution", "show", "live", "-o", "json").json["status"] == "COMPLETED"


def test_what_no_index_names_is_found_by_its_key(console):
    console.register(APPROVAL)
    console("execute", "approval", '{"amount": 1}', "--id", "asks")
    console.wait("asks", "approve")
    partition = keys_of(console, "asks")
    damage(console, "ZREM", partition.permanent["live"], "asks")
    damage(console, "DEL", partition.permanent["timers"])
    result = console("fsck", "--repair", "-o", "json")
    assert result.code == 0
    assert {one["what"] for one in result.json["findings"]} == {
        "is missing from live",
        "has lost its sentinel",
        "step 2 waits for a timer that is not set",
    }
    assert all(one["repaired"] for one in result.json["findings"])


def test_foreign_keys_are_named_and_are_no_problem(shop):
    partition = keys_of(shop)
    foreign = f"{partition.prefix}tmp"
    damage(shop, "SET", foreign, "x")
    damage(shop, "SET", f"rf:{{{shop.namespace}}}:lock", "x")
    result = shop("fsck", "-o", "json")
    damage(shop, "DEL", foreign)
    damage(shop, "DEL", f"rf:{{{shop.namespace}}}:lock")
    assert result.code == 0
    assert {(o["where"], o["what"], o["note"]) for o in result.json["findings"]} == {
        (f"key {foreign}", "is no key of redflow's", True),
        (f"key rf:{{{shop.namespace}}}:lock", "is no key of redflow's", True),
    }


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("{ns:0}:queues:x", "is no key of redflow's"),
        ("{ns:7}:live", "is of a partition that is not there"),
        ("{ns:9}:execution:e1", "is of a partition that is not there"),
        ("{ns}:workers:x", "is a string, not a zset"),
    ],
)
def test_keys_in_the_wrong_place_or_of_the_wrong_type(shop, name, what):
    key = "rf:" + name.replace("ns", shop.namespace)
    damage(shop, "SET", key, "x")
    found = shop("fsck", "-o", "json").json["findings"]
    damage(shop, "DEL", key)
    assert [(one["where"], one["what"]) for one in found] == [(f"key {key}", what)]


def test_an_execution_of_another_partition_is_named(shop):
    other = Keys(shop.namespace, 2).partition(1 - keys_of(shop).number)
    damage(shop, "HSET", other.execution("live"), "state", "x")
    found = shop("fsck", "-o", "json").json["findings"]
    assert [one["what"] for one in found] == ["lives in a partition where nobody looks for it"]


def test_one_partition(shop):
    mine, other = keys_of(shop).number, 1 - keys_of(shop).number
    damage(shop, "ZREM", keys_of(shop).permanent["live"], "live")
    assert shop("fsck", "--partition", str(other)).code == 0
    assert shop("fsck", "--partition", str(mine)).code == 1
    wrong = shop("fsck", "--partition", "2", "-o", "json")
    assert (wrong.code, wrong.error["field"]) == (2, "partition")


def test_what_cannot_be_repaired_is_left_and_exit_code_1(shop):
    damage(shop, "HDEL", keys_of(shop).execution("live"), "state")
    result = shop("fsck", "--repair", "-o", "json")
    assert result.code == 1
    assert {(o["what"], o["repair"]) for o in result.json["findings"] if not o["repaired"]} == {
        ("has no state, only a part of it is there", "nothing: it needs a person"),
    }


def test_errors_are_json_too(console):
    missing = console("fsck", "-o", "json")
    assert (missing.code, missing.error["code"]) == (3, "NotFound")
