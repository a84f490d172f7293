"""What a worker says of a server when it starts: what it refuses, and what it warns of."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from redflow.driver import RedisConnector
from redflow.engine import Engine
from redflow.errors import Misconfigured
from redflow.store.fitness import Clocks, Finding, judge, read_info
from redflow.worker.readiness import Inspection, check_server
from tests.support.server import started_server
from tests.worker.faults import Faults
from tests.worker.kit import Bench

NOW = 1_700_000_000.0
SOUND = {
    "redis_version": "7.0.15",
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "aof_enabled": "1",
    "role": "master",
    "connected_slaves": "0",
    "server_time_usec": f"{NOW * 1e6:.0f}",
}


def findings(**changes: str) -> list[Finding]:
    return list(judge(SOUND | changes, Clocks(NOW, NOW)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"redis_version": "6.2.0"},
        {"redis_version": "7.2.4", "valkey_version": "8.0.1"},
        {"maxmemory_policy": "allkeys-lru"},
        {"maxmemory": "1000"},
        {"connected_slaves": "2", "min_slaves_good_slaves": "2"},
        {"connected_slaves": "1", "role": "slave"},
        {"server_time_usec": f"{(NOW + 0.9) * 1e6:.0f}"},
        {"server_time_usec": "soon", "redis_version": "unstable"},
    ],
)
def test_what_is_fine(changes: dict[str, str]):
    assert findings(**changes) == []


def test_what_is_not_told_is_not_judged():
    assert list(judge({}, Clocks(NOW, NOW))) == []


@pytest.mark.parametrize(
    ("changes", "fatal", "text"),
    [
        ({"redis_version": "6.0.16"}, True, "it is Redis 6.0.16: .* (run Redis 6.2 or newer)"),
        (
            {"redis_version": "7.2.4", "valkey_version": "7.2.8"},
            True,
            "it is Valkey 7.2.8: .* (run Valkey 8.0 or newer)",
        ),
        (
            {"maxmemory": "1000", "maxmemory_policy": "allkeys-lru"},
            True,
            "maxmemory-policy is allkeys-lru: .* (CONFIG SET maxmemory-policy noeviction,",
        ),
        (
            {"maxmemory": "1000", "maxmemory_policy": "volatile-ttl"},
            False,
            "maxmemory-policy is volatile-ttl: .* (CONFIG SET maxmemory-policy noeviction)",
        ),
        ({"aof_enabled": "0"}, False, "its append-only file is off: .* (CONFIG SET appendonly yes"),
        ({"connected_slaves": "2"}, False, "it has 2 replicas.* (CONFIG SET min-replicas-to-write"),
        (
            {"server_time_usec": f"{(NOW - 61) * 1e6:.0f}"},
            False,
            "its clock and that of this host are 61.0 s apart: .* (synchronize",
        ),
    ],
)
def test_what_is_found_says_why_and_what_to_do(changes: dict[str, str], fatal: bool, text: str):
    (found,) = findings(**changes)
    assert found.fatal == fatal
    beginning, end = text.split(".*")
    assert str(found).startswith(beginning)
    assert end.strip() in str(found)


def test_a_slow_answer_is_no_difference_of_clocks():
    asked = SOUND | {"server_time_usec": f"{(NOW + 4) * 1e6:.0f}"}
    assert list(judge(asked, Clocks(NOW, NOW + 5))) == []


def test_info_is_read_as_it_is():
    reply = b"# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\nconfig_file:\r\n\xff\r\n"
    assert read_info(reply) == {
        "redis_version": "7.0.15",
        "executable": "/a:b",
        "config_file": "",
    }


# --- a worker's start


@pytest.fixture
def own() -> Iterator[redis.Redis]:
    """Return a client of a server that keeps everything, for a test to spoil."""
    with started_server("--appendonly", "yes") as url, redis.Redis.from_url(url) as client:
        yield client


def url_of(client: redis.Redis, login: str = "") -> str:
    return f"unix://{login}{client.connection_pool.connection_kwargs['path']}"


async def start_worker(url: str) -> None:
    """Start a worker on a server and stop it again."""
    connector = RedisConnector(url)
    driver = connector.async_driver()
    try:
        bench = Bench(connector, driver, "ready")
        await bench.one(lambda value: value)
        async with bench.working():
            pass
    finally:
        await driver.close()


@pytest.mark.server
async def test_a_sound_server_is_met_in_silence(own: redis.Redis, caplog: Any):
    with caplog.at_level(logging.WARNING):
        await start_worker(url_of(own))
    assert caplog.messages == []


@pytest.mark.server
async def test_what_is_risky_is_a_warning(own: redis.Redis, caplog: Any):
    own.config_set("appendonly", "no")
    with caplog.at_level(logging.WARNING):
        await start_worker(url_of(own))
    (line,) = caplog.messages
    assert "append-only file is off" in line
    assert url_of(own).removeprefix("unix://") in line


@pytest.mark.server
@pytest.mark.row(10)
async def test_a_server_that_evicts_is_refused(own: redis.Redis):
    own.config_set("maxmemory", "100mb")
    own.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(Misconfigured, match="deletes keys") as caught:
        await start_worker(url_of(own))
    assert "CONFIG SET maxmemory-policy noeviction" in caught.value.hint


@pytest.mark.server
async def test_a_user_who_may_not_ask_is_not_refused(own: redis.Redis, caplog: Any):
    own.config_set("maxmemory-policy", "allkeys-lru")
    own.config_set("maxmemory", "100mb")
    own.execute_command("ACL", "SETUSER", "w", "on", ">pw", "~*", "+@all", "-info", "-config")
    with caplog.at_level(logging.INFO):
        await start_worker(url_of(own, "w:pw@"))
    assert [line for line in caplog.messages if "restarts are not noticed" in line]


@pytest.mark.server
@pytest.mark.parametrize("kind", ["memory", "embedded", "embedded-and-kept"])
async def test_a_server_of_our_own_needs_no_words(kind: str, tmp_path: Path, caplog: Any):
    path = tmp_path / "data" if kind == "embedded-and-kept" else None
    async with Engine.memory() if kind == "memory" else Engine.local(path) as engine:
        await engine.create_namespace(1)
        with caplog.at_level(logging.WARNING):
            async with engine.worker():
                pass
    assert caplog.messages == []


@pytest.mark.server
@pytest.mark.row(10)
async def test_a_setting_that_is_changed_later_is_told_once(own: redis.Redis, caplog: Any):
    driver = RedisConnector(url_of(own)).async_driver()
    inspection = Inspection(driver, await check_server(driver, "here"))
    caplog.clear()
    await inspection.look()
    assert caplog.messages == []
    own.config_set("maxmemory", "1gb")
    own.config_set("maxmemory-policy", "allkeys-lru")
    await inspection.look()
    await inspection.look()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "maxmemory-policy is allkeys-lru" in record.getMessage()
    assert "noeviction" in record.getMessage()
    own.config_set("maxmemory-policy", "noeviction")
    await inspection.look()
    own.config_set("maxmemory-policy", "allkeys-lru")
    await inspection.look()
    assert len(caplog.records) == 2, "mended and broken again, it is told again"
    await driver.close()


async def test_a_server_that_does_not_answer_is_looked_at_again(bench: Bench, connector: Any):
    faults = Faults(connector)
    faults.on("everywhere", "refuse")
    inspection = Inspection(faults.async_driver(), {})
    await inspection.look()
    assert faults.all_done
