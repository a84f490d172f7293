"""A changed history is met before anything else is asked: on a written server and on real ones."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import ConnectionError, ResponseError

from redflow.driver import AsyncDriver, RedisConnector
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.errors import StoreError, Unavailable
from redflow.store.epoch import Fence, Server
from redflow.store.keys import Keys
from redflow.store.op import Op
from redflow.store.space import Space
from tests.driver.kit import AsyncClock, AsyncWire, Clock, SyncWire, op_of, refusal
from tests.support.server import on_port, own_server, replica_of, started_server

FENCE = Fence(Space(Keys("ns", 2)), 30_000)
BUMPED = [[b"same", 1]] * 2
ASKED = [b"INFO", b"INFO"]
BUMPS = [b"EVALSHA"] * 2
QUESTION = [b"EVALSHA"]


def info(run: str = "r1", history: str = "h1") -> list[bytes]:
    return [f"run_id:{run}\r\n".encode(), f"master_replid:{history}\r\n".encode()]


def guarded(answers: list[Any]) -> tuple[AsyncDriver, AsyncWire]:
    wire = AsyncWire(answers)
    driver = AsyncSingle(wire, where="here", timer=AsyncClock())  # type: ignore[arg-type]
    driver.guard(FENCE)
    return driver, wire


# --- what is sent


async def test_the_fence_speaks_before_the_first_question():
    driver, wire = guarded([*info(), *BUMPED, 1])
    assert await driver.run(op_of("return 1")) == 1
    assert wire.commands() == ASKED + BUMPS + QUESTION
    assert [words[3] for words in wire.sent[2:4]] == [b"rf:{ns:0}:events", b"rf:{ns:1}:events"]
    assert b"r1" in wire.sent[2]
    assert b"h1" in wire.sent[2]


async def test_a_connection_is_asked_once():
    driver, wire = guarded([*info(), *BUMPED, 1, 2])
    await driver.run(op_of("return 1"))
    driver.guard(Fence(Space(Keys("ns", 2)), 30_000))
    assert await driver.run(op_of("return 2")) == 2
    assert wire.commands() == ASKED + BUMPS + QUESTION * 2


@pytest.mark.parametrize("run", ["r1", "r2"])
async def test_a_new_connection_to_the_same_history_costs_one_round_trip(run: str):
    driver, wire = guarded([*info(), *BUMPED, 1, *info(run), 2])
    await driver.run(op_of("return 1"))
    wire.greeted = None
    assert await driver.run(op_of("return 2")) == 2
    assert wire.commands()[5:] == ASKED + QUESTION


async def test_a_changed_history_is_met_first_and_told(caplog: pytest.LogCaptureFixture):
    driver, wire = guarded([*info(), *BUMPED, 1, *info("r2", "h2"), [b"ok", 2], [b"ok", 2], 2])
    await driver.run(op_of("return 1"))
    wire.greeted = None
    with caplog.at_level(logging.WARNING, "redflow.driver"):
        assert await driver.run(op_of("return 2")) == 2
    assert wire.commands()[5:] == ASKED + BUMPS + QUESTION
    assert b"h2" in wire.sent[7]
    (line,) = caplog.messages
    assert line == "Redis at here was restarted or replaced (run r2): a new epoch begins"


async def test_the_blocking_reader_is_no_exception():
    driver, wire = guarded([*info(), *BUMPED, []])
    await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=10)
    assert wire.commands() == [*ASKED, *BUMPS, b"XREADGROUP"]


async def test_scripts_of_the_fence_are_loaded_where_they_are_missing():
    gone = refusal("NOSCRIPT No matching script.")
    driver, wire = guarded([*info(), gone, gone, gone, b"sha", *BUMPED, 1])
    assert await driver.run(op_of("return 1")) == 1
    assert wire.commands().count(b"SCRIPT LOAD") == 1


@pytest.mark.parametrize(
    "answers",
    [
        [refusal("NOPERM this user has no permissions"), refusal("NOPERM this user")],
        [ResponseError("unknown command `INFO`")] * 2,
        [b"run_id:r1\r\n", b""],
    ],
    ids=["not-permitted", "unknown", "without-history"],
)
async def test_a_server_that_does_not_tell_counts_as_constant(answers: list[Any]):
    driver, wire = guarded([*answers, 1])
    assert await driver.run(op_of("return 1")) == 1
    assert wire.commands() == ASKED + QUESTION


# --- what goes wrong


@pytest.mark.parametrize(
    "answers",
    [
        [refusal("BUSY a script")] * 2,
        [ConnectionError("cut")],
        [*info(), refusal("READONLY You can't write"), [b"ok", 2]],
        [*info(), [b"ok", 2], refusal("MISCONF Errors writing")],
    ],
    ids=["busy", "cut", "replica", "second-partition"],
)
async def test_until_all_partitions_have_heard_nothing_else_is_asked(answers: list[Any]):
    driver, wire = guarded([*answers, *info(), *BUMPED, 1])
    assert await driver.run(op_of("return 1")) == 1
    assert wire.commands()[-5:] == ASKED + BUMPS + QUESTION
    assert (wire.disconnected, wire.released) == (1, 2)


async def test_what_the_fence_meets_says_that_the_question_was_not_asked():
    driver, _ = guarded([ConnectionError("cut")])
    with pytest.raises(Unavailable, match="probe") as caught:
        await driver.run(op_of("return 1"), deadline=None)
    assert not caught.value.ambiguous


async def test_a_mistake_in_the_fence_is_no_outage():
    driver, wire = guarded([*info(), refusal("WRONGTYPE Operation"), [b"ok", 2]])
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await driver.run(op_of("return 1"))
    assert wire.greeted is None


def test_the_synchronous_twin():
    wire = SyncWire([*info(), *BUMPED, 1, *info("r2", "h2"), *BUMPED, 2])
    driver = Single(wire, where="here", timer=Clock())  # type: ignore[arg-type]
    driver.guard(FENCE)
    assert driver.run(op_of("return 1")) == 1
    wire.greeted = None
    assert driver.run_many([op_of("return 2")]) == [2]
    assert wire.commands() == (ASKED + BUMPS + QUESTION) * 2


# --- real servers


class Recorded:
    """A fence that writes down which servers it was told of."""

    def __init__(self) -> None:
        self.met: list[Server] = []

    def questions(self, server: Server) -> Sequence[Op[Any]]:
        self.met.append(server)
        return [op_of("return 1")]

    def has_changed(self, answers: Sequence[Any]) -> bool:
        return False


@asynccontextmanager
async def watched(url: str, fence: Recorded) -> AsyncIterator[AsyncDriver]:
    driver = RedisConnector(url).async_driver()
    driver.guard(fence)  # type: ignore[arg-type]
    try:
        yield driver
    finally:
        await driver.close()


@pytest.mark.server
async def test_a_restarted_server_has_another_history():
    fence = Recorded()
    with own_server() as server:
        async with watched(server.url, fence) as driver:
            await driver.run(op_of("redis.call('SET', KEYS[1], 1)", "kept"))
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            assert await driver.raw("GET", "kept") == b"1"
            await driver.raw("PING")
    before, after = fence.met
    assert before.run != after.run
    assert before.history != after.history


@pytest.mark.server
@pytest.mark.single("each node of a cluster is met once")
async def test_connections_that_come_back_together_speak_once(server_url: str):
    fence = Recorded()
    async with watched(server_url, fence) as driver:
        answers = await asyncio.gather(*(driver.run(op_of("return 7")) for _ in range(40)))
        assert answers == [7] * 40
    assert len(fence.met) == 1


@pytest.mark.server
async def test_what_replication_does_to_a_history(unused_tcp_port: int):
    """The rule in redflow/store/epoch.py relies on this."""
    fence = Recorded()
    with started_server(*on_port(unused_tcp_port)) as primary:
        await meet(primary, fence)
        with replica_of(unused_tcp_port) as replica:
            await meet(primary, fence)
            await meet(replica, fence)
            await meet(replica, fence, "REPLICAOF", "NO", "ONE")
            await meet(replica, fence)
    alone, followed, follower, _, promoted = fence.met
    assert alone.run == followed.run, "the first replica renames a history"
    assert (alone.history != followed.history, followed.earlier) == (True, "")
    assert follower.history == followed.history, "a replica has that of its primary"
    assert follower.run != followed.run
    assert promoted.run == follower.run, "a promoted one has its own"
    assert (promoted.history != followed.history, promoted.earlier) == (True, followed.history)


async def meet(url: str, fence: Recorded, *words: str) -> None:
    async with watched(url, fence) as driver:
        await driver.raw(*(words or ("PING",)))
