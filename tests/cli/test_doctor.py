"""`redflow doctor`: each finding provoked, with its cause and what to do; in words and as JSON."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from redflow.cli.base import State
from redflow.client import Client, diagnosis
from redflow.client.diagnosis import judge_functions, judge_installation, judge_slots
from redflow.client.probes import WORDS
from redflow.driver import Driver, RedisConnector
from redflow.expressions.analysis import compile_workflow
from redflow.model.execution import instant
from redflow.model.operations import WorkerInfo
from redflow.model.workflow import Workflow
from redflow.store.keys import Keys
from redflow.store.script import script_table
from tests.cli.kit import APPROVAL, ORDER, Console, call
from tests.support.server import on_port, replica_of, started_server


@pytest.fixture(scope="module")
def own_url() -> Iterator[str]:
    """Return the URL of a server that keeps everything, for these tests to spoil."""
    with started_server("--appendonly", "yes") as url:
        yield url


@pytest.fixture
def own(own_url: str) -> Iterator[redis.Redis]:
    """Return a client of that server; what it was told is taken back after the test."""
    with redis.Redis.from_url(own_url) as client:
        yield client
        for name, value in {
            "appendonly": "yes",
            "maxmemory": 0,
            "maxmemory-policy": "noeviction",
            "timeout": 0,
            "min-replicas-to-write": 0,
        }.items():
            client.config_set(name, value)
        client.flushall()


@pytest.fixture
def shop(own: redis.Redis, own_url: str, namespace: str) -> Console:
    """Return a command line on that server, with workflows and no worker."""
    console = Console(RedisConnector(own_url), namespace)
    console.register(ORDER)
    return console


def findings(console: Console) -> dict[str, dict[str, str]]:
    """Ask, and return the findings by their codes; those about workers are left out."""
    result = console("doctor", "-o", "json")
    assert result.code == (1 if result.json["errors"] else 0)
    found = {one["code"]: one for one in result.json["findings"]}
    assert all(one["cause"] and one["remedy"] for one in found.values())
    return {code: one for code, one in found.items() if code != "queue"}


# --- a server that is fit


@pytest.mark.server
def test_a_sound_server_with_a_worker_has_no_finding(shop: Console) -> None:
    with shop.working():
        result = shop("doctor", "-o", "json")
        said = shop("doctor")
    assert (result.code, result.json["findings"], result.json["errors"]) == (0, [], 0)
    assert (said.code, said.out) == (0, "")
    assert said.err.endswith("0 errors, 0 warnings\n")
    assert "not checked: whether the control channels may be listened to" in said.err


@pytest.mark.server
def test_it_changes_nothing(shop: Console, own: redis.Redis) -> None:
    shop("execute", "order", "--id", "e-1")
    before = {key: own.dump(key) for key in own.keys("*{*") if b"plan" not in key}
    assert shop("doctor").code == 1  # a step waits, and nobody serves its queue
    assert {key: own.dump(key) for key in own.keys("*{*") if b"plan" not in key} == before


@pytest.mark.server
@pytest.mark.parametrize(
    ("settings", "code", "level", "text"),
    [
        ({"appendonly": "no"}, "persistence", "warning", "append-only file is off"),
        ({"timeout": 300}, "timeout", "warning", "idle for 300 s"),
        (
            {"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"},
            "eviction",
            "error",
            "maxmemory-policy is allkeys-lru",
        ),
        (
            {"maxmemory": "1gb", "maxmemory-policy": "volatile-lru"},
            "eviction",
            "warning",
            "maxmemory-policy is volatile-lru",
        ),
        ({"min-replicas-to-write": 1}, "writes", "error", "too few of its replicas"),
    ],
)
def test_what_its_settings_say(shop, own, settings, code, level, text) -> None:
    for name, value in settings.items():
        own.config_set(name, value)
    found = findings(shop)
    assert list(found) == [code] if code != "writes" else code in found
    assert found[code]["level"] == level
    assert text in found[code]["what"]


@pytest.mark.server
@pytest.mark.parametrize(("share", "level"), [(0.8, "warning"), (0.95, "error")])
def test_how_much_memory_is_left(shop, own, share: float, level: str) -> None:
    used = own.info("memory")["used_memory"]
    own.config_set("maxmemory", round(used / share))
    found = findings(shop)["memory"]
    assert found["level"] == level
    assert "of its maxmemory" in found["what"]


@pytest.mark.server
def test_a_replica_takes_no_writes(namespace: str, unused_tcp_port: int) -> None:
    with (
        started_server(*on_port(unused_tcp_port), "--appendonly", "yes"),
        replica_of(unused_tcp_port) as url,
    ):
        console = Console(RedisConnector(url), namespace)
        result = console("doctor", "-o", "json")
    found = {one["code"]: one for one in result.json["findings"]}
    assert result.code == 1
    assert found["writes"]["what"].endswith("it is a replica")


# --- access


@pytest.mark.server
def test_a_user_who_may_not_run_what_scripts_run(shop, own, own_url) -> None:
    own.execute_command(
        "ACL", "SETUSER", "w", "on", ">pw", "resetkeys", "~rf:*", "resetchannels", "&*", "+@all",
        "-xadd", "-zrem",
    )  # fmt: skip
    url = own_url.replace("unix://", "unix://w:pw@")
    state = State(url=url, namespace=shop.namespace)
    found = call("doctor", "-o", "json", state=state)
    own.execute_command("ACL", "DELUSER", "w")
    (denied,) = [one for one in found.json["findings"] if one["code"] == "acl"]
    assert found.code == 1
    assert denied["what"] == "user 'w' may not run XADD, ZREM"
    assert "+xadd +zrem" in denied["remedy"]


@pytest.mark.server
def test_a_user_who_may_ask_little_is_told_what_was_not_checked(shop, own, own_url) -> None:
    own.execute_command(
        "ACL", "SETUSER", "w", "on", ">pw", "~rf:*", "&*", "+@all", "-info", "-config", "-acl"
    )
    url = own_url.replace("unix://", "unix://w:pw@")
    result = call("doctor", "-o", "json", state=State(url=url, namespace=shop.namespace))
    own.execute_command("ACL", "DELUSER", "w")
    assert [one["code"] for one in result.json["findings"]] == ["acl", "queue"]
    assert result.json["findings"][0]["what"] == "user 'of the URL' may not run INFO"
    assert [one.partition(":")[0] for one in result.json["unchecked"]][:2] == [
        "version, memory, persistence, clock",
        "timeout",
    ]


def test_every_command_of_a_script_is_tried() -> None:
    texts = (script.text for script in script_table().values())
    assert {name for text in texts for name in re.findall(r"\bcall\('([A-Z]+)'", text)} <= {*WORDS}


# --- the namespace


def test_a_namespace_that_is_not_there_is_a_warning(console) -> None:
    result = console("doctor", "-o", "json")
    codes = {one["code"]: one["level"] for one in result.json["findings"]}
    assert (result.code, codes["namespace"]) == (0, "warning")
    assert "HSETNX, SADD" in " ".join(result.json["unchecked"])


def test_data_of_another_version_are_an_error(console) -> None:
    console.register()
    driver = console.connector.driver()
    record = Keys(console.namespace, 2).namespace_record
    driver.raw("HSET", record, "schema", 99)
    driver.close()
    result = console("doctor", "-o", "json")
    (found,) = [one for one in result.json["findings"] if one["code"] == "data"]
    assert (result.code, found["level"]) == (1, "error")
    assert "holds data model 99" in found["what"]


def test_a_queue_without_workers(console) -> None:
    console.register()
    (found,) = [o for o in console("doctor", "-o", "json").json["findings"] if o["code"] == "queue"]
    assert (found["level"], found["what"]) == ("warning", "queue 'default' has no live worker")
    console("execute", "order", "--id", "e-1")
    result = console("doctor", "-o", "table")
    assert result.code == 1
    assert "error: queue 'default' has no live worker, and 1 steps are in it" in result.out
    assert "   redflow worker start -A module:engine --queue default" in result.out
    assert console("doctor").rows[-1][:2] == ["error", "queue"]


def test_a_function_that_nobody_offers(console) -> None:
    console.register(ORDER, replace(APPROVAL, id="other"))
    with console.working():
        assert [o for o in _of(console) if o["code"] == "function"] == []
        odd = Workflow.builder("odd").add_node("a", "function", function="nobody").build()
        with Client(console.connector, namespace=console.namespace) as client:
            client.register_workflow(odd)
        (found,) = [o for o in _of(console) if o["code"] == "function"]
    assert found["what"] == "no live worker of queue 'default' offers function 'nobody'"
    assert "odd" in found["cause"]


def _of(console) -> list[dict[str, str]]:
    return console("doctor", "-o", "json").json["findings"]


def test_sweeps_that_are_late_and_a_guard_that_is_stuck(console) -> None:
    console.register()
    with console.working():
        driver = console.connector.driver()
        key = Keys(console.namespace, 2).partition(1).permanent["sweeper"]
        found = {}
        while "guard" not in found:  # a first sweep may set it, too
            driver.raw("HSET", key, "hold", 2**42)
            found = {one["code"]: one for one in _of(console)}
        assert found["guard"]["what"].startswith("partition 1 takes over no lost lease before 2")
        # Held by another worker, which has not swept for a minute.
        driver.raw("HSET", key, "holder", "other", "until", 2**45, "tick", 1, "hold", 0)
        found = {one["code"]: one for one in _of(console)}
        driver.close()
    assert found["sweep"]["what"].startswith("partition 1 was last swept ")
    assert "guard" not in found


def test_a_partition_that_was_never_swept_is_late_only_when_workers_live() -> None:
    assert list(diagnosis.judge_sweeps(10**6, [(None, None)], alive=False)) == []
    (found,) = diagnosis.judge_sweeps(10**6, [(None, None)], alive=True)
    assert found.what == "partition 0 was last swept never"


# --- what needs no server


def test_keys_of_a_partition_have_one_slot() -> None:
    assert list(judge_slots(Keys("shop", 4), ["default", "mail"])) == []
    (one, two) = judge_slots(Keys("shop", 2, "a{}b:"), ["default"])
    assert (one.code, one.fatal, two.what) == ("slots", True, one.what.replace("0", "1", 1))


def test_two_distributions_overwrite_each_other() -> None:
    assert list(judge_installation(["redflow-engine", "redis"])) == []
    (found,) = judge_installation(["redflow-engine", "RedFlow"])
    assert (found.code, found.fatal) == ("distributions", True)
    assert found.step.startswith("pip uninstall redflow redflow-engine")


def test_workers_that_are_silent_are_no_reason() -> None:
    silent = WorkerInfo(id="w", alive=False, last_beat=instant(0))
    assert list(judge_functions([compile_workflow(ORDER, 1)], {"default": [silent]})) == []


def test_a_server_that_is_not_there_is_exit_code_7(tmp_path) -> None:
    state = State(url=f"unix://{tmp_path}/none.sock", namespace="x")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(Driver.everywhere.__kwdefaults__, "deadline", 0.1)
        result = call("doctor", "-o", "json", state=state)
    assert (result.code, result.error["code"], result.out) == (7, "Unavailable", "")


def test_the_client_has_it_too(console) -> None:
    console.register()
    with Client(console.connector, namespace=console.namespace) as client:
        assert "queue" in [one.code for one in client.diagnose().findings]
