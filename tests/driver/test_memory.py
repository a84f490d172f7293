"""The driver over fakeredis: the same questions, asynchronous and synchronous, on one server."""

import asyncio
import builtins
import threading

import pytest

from redflow.driver import AsyncDriver, Driver, MemoryConnector
from redflow.errors import Misconfigured, StoreError, Unavailable
from redflow.store.op import command
from tests.driver.kit import op_of

SET = "redis.call('SET', KEYS[1], ARGV[1]) return {ARGV[1], 7, false}"


@pytest.fixture
def memory():
    return MemoryConnector()


@pytest.fixture
async def driver(memory):
    driver = memory.async_driver()
    yield driver
    await driver.close()


@pytest.fixture
def sync_driver(memory):
    driver = memory.driver()
    yield driver
    driver.close()


async def test_a_script_runs_and_both_colours_see_one_server(
    driver: AsyncDriver, sync_driver: Driver
):
    assert await driver.run(op_of(SET, "{a}k", args=(b"\x00\xff",))) == [b"\x00\xff", 7, None]
    assert sync_driver.run(command("read", "GET", "{a}k", parse=bytes)) == b"\x00\xff"
    assert sync_driver.run(op_of(SET, "{a}k", args=("é",))) == ["é".encode(), 7, None]
    assert await driver.raw("GET", "{a}k") == "é".encode()
    assert sync_driver.raw("PING") == b"PONG"


async def test_connectors_are_separate_servers(driver: AsyncDriver):
    await driver.raw("SET", "k", "v")
    other = MemoryConnector().async_driver()
    assert await other.raw("GET", "k") is None
    await other.close()


async def test_many_scripts_new_to_the_server(driver: AsyncDriver, sync_driver: Driver):
    ops = [op_of(f"return {n}") for n in (1, 2, 1)]
    assert await driver.run_many(ops) == [1, 2, 1]
    assert await driver.run_many(ops) == [1, 2, 1]
    more = [op_of("return 3"), op_of("return 1"), command("read", "GET", "none", parse=lambda r: r)]
    assert sync_driver.run_many(more) == [3, 1, None]


async def test_errors_of_scripts_keep_their_code(driver: AsyncDriver, sync_driver: Driver):
    wrong = op_of("return redis.error_reply('PLAN 7f3a is not stored')")
    with pytest.raises(StoreError, match="error: PLAN 7f3a"):
        await driver.run(wrong)
    with pytest.raises(StoreError, match="error: PLAN 7f3a"):
        sync_driver.run(wrong)


async def test_a_group_read_answers_at_once_when_there_is_something(driver: AsyncDriver):
    await driver.raw("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    await driver.raw("XADD", "s", "1-0", "f", "v", "f", "w")
    await driver.raw("XADD", "s", "2-0", "f", "x")
    found = await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=60_000)
    assert found == [("s", [(b"1-0", [b"f", b"v", b"f", b"w"])])]
    assert (await driver.raw("XPENDING", "s", "g"))[0] == 1


async def test_a_group_read_waits_and_leaves_the_loop_to_others(driver: AsyncDriver):
    await driver.raw("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    read = asyncio.create_task(
        driver.read_group(["s"], group="g", consumer="c", count=5, block_ms=30_000)
    )
    await driver.raw("PING")
    assert not read.done()
    await driver.raw("XADD", "s", "1-0", "f", "v")
    assert await read == [("s", [(b"1-0", [b"f", b"v"])])]


async def test_a_waiting_group_read_can_be_cancelled(driver: AsyncDriver):
    await driver.raw("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    read = asyncio.create_task(
        driver.read_group(["s"], group="g", consumer="c", count=5, block_ms=30_000)
    )
    await driver.raw("PING")
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    assert await driver.raw("PING") == b"PONG"


async def test_a_group_read_without_block_answers_nothing(driver: AsyncDriver, sync_driver: Driver):
    await driver.raw("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    assert await driver.read_group(["s"], group="g", consumer="c", count=5, block_ms=0) == []
    assert sync_driver.read_group(["s"], group="g", consumer="c", count=5, block_ms=0) == []


async def test_a_lost_group_is_named(driver: AsyncDriver):
    await driver.raw("XADD", "s", "1-0", "f", "v")
    with pytest.raises(StoreError, match=r"XREADGROUP: .* error: NOGROUP "):
        await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=0)


async def test_a_server_that_is_gone(memory: MemoryConnector, driver: AsyncDriver):
    await driver.raw("PING")
    memory._server.connected = False
    with pytest.raises(Unavailable):
        await driver.run(op_of("return 1"), deadline=None)
    sync_driver = memory.driver()
    with pytest.raises(Unavailable):
        sync_driver.run(op_of("return 1"), deadline=None)
    memory._server.connected = True
    assert await driver.run(op_of("return 1")) == 1
    assert sync_driver.run(op_of("return 1")) == 1
    sync_driver.close()


async def test_the_heartbeat_has_a_connection_of_its_own_in_its_thread(
    memory: MemoryConnector, driver: AsyncDriver
):
    heartbeat = memory.heartbeat_driver()
    beats: list[int] = []
    thread = threading.Thread(target=lambda: beats.append(heartbeat.run(op_of("return 1"))))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert beats == [1]
    heartbeat.close()


async def test_many_callers_share_few_connections(driver: AsyncDriver):
    ops = [driver.run(op_of("return tonumber(ARGV[1])", args=(n,))) for n in range(200)]
    assert await asyncio.gather(*ops) == list(range(200))


def test_without_fakeredis_the_message_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **named):
        if name == "fakeredis":
            raise ImportError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Misconfigured, match=r"pip install 'redflow-engine\[testing\]'"):
        MemoryConnector()


async def test_streams_are_read_behind_an_id(driver: AsyncDriver, sync_driver: Driver):
    await driver.raw("XADD", "s", "1-0", "f", "v")
    await driver.raw("XADD", "s", "2-0", "f", "w")
    expected = [("s", [(b"2-0", [b"f", b"w"])])]
    assert await driver.read_streams({"s": "1-0"}, count=9, block_ms=60_000) == expected
    assert sync_driver.read_streams({"s": "1-0", "t": "0"}, count=9, block_ms=0) == expected
    assert await driver.read_streams({"s": "2-0"}, count=9, block_ms=0) == []
