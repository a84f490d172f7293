"""The driver on real servers: the shared one by its URL, and one of our own that may be broken."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from redflow.driver import AsyncDriver, EmbeddedServer, RedisConnector
from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable
from redflow.store.op import command
from tests.driver.kit import op_of

pytestmark = pytest.mark.server

SET = "redis.call('SET', KEYS[1], ARGV[1]) return {ARGV[1], 7}"


@pytest.fixture
async def driver(server_url: str) -> AsyncIterator[AsyncDriver]:
    driver = RedisConnector(server_url).async_driver()
    yield driver
    await driver.close()


@pytest.fixture
async def key(driver: AsyncDriver, namespace: str) -> AsyncIterator[str]:
    """Return the name of a key that is gone after the test."""
    name = f"{{{namespace}}}:k"
    yield name
    await driver.raw("DEL", name)


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
async def own(own_server: EmbeddedServer) -> AsyncIterator[AsyncDriver]:
    """Return a driver to a server whose settings a test may spoil; they are put back."""
    driver = RedisConnector(own_server.url).async_driver()
    yield driver
    await driver.raw("REPLICAOF", "NO", "ONE")
    for name, value in (("maxmemory", "0"), ("min-replicas-to-write", "0"), ("requirepass", "")):
        await driver.raw("CONFIG", "SET", name, value)
    await driver.close()


def unique(text: str, namespace: str) -> str:
    """Return a script that the server cannot know yet."""
    return f"{text} -- {namespace}"


async def test_a_script_new_to_the_server_is_loaded(driver: AsyncDriver, key: str, namespace: str):
    op = op_of(unique(SET, namespace), key, args=(b"\x00\xff",))
    assert await driver.run(op) == [b"\x00\xff", 7]
    assert await driver.run(op) == [b"\x00\xff", 7]
    assert await driver.run(command("read", "GET", key, parse=bytes)) == b"\x00\xff"


async def test_many_scripts_new_to_the_server(driver: AsyncDriver, namespace: str):
    ops = [op_of(unique(f"return {n}", namespace)) for n in (1, 2, 1)]
    assert await driver.run_many(ops) == [1, 2, 1]
    assert await driver.run_many(ops) == [1, 2, 1]


def test_the_synchronous_twin(server_url: str, namespace: str):
    driver = RedisConnector(server_url).driver()
    heartbeat = RedisConnector(server_url).heartbeat_driver()
    op = op_of(unique("return ARGV[1]", namespace), args=("é",))
    assert driver.run(op) == heartbeat.run(op) == "é".encode()
    assert driver.run_many([op, op]) == ["é".encode()] * 2
    assert driver.raw("PING") == b"PONG"
    with pytest.raises(StoreError, match="WRONGTYPE"):
        driver.run(op_of("redis.call('SET', KEYS[1], 1) redis.call('LLEN', KEYS[1])", namespace))
    driver.raw("DEL", namespace)
    driver.close()
    heartbeat.close()


async def test_a_group_read_wakes_when_an_entry_comes(driver: AsyncDriver, key: str):
    await driver.raw("XGROUP", "CREATE", key, "g", "0", "MKSTREAM")
    read = asyncio.create_task(
        driver.read_group([key], group="g", consumer="c", count=5, block_ms=30_000)
    )
    await driver.raw("XADD", key, "1-0", "f", "v", "f", "w")
    assert await read == [(key, [(b"1-0", [b"f", b"v", b"f", b"w"])])]
    assert await driver.read_group([key], group="g", consumer="c", count=5, block_ms=0) == []


async def test_a_read_of_streams_wakes_when_an_entry_comes(driver: AsyncDriver, key: str):
    read = asyncio.create_task(driver.read_streams({key: "0"}, count=5, block_ms=30_000))
    await driver.raw("XADD", key, "1-0", "f", "v")
    assert await read == [(key, [(b"1-0", [b"f", b"v"])])]
    assert await driver.read_streams({key: "1-0"}, count=5, block_ms=0) == []


@pytest.mark.row(17)
async def test_a_cancelled_group_read_loses_nothing(driver: AsyncDriver, key: str):
    """The server may hand an entry to the read that was cancelled: it is then pending, not lost."""
    await driver.raw("XGROUP", "CREATE", key, "g", "0", "MKSTREAM")
    for number in range(1, 4):
        read = asyncio.create_task(
            driver.read_group([key], group="g", consumer="c", count=5, block_ms=30_000)
        )
        await driver.raw("PING")
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        await driver.raw("XADD", key, f"{number}-0", "f", "v")
        await driver.read_group([key], group="g", consumer="c", count=5, block_ms=0)
        own = await driver.raw("XREADGROUP", "GROUP", "g", "c", "STREAMS", key, "0")
        assert [entry for entry, _ in own[0][1]] == [f"{number}-0".encode()]
        await driver.raw("XACK", key, "g", f"{number}-0")


@pytest.mark.row(18)
@pytest.mark.slow
async def test_a_block_beyond_the_usual_timeout_is_not_cut(driver: AsyncDriver, key: str):
    await driver.raw("XGROUP", "CREATE", key, "g", "0", "MKSTREAM")
    started = time.monotonic()
    assert await driver.read_group([key], group="g", consumer="c", count=1, block_ms=6500) == []
    assert 6.4 < time.monotonic() - started < 9


@pytest.mark.slow
def test_nor_is_it_in_the_synchronous_twin(server_url: str, namespace: str):
    driver = RedisConnector(server_url).driver()
    driver.raw("XGROUP", "CREATE", namespace, "g", "0", "MKSTREAM")
    started = time.monotonic()
    found = driver.read_group([namespace], group="g", consumer="c", count=1, block_ms=6500)
    assert found == []
    assert 6.4 < time.monotonic() - started < 9
    driver.raw("DEL", namespace)
    driver.close()


@pytest.mark.row(23)
async def test_more_callers_than_connections_take_turns(server_url: str, namespace: str):
    driver = RedisConnector(server_url, connections=2).async_driver()
    text = unique("return tonumber(ARGV[1])", namespace)
    answers = await asyncio.gather(*(driver.run(op_of(text, args=(n,))) for n in range(100)))
    assert answers == list(range(100))
    await driver.close()


@pytest.mark.row(22)
async def test_cancelled_callers_lose_no_connection(server_url: str, namespace: str):
    driver = RedisConnector(server_url, connections=2).async_driver()
    text = unique("return 1", namespace)
    for delay in range(60):
        calls = [asyncio.create_task(driver.run(op_of(text))) for _ in range(5)]
        for _ in range(delay):
            await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(answer == 1 for answer in answers[1::2])
    assert await driver.run(op_of(text)) == 1
    await driver.close()


@pytest.mark.row(21)
async def test_connections_that_the_server_closed_are_replaced(own: AsyncDriver):
    assert await own.raw("PING") == b"PONG"
    for _ in range(3):
        killer = await asyncio.to_thread(RedisConnector.driver, RedisConnector(_url_of(own)))
        await asyncio.to_thread(killer.raw, "CLIENT", "KILL", "TYPE", "normal")
        assert await own.run(op_of("return 1")) == 1
        killer.close()


async def test_a_full_server_is_told_at_once(own: AsyncDriver):
    await own.raw("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(OutOfMemory, match="maxmemory"):
        await own.run(op_of(SET, "k", args=("v",)))


async def test_a_failover_costs_all_connections_and_ends_by_itself(own: AsyncDriver):
    await own.raw("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(Unavailable, match="READONLY") as caught:
        await own.run(op_of(SET, "k", args=("v",)), deadline=None)
    assert not caught.value.ambiguous
    call = asyncio.create_task(own.run(op_of(SET, "k", args=("v",)), deadline=30))
    await own.raw("REPLICAOF", "NO", "ONE")
    assert await call == [b"v", 7]


async def test_too_few_replicas_are_waited_for(own: AsyncDriver):
    await own.raw("CONFIG", "SET", "min-replicas-to-write", "1")
    with pytest.raises(Unavailable, match="NOREPLICAS"):
        await own.run(op_of(SET, "k", args=("v",)), deadline=None)


async def test_a_server_busy_with_a_script_is_waited_for(own: AsyncDriver):
    await own.raw("CONFIG", "SET", "lua-time-limit", "10")
    endless = threading.Thread(target=_run_endless_script, args=(_url_of(own),))
    endless.start()
    while "BUSY" not in await refusal_of(own):  # said once the script is over its limit
        pass
    call = asyncio.create_task(own.run(op_of("return 1"), deadline=30))
    await own.raw("SCRIPT", "KILL")
    assert await call == 1
    await asyncio.to_thread(endless.join)


async def test_a_password_that_is_missing_or_wrong(own: AsyncDriver, own_server: EmbeddedServer):
    url = own_server.url
    await own.raw("CONFIG", "SET", "requirepass", "right")
    connectors = {
        url.replace("unix://", "unix://:wrong@"): "check user and password",
        url: "put the password into the URL",
    }
    for wrong, hint in connectors.items():
        stranger = RedisConnector(wrong).async_driver()
        with pytest.raises(Misconfigured, match="denies access") as caught:
            await stranger.run(op_of("return 1"))
        assert hint in caught.value.hint
        await stranger.close()
        with pytest.raises(Misconfigured, match="denies access"):
            RedisConnector(wrong).driver().run(op_of("return 1"))
    friend = RedisConnector(url.replace("unix://", "unix://:right@")).async_driver()
    assert await friend.run(op_of("return 1")) == 1
    await friend.raw("CONFIG", "SET", "requirepass", "")
    await friend.close()


async def test_a_user_without_the_right_to_run_scripts(
    own: AsyncDriver, own_server: EmbeddedServer
):
    await own.raw("ACL", "SETUSER", "guest", "on", ">pw", "~*", "+ping")
    guest = RedisConnector(own_server.url.replace("unix://", "unix://guest:pw@")).async_driver()
    with pytest.raises(Misconfigured, match="NOPERM"):
        await guest.run(op_of("return 1"))
    await guest.close()


async def test_a_database_that_does_not_exist(own_server: EmbeddedServer):
    driver = RedisConnector(f"{own_server.url}?db=99").async_driver()
    with pytest.raises(Misconfigured, match="no such database"):
        await driver.run(op_of("return 1"))
    await driver.close()


async def test_no_server_is_told_by_its_address(unused_tcp_port: int):
    driver = RedisConnector(f"redis://127.0.0.1:{unused_tcp_port}/3").async_driver()
    with pytest.raises(Unavailable, match=f"Redis at 127.0.0.1:{unused_tcp_port}/3") as caught:
        await driver.run(op_of("return 1"), deadline=0.05)
    assert not caught.value.ambiguous
    await driver.close()


async def test_something_else_than_redis_is_named(unused_tcp_port: int):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port):
        driver = RedisConnector(f"redis://127.0.0.1:{unused_tcp_port}").async_driver()
        with pytest.raises(Misconfigured, match="does not speak the Redis protocol"):
            await driver.run(op_of("return 1"))
        await driver.close()


@pytest.mark.row(16)
async def test_a_lost_reply_repeats_the_question(own: AsyncDriver, own_server: EmbeddedServer):
    text = "redis.call('INCR', KEYS[1]) return 'ANSWER'"
    async with relay(own_server.url.removeprefix("unix://"), losing=b"ANSWER") as port:
        driver = RedisConnector(f"redis://127.0.0.1:{port}").async_driver()
        assert await driver.run(op_of(text, "count")) == b"ANSWER"
        assert await own.raw("GET", "count") == b"2", "done, lost, and asked again"
        with pytest.raises(Unavailable) as caught:
            await driver.raw("LOSE", "ANSWER")
        assert caught.value.ambiguous
        await driver.close()


@asynccontextmanager
async def relay(path: str, *, losing: bytes) -> AsyncIterator[int]:
    """Relay to a server, but cut the connection instead of the first answer that holds `losing`."""
    lost: list[bytes] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(path)
        there = asyncio.create_task(pump(reader, up_writer))
        tasks.add(there)
        await pump(up_reader, writer, cut=True)
        there.cancel()
        writer.close()
        up_writer.close()

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, cut: bool = False
    ) -> None:
        while data := await reader.read(65536):
            if b"LOSE" in data or (cut and losing in data and not lost):
                lost.append(data)
                writer.close()
                return
            writer.write(data)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()


async def refusal_of(driver: AsyncDriver) -> str:
    try:
        await driver.run(op_of("return 1"), deadline=None)
    except Unavailable as error:
        return str(error)
    return ""


def _url_of(driver: AsyncDriver) -> str:
    path, _, _ = driver._where.partition(" db ")
    assert Path(path).is_socket()
    return f"unix://{path}"


def _run_endless_script(url: str) -> None:
    driver = RedisConnector(url).driver()
    with pytest.raises(StoreError):  # killed
        driver.run(op_of("while true do end"))
    driver.close()


@pytest.mark.row(23)
def test_a_driver_used_in_a_second_event_loop_says_so(server_url: str):
    driver = RedisConnector(server_url).async_driver()

    async def ask(many: int) -> list[bytes]:
        return await asyncio.gather(*(driver.raw("ECHO", str(n)) for n in range(many)))

    async def close_and_ask() -> list[bytes]:
        await driver.close()
        return await ask(1)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert len(first.run(ask(30))) == 30
        with pytest.raises(Misconfigured, match="another event loop") as raised:
            second.run(ask(30))
        assert "close the client before its loop ends" in str(raised.value.hint)
        assert first.run(close_and_ask()) == [b"0"]
        first.run(driver.close())
        assert second.run(ask(1)) == [b"0"], "closed, it may go on elsewhere"
        second.run(driver.close())
