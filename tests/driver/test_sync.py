"""The generated twin keeps the same promises; one test for each way through it."""

import pytest
from redis.exceptions import ConnectionError, NoScriptError, TimeoutError

from redflow.driver import Driver
from redflow.driver.single._sync import Single
from redflow.errors import Unavailable
from tests.driver.kit import Clock, SyncWire, op_of, refusal

CUT = TimeoutError("Timeout reading from 127.0.0.1:6379")


def driver_of(wire: SyncWire, clock: Clock | None = None, *, can_block: bool = True) -> Driver:
    clock = clock or Clock()
    return Single(wire, where="here", can_block=can_block, timer=clock)  # type: ignore[arg-type]


def test_a_lost_reply_repeats_the_same_bytes_until_the_deadline():
    clock = Clock()
    wire = SyncWire([CUT] * 1000)
    with pytest.raises(Unavailable, match="unknown whether it was done, safe to repeat"):
        driver_of(wire, clock).run(op_of("return 1", args=("id-1",)))
    assert all(words == wire.sent[0] for words in wire.sent)
    assert 4.5 < clock.at - 1000 < 5
    assert wire.released == len(wire.sent)


def test_a_stale_connection_is_replaced_before_anything_is_sent():
    wire = SyncWire([1], ill=[ConnectionError("Connection reset by peer")])
    assert driver_of(wire).run(op_of("return 1")) == 1
    assert len(wire.sent) == 1


def test_many_are_repeated_and_scripts_loaded():
    gone = NoScriptError("No matching script.")
    wire = SyncWire([1, refusal("BUSY"), gone, 2, gone, b"sha", 1])
    driver = driver_of(wire)
    assert driver.run_many([op_of("return 1"), op_of("return 2")]) == [1, 2]
    assert driver.run_many([]) == []


def test_a_server_that_lost_its_role_costs_all_connections():
    wire = SyncWire([[], refusal("READONLY You can't write against a read only replica."), 1])
    driver = driver_of(wire)
    driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=10)
    assert driver.run(op_of("return 1")) == 1
    assert (wire.disconnected, wire.dropped_idle) == (1, 2)


def test_a_longer_block_takes_a_connection_that_waits_longer():
    wire = SyncWire([[], [], []])
    driver = driver_of(wire)
    for block_ms in (1000, 9000, 11_000):
        driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=block_ms)
    assert wire.pools == [5.0, 15.0, 30.0]
    driver.close()
    assert wire.closed == 3, "the replaced one as well"


def test_a_server_that_cannot_block_is_looked_at_every_5_ms():
    clock = Clock()
    wire = SyncWire([None, None, [[b"s", [[b"1-0", [b"f", b"v"]]]]]])
    driver = driver_of(wire, clock, can_block=False)
    found = driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=1000)
    assert found == [("s", [(b"1-0", [b"f", b"v"])])]
    assert clock.slept == [0.005, 0.005]
