"""A write that must reach replicas: WAIT goes with the script, and too few is never "failed"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from redflow.driver import AsyncDriver, RedisConnector
from redflow.driver.links import Replicas
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.errors import StoreError, Unavailable
from redflow.store.op import Op, command
from redflow.store.script import Head, Script, load_script
from tests.driver.kit import AsyncClock, AsyncWire, Clock, SyncWire, op_of, refusal
from tests.support.server import on_port, replica_of, started_server

WAIT = [b"WAIT", b"1", b"250"]
GONE = refusal("NOSCRIPT No matching script.")
SET = "redis.call('SET', KEYS[1], ARGV[1]) return ARGV[1]"


def driver_of(wire: AsyncWire) -> AsyncDriver:
    replicas = Replicas(1, 0.25)
    return AsyncSingle(wire, where="here", replicas=replicas, timer=AsyncClock())  # type: ignore[arg-type]


def reading() -> Op[Any]:
    return Op("look", Script("look", "return 1", "sha", Head(), (), writes=False), (), (), int)


async def test_a_script_and_its_wait_are_one_message_on_one_connection():
    wire = AsyncWire([b"done", 1])
    assert await driver_of(wire).run(op_of("return 1")) == b"done"
    assert wire.commands() == [b"EVALSHA", b"WAIT"]
    assert wire.sent[1] == WAIT
    assert wire.connected == 1


async def test_too_few_replicas_mean_unknown_and_the_same_is_asked_again():
    wire = AsyncWire([b"done", 0, b"done", 1])
    assert await driver_of(wire).run(op_of("return 1")) == b"done"
    assert wire.sent[0] == wire.sent[2]


async def test_for_ever_too_few_is_said_to_be_unknown():
    with pytest.raises(Unavailable, match="probe: 0 of 1 replicas of Redis at here") as caught:
        await driver_of(AsyncWire([b"done", 0])).run(op_of("return 1"), deadline=None)
    assert caught.value.ambiguous
    assert "safe to repeat" in caught.value.hint


async def test_what_only_reads_waits_for_nobody():
    wire = AsyncWire([7, b"v", b"PONG"])
    driver = driver_of(wire)
    assert await driver.run(reading()) == 7
    assert await driver.run(command("read", "GET", "k", parse=bytes)) == b"v"
    await driver.raw("PING")
    assert b"WAIT" not in wire.commands()


async def test_many_questions_share_one_wait():
    wire = AsyncWire([1, 2, 1])
    assert await driver_of(wire).run_many([op_of("return 1"), op_of("return 2")]) == [1, 2]
    assert wire.commands() == [b"EVALSHA", b"EVALSHA", b"WAIT"]
    wire = AsyncWire([1, 2])
    assert await driver_of(wire).run_many([reading(), reading()]) == [1, 2]
    with pytest.raises(Unavailable, match="0 of 1 replicas"):
        await driver_of(AsyncWire([1, 0])).run_many([op_of("return 1")], deadline=None)


async def test_a_script_that_is_loaded_first_has_its_own_wait():
    wire = AsyncWire([GONE, 1, b"sha", 7, 1])
    assert await driver_of(wire).run(op_of("return 7")) == 7
    assert wire.commands() == [b"EVALSHA", b"WAIT", b"SCRIPT LOAD", b"EVALSHA", b"WAIT"]
    wire = AsyncWire([GONE, 0, GONE, 0, b"sha", 7, 1])
    assert await driver_of(wire).run_many([op_of("return 7")]) == [7]


@pytest.mark.parametrize("many", [False, True])
async def test_an_error_of_the_script_comes_before_that_of_its_wait(many: bool):
    wire = AsyncWire([refusal("WRONGTYPE Operation"), refusal("ERR WAIT cannot be used")])
    driver, op = driver_of(wire), op_of("return 1")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await (driver.run_many([op]) if many else driver.run(op))
    assert wire.answers == []


def test_the_synchronous_twin():
    wire = SyncWire([b"done", 0, b"done", 1, 7, 1])
    driver = Single(wire, where="here", replicas=Replicas(1), timer=Clock())  # type: ignore[arg-type]
    assert driver.run(op_of("return 1")) == b"done"
    assert driver.run_many([op_of("return 7")]) == [7]


def test_scripts_that_cannot_write_are_known():
    assert not load_script("read_execution").writes
    assert not load_script("list_executions").writes
    assert load_script("extend_leases").writes
    assert load_script("put_namespace").writes


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[AsyncDriver]:
    url = f"redis://127.0.0.1:{port}?replicas=1&replica_timeout=0.25"
    driver = RedisConnector(url).async_driver()
    yield driver
    await driver.close()


@pytest.mark.server
async def test_a_real_replica(unused_tcp_port: int):
    with started_server(*on_port(unused_tcp_port)):
        async with connected(unused_tcp_port) as driver:
            with pytest.raises(Unavailable, match="0 of 1 replicas") as caught:
                await driver.run(op_of(SET, "k", args=("alone",)), deadline=None)
            assert caught.value.ambiguous
            assert await driver.raw("GET", "k") == b"alone", "it was done, and only there"
            with replica_of(unused_tcp_port) as replica:
                assert await driver.run(op_of(SET, "k", args=("two",))) == b"two"
                follower = RedisConnector(replica).async_driver()
                assert await follower.raw("GET", "k") == b"two"
                await follower.close()
