"""No connection outlives its call and its driver, whenever that is closed or the call cancelled."""

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any

import hiredis
import pytest
from redis.exceptions import ConnectionError

from redflow.driver import AsyncDriver, Driver, RedisConnector
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.errors import Unavailable
from redflow.store.epoch import Fence
from redflow.store.keys import Keys
from redflow.store.space import Space
from tests.driver.kit import AsyncClock, AsyncWire, Clock, SyncWire, op_of

FENCE = Fence(Space(Keys("ns", 2)), 30_000)
CUT = ConnectionError("cut")
OP = op_of("return 1")
ANSWERS = {
    b"INFO": b"$25\r\nrun_id:r\r\nmaster_replid:h\r\n",
    b"EVALSHA": b"*2\r\n$4\r\nsame\r\n:1\r\n",
    b"XREAD": b"*-1\r\n",
    b"PING": b"+PONG\r\n",
    b"ROLE": b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
}
URLS = {
    "tcp": "redis://127.0.0.1:{}",
    "sentinel": "redis+sentinel://127.0.0.1:{}/main",
    "cluster": "redis+cluster://127.0.0.1:{}",
}
CALLS: dict[str, Callable[[AsyncDriver], Coroutine[Any, Any, Any]]] = {
    "run": lambda driver: driver.run(OP),
    "run_many": lambda driver: driver.run_many([OP, OP]),
    "raw": lambda driver: driver.raw("PING"),
    "read": lambda driver: driver.read_streams({"s": "0"}, count=1, block_ms=10),
}


# --- at every moment of a call, seen from the server


class Listening:
    """A server of few answers that knows who is connected; XREAD waits while it is held.

    It is also the sentinel that names it, and the one node of a cluster.
    """

    url: str

    def __init__(self) -> None:
        self.connected = 0
        self.reading = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self._answers = dict(ANSWERS)
        self._left = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        commands = hiredis.Reader()
        try:
            while data := await reader.read(10_000):
                commands.feed(data)
                while words := commands.gets():
                    if words[0] == b"XREAD":
                        self.reading.set()
                        await self.free.wait()
                    writer.write(self._answers.get(words[0], b"+OK\r\n"))
        except OSError:
            pass  # torn, not closed
        finally:
            writer.close()
            async with self._left:
                self.connected -= 1
                self._left.notify_all()

    def name_port(self, port: int) -> None:
        """Say so where it is asked for the place of a primary or of the owner of a slot."""
        host, digits = b"$9\r\n127.0.0.1\r\n", str(port).encode()
        named = b"*2\r\n%b$%d\r\n%b\r\n" % (host, len(digits), digits)
        self._answers[b"SENTINEL"] = named
        slots = b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n%b:%b\r\n" % (host, digits)
        self._answers[b"CLUSTER"] = slots

    async def until_connected(self, count: int) -> None:
        """Return when so many are connected, of all who have come."""
        last = RedisConnector(self.url).async_driver()
        await last.raw("PING")  # they are met in turn
        await last.close()
        async with asyncio.timeout(10), self._left:
            await self._left.wait_for(lambda: self.connected == count)


@pytest.fixture(params=["unix", *URLS])
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Listening]:
    """Return a server; over a Unix socket connecting waits less often."""
    server = Listening()
    if request.param == "unix":
        path = tmp_path_factory.mktemp("s") / "s"  # as short as socket paths must be
        listener = await asyncio.start_unix_server(server.serve, path)
        server.url = f"unix://{path}"
    else:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        server.name_port(port)
        server.url = URLS[request.param].format(port)
    async with listener:
        yield server


@types.coroutine
def stepping(
    call: Coroutine[Any, Any, Any], moment: int, act: Callable[[], Any]
) -> Generator[Any, Any, Any]:
    """Run a call and act when it waits for the `moment`th time, from 0."""
    resume, waits = partial(call.send, None), 0
    while True:
        try:
            awaited = resume()
        except StopIteration as end:
            return end.value
        if waits == moment:
            act()
        waits += 1
        try:
            yield awaited
            resume = partial(call.send, None)
        except BaseException as error:
            resume = partial(call.throw, error)


async def at_each_moment(driver_at: Callable[[int], Awaitable[bool]]) -> int:
    """Return the number of moments; `driver_at` says whether its call had one more."""
    moment = 0
    while await driver_at(moment):
        moment += 1
    return moment


@pytest.fixture(params=["plain", "guarded"])
def made(request: pytest.FixtureRequest, server: Listening) -> Callable[[], AsyncDriver]:
    """Return a maker of drivers."""

    def make() -> AsyncDriver:
        driver = RedisConnector(server.url).async_driver()
        if request.param == "guarded":
            driver.guard(FENCE)
        return driver

    return make


@pytest.mark.parametrize("kind", CALLS)
async def test_closing_at_any_moment_leaves_no_connection(
    made: Callable[[], AsyncDriver], server: Listening, kind: str
):
    async def closed_at(moment: int) -> bool:
        driver = made()
        closing: list[asyncio.Task[None]] = []
        call = stepping(
            CALLS[kind](driver),
            moment,
            lambda: closing.append(asyncio.create_task(driver.close())),
        )
        try:
            await call
        except Unavailable:
            assert closing
        await asyncio.gather(*closing)
        if closing:
            await server.until_connected(0)
        await driver.close()
        return bool(closing)

    assert await at_each_moment(closed_at) > 2


@pytest.mark.row(22)
@pytest.mark.parametrize("kind", CALLS)
async def test_cancelling_at_any_moment_leaves_no_connection(
    made: Callable[[], AsyncDriver], server: Listening, kind: str
):
    async def cancelled_at(moment: int) -> bool:
        driver = made()

        def cancel() -> None:
            call.cancel()

        call = asyncio.create_task(stepping(CALLS[kind](driver), moment, cancel))
        await asyncio.wait([call])
        assert call.cancelled() or call.exception() is None
        await driver.close()
        await server.until_connected(0)
        return call.cancelled()

    assert await at_each_moment(cancelled_at) > 2


async def test_a_read_under_way_closes_its_connection_once_a_longer_block_came(server: Listening):
    driver = RedisConnector(server.url).async_driver()
    server.free.clear()
    short = asyncio.create_task(driver.read_streams({"s": "0"}, count=1, block_ms=10))
    await server.reading.wait()
    server.free.set()
    assert await driver.read_streams({"s": "0"}, count=1, block_ms=60_000) == []
    assert await short == []
    await server.until_connected(1)
    await driver.close()


# --- what the call is told, on a written server


class Pools:
    """Makes a written server for each pool, so that they can be told apart."""

    def __init__(self, kind: type, *answers: list[Any]) -> None:
        self._answers = list(answers)
        self._kind = kind
        self.made: list[Any] = []

    def __call__(self, seconds: float) -> Any:
        self.made.append(self._kind(self._answers.pop(0) if self._answers else []))
        return self.made[-1]


class ClosedBy(AsyncWire):
    """A pool whose driver is closed while an answer is waited for."""

    driver: AsyncDriver

    async def read_response(self) -> Any:
        await self.driver.close()
        return self.answer()


class ClosedBySync(SyncWire):
    driver: Driver

    def read_response(self) -> Any:
        self.driver.close()
        return self.answer()


def closed_by(*answers: list[Any], clock: AsyncClock | None = None) -> tuple[AsyncDriver, Pools]:
    pools = Pools(ClosedBy, *answers)
    driver = AsyncSingle(pools, where="here", timer=clock or AsyncClock())
    pools.made[0].driver = driver
    return driver, pools


@pytest.mark.parametrize("call", [lambda d: d.run(OP), lambda d: d.run_many([OP])])
async def test_a_call_that_closing_ends_is_not_repeated(call: Any):
    clock = AsyncClock()
    driver, pools = closed_by([CUT], clock=clock)
    with pytest.raises(Unavailable, match=r"probe: .* here were closed while it was") as caught:
        await call(driver)
    assert caught.value.ambiguous
    assert clock.slept == []
    old, new = pools.made
    assert (old.connected, old.disconnected, old.released, old.closed) == (1, 1, 1, 1)
    assert new.connected == 0


async def test_an_answer_that_comes_all_the_same_is_returned():
    driver, pools = closed_by([7])
    assert await driver.run(OP) == 7
    assert (pools.made[0].disconnected, pools.made[0].released) == (1, 1)


def test_the_synchronous_twin():
    pools = Pools(ClosedBySync, [CUT], [7])
    driver = Single(pools, where="here", timer=Clock())  # type: ignore[arg-type]
    pools.made[0].driver = driver
    with pytest.raises(Unavailable, match="were closed while it was"):
        driver.run(OP)
    assert (pools.made[0].disconnected, pools.made[0].released) == (1, 1)
    pools.made[1].driver = Single(Pools(SyncWire), where="here")  # closing that ends nothing here
    assert driver.run(OP) == 7
    assert (pools.made[1].disconnected, pools.made[1].released) == (0, 1)


class ClosingClock(AsyncClock):
    """A clock that closes a driver while somebody sleeps."""

    driver: AsyncDriver

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        await super().sleep(seconds)
        await self.driver.close()


@pytest.mark.parametrize("sent", [True, False])
async def test_nor_is_one_that_waits_for_its_next_try(sent: bool):
    clock = ClosingClock()
    pools = Pools(AsyncWire, [CUT])
    clock.driver = driver = AsyncSingle(pools, where="here", timer=clock)
    pools.made[0].refuse = [] if sent else [CUT]
    with pytest.raises(Unavailable, match="were closed while it was") as caught:
        await driver.run(OP)
    assert caught.value.ambiguous is sent
    assert [pool.connected for pool in pools.made] == [int(sent), 0]


async def test_looking_for_entries_ends_as_well():
    clock = ClosingClock()
    pools = Pools(AsyncWire, [None, None])
    driver = AsyncSingle(pools, where="here", can_block=False, timer=clock)
    clock.driver = driver
    with pytest.raises(Unavailable, match=r"XREAD: .* were closed while it was") as caught:
        await driver.read_streams({"s": "0"}, count=1, block_ms=1000)
    assert not caught.value.ambiguous
    assert [pool.connected for pool in pools.made] == [1, 0]


async def test_a_later_call_opens_new_connections():
    pools = Pools(AsyncWire, [1], [2])
    driver = AsyncSingle(pools, where="here", timer=AsyncClock())
    assert await driver.run(OP) == 1
    await driver.close()
    assert await driver.run(OP) == 2
    assert [(pool.connected, pool.disconnected) for pool in pools.made] == [(1, 0), (1, 0)]


async def test_what_a_cancelled_close_leaves_the_next_one_closes():
    pools = Pools(AsyncWire)
    driver = AsyncSingle(pools, where="here", timer=AsyncClock())
    (pool,) = pools.made

    async def cancelled() -> None:
        raise asyncio.CancelledError

    whole, pool.aclose = pool.aclose, cancelled
    with pytest.raises(asyncio.CancelledError):
        await driver.close()
    pool.aclose = whole
    await driver.close()
    await driver.close()
    assert pool.closed == 1


async def test_connections_in_use_are_kept():
    pools = Pools(AsyncWire, [1], [None, None])
    driver = AsyncSingle(pools, where="here", timer=AsyncClock())
    await driver.run(OP)
    for _ in range(2):
        assert await driver.read_streams({"s": "0"}, count=1, block_ms=10) == []
    assert [(pool.connected, pool.disconnected) for pool in pools.made] == [(1, 0), (2, 0)]


async def test_closing_while_a_longer_block_replaces_the_pool():
    pools = Pools(AsyncWire, [], [None], [None])
    driver = AsyncSingle(pools, where="here", timer=AsyncClock())
    await driver.read_streams({"s": "0"}, count=1, block_ms=10)
    old = pools.made[1]

    async def disconnect(inuse_connections: bool) -> None:
        await driver.close()

    old.disconnect = disconnect
    assert await driver.read_streams({"s": "0"}, count=1, block_ms=60_000) == []
    longer = pools.made[2]
    assert (old.closed, longer.closed, longer.disconnected, longer.released) == (1, 1, 1, 1)
