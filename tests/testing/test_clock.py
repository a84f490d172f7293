"""The clock, and what the environment needs of an in-process server to let leases run out."""

from datetime import UTC, datetime, timedelta

from redflow.driver import AsyncDriver
from redflow.store.space import Limits
from redflow.testing.clock import ClockLimits, VirtualClock

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_limits_follow_the_clock_and_nothing_else_differs():
    clock = VirtualClock(START)
    limits = ClockLimits(clock)
    assert limits.now == clock.now == START.timestamp() * 1000
    clock.move(clock.now + 5)
    clock.move(clock.now - 100)
    assert limits.now == START.timestamp() * 1000 + 5
    assert (limits.page, limits.edge_budget) == (Limits().page, Limits().edge_budget)


def test_a_real_time_is_what_the_clock_showed_then():
    clock = VirtualClock(START)
    before = datetime.now(UTC) - timedelta(seconds=1)
    clock.move(clock.now + 1000)
    after = datetime.now(UTC) + timedelta(seconds=1)
    assert clock.virtual(before) == START
    assert clock.virtual(after) == START + timedelta(seconds=1)


async def test_a_lease_can_be_made_as_old_as_it_should_be(driver: AsyncDriver, namespace: str):
    """The canary: without this, what a worker that vanished held would stay its own."""
    key = f"rf:{{{namespace}:0}}:ready:default"
    await driver.raw("XGROUP", "CREATE", key, "workers", "0", "MKSTREAM")
    await driver.raw("XADD", key, "1-0", "e", "x")
    await driver.read_group([key], group="workers", consumer="w", count=1, block_ms=0)
    await driver.raw("XCLAIM", key, "workers", "w", 0, "1-0", "IDLE", 31_000, "JUSTID")
    found = await driver.raw("XPENDING", key, "workers", "IDLE", 30_000, "-", "+", 10)
    assert [(token, consumer, count) for token, consumer, _, count in found] == [(b"1-0", b"w", 1)]
    await driver.raw("DEL", key)
