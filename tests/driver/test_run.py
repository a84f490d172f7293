"""What the driver sends, repeats and gives up: on a server written down in advance."""

import pytest
from redis.exceptions import ConnectionError, NoScriptError, TimeoutError

from redflow.driver import AsyncDriver
from redflow.driver.single._async import AsyncSingle
from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable
from redflow.store.op import command
from tests.driver.kit import AsyncClock, AsyncWire, op_of, refusal

GONE = NoScriptError("No matching script.")
CUT = TimeoutError("Timeout reading from 127.0.0.1:6379")


def driver_of(wire: AsyncWire, clock: AsyncClock | None = None) -> AsyncDriver:
    return AsyncSingle(wire, where="127.0.0.1:6379/0", timer=clock or AsyncClock())  # type: ignore[arg-type]


async def test_a_script_goes_by_its_sha_and_its_reply_is_parsed():
    wire = AsyncWire([[b"ok", 3]])
    op = op_of("return 1", "{a}k", args=("x", b"\x00", 7), parse=lambda reply: reply[1])
    assert await driver_of(wire).run(op) == 3
    assert op.script is not None
    sha = op.script.sha.encode()
    assert wire.sent == [[b"EVALSHA", sha, b"1", b"{a}k", b"x", b"\x00", b"7"]]
    assert wire.released == 1


async def test_a_plain_command_goes_as_it_is():
    wire = AsyncWire([b"v"])
    assert await driver_of(wire).run(command("read", "GET", "k", parse=bytes.decode)) == "v"
    assert wire.sent == [[b"GET", b"k"]]


async def test_an_unknown_script_is_loaded_and_asked_again():
    wire = AsyncWire([GONE, b"sha", 1])
    assert await driver_of(wire).run(op_of("return 1")) == 1
    assert wire.commands() == [b"EVALSHA", b"SCRIPT LOAD", b"EVALSHA"]
    assert wire.sent[1][2] == b"return 1"
    assert wire.connected == 1, "on the same connection, so on the same server"


async def test_a_script_is_loaded_three_times_at_most_and_never_sent_as_eval():
    wire = AsyncWire([GONE, b"sha", GONE, b"sha", GONE, b"sha", GONE])
    with pytest.raises(Misconfigured, match=r"probe: .* forgets scripts"):
        await driver_of(wire).run(op_of("return 1"))
    assert wire.commands().count(b"SCRIPT LOAD") == 3
    assert wire.commands().count(b"EVALSHA") == 4
    assert wire.released == 1


async def test_a_lost_reply_repeats_the_same_bytes():
    wire = AsyncWire([CUT, 1])
    assert await driver_of(wire).run(op_of("return 1", "{a}k", args=("id-1",))) == 1
    assert wire.sent[0] == wire.sent[1]
    assert wire.released == 2


async def test_a_call_is_repeated_until_the_deadline_and_then_says_what_is_unknown():
    clock = AsyncClock()
    wire = AsyncWire([CUT] * 1000)
    with pytest.raises(Unavailable) as caught:
        await driver_of(wire, clock).run(op_of("return 1"))
    assert caught.value.ambiguous
    assert "probe: no answer from Redis at 127.0.0.1:6379/0 within 5 s" in str(caught.value)
    assert "unknown whether it was done, safe to repeat" in str(caught.value)
    assert 4.5 < clock.at - 1000 < 5
    assert clock.slept[:4] == [0.005, 0.01, 0.02, 0.04]
    assert max(clock.slept) == 0.25, "half of 500 ms: full jitter with a chance of 0.5"


async def test_a_try_that_takes_the_whole_time_is_the_last():
    clock = AsyncClock()
    wire = AsyncWire([CUT] * 2, clock=clock, seconds_each=5.0)
    with pytest.raises(Unavailable, match="1 tries"):
        await driver_of(wire, clock).run(op_of("return 1"))
    assert len(wire.sent) == 1


async def test_without_deadline_a_call_is_made_once():
    wire = AsyncWire([CUT])
    with pytest.raises(Unavailable, match="did not answer") as caught:
        await driver_of(wire).run(op_of("return 1"), deadline=None)
    assert caught.value.ambiguous
    assert len(wire.sent) == 1


async def test_a_refused_connection_sends_nothing_and_says_so():
    wire = AsyncWire([], refuse=[ConnectionError("Connection refused")])
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        await driver_of(wire).run(op_of("return 1"), deadline=None)
    assert not caught.value.ambiguous
    assert wire.released == 0


async def test_a_stale_connection_is_found_before_anything_is_sent():
    wire = AsyncWire([1], ill=[ConnectionError("Connection reset by peer")])
    driver = driver_of(wire)
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        await driver.run(op_of("return 1"), deadline=None)
    assert not caught.value.ambiguous
    assert (wire.connected, wire.released) == (1, 1)
    assert await driver.run(op_of("return 1")) == 1


async def test_a_server_that_cannot_save_fails_the_sign_of_life_and_is_waited_for():
    wire = AsyncWire([1], ill=[refusal("MISCONF Redis is configured to save RDB snapshots")])
    assert await driver_of(wire).run(op_of("return 1")) == 1


async def test_an_answer_lost_once_stays_unknown_whatever_refuses_afterwards():
    wire = AsyncWire([CUT] + [refusal("BUSY Redis is busy running a script.")] * 1000)
    with pytest.raises(Unavailable, match="unknown whether it was done") as caught:
        await driver_of(wire).run(op_of("return 1"))
    assert caught.value.ambiguous


async def test_refusals_alone_leave_nothing_unknown():
    wire = AsyncWire([refusal("LOADING Redis is loading the dataset in memory")] * 1000)
    with pytest.raises(Unavailable, match="it was not done, safe to repeat") as caught:
        await driver_of(wire).run(op_of("return 1"))
    assert not caught.value.ambiguous


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", OutOfMemory),
        ("NOPERM this user has no permissions to run the 'evalsha' command", Misconfigured),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", StoreError),
    ],
)
async def test_what_waiting_cannot_cure_is_told_at_once(text, kind):
    clock = AsyncClock()
    wire = AsyncWire([refusal(text)])
    with pytest.raises(kind, match=r"^probe: "):
        await driver_of(wire, clock).run(op_of("return 1"))
    assert clock.slept == []


async def test_an_error_that_a_script_answers_keeps_its_code():
    wire = AsyncWire([refusal("PLAN 7f3a is not stored")])
    with pytest.raises(StoreError, match=r"^probe: Redis at .* error: PLAN 7f3a is not stored$"):
        await driver_of(wire).run(op_of("return 1"))


@pytest.mark.parametrize(
    "text", ["READONLY You can't write against a read only replica.", "MASTERDOWN Link is down"]
)
async def test_a_server_that_lost_its_role_costs_all_connections(text):
    wire = AsyncWire([[], refusal(text), 1])
    driver = driver_of(wire)
    await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=10)
    assert await driver.run(op_of("return 1")) == 1
    assert wire.disconnected == 1, "the one that was told"
    assert wire.dropped_idle == 2, "those at rest, of both pools"


async def test_other_errors_keep_the_connections():
    wire = AsyncWire([refusal("BUSY"), 1])
    await driver_of(wire).run(op_of("return 1"))
    assert (wire.disconnected, wire.dropped_idle) == (0, 0)


async def test_many_go_in_one_batch_and_only_the_unknown_is_asked_again():
    wire = AsyncWire([1, GONE, 3, GONE, b"sha", 2])
    ops = [op_of(f"return {n}", parse=lambda reply: reply * 10) for n in (1, 2, 3)]
    assert await driver_of(wire).run_many(ops) == [10, 20, 30]
    assert wire.commands() == [b"EVALSHA"] * 4 + [b"SCRIPT LOAD", b"EVALSHA"]
    assert (wire.connected, wire.released) == (1, 1)


async def test_many_read_every_answer_before_the_first_error_is_raised():
    wire = AsyncWire([1, refusal("WRONGTYPE first"), refusal("WRONGTYPE second"), 4])
    with pytest.raises(StoreError, match="WRONGTYPE first"):
        await driver_of(wire).run_many([op_of("return 1")] * 4)
    assert wire.answers == []


async def test_many_are_all_repeated_when_one_is_refused_for_now():
    wire = AsyncWire([1, refusal("BUSY"), 1, 2])
    assert await driver_of(wire).run_many([op_of("return 1")] * 2) == [1, 2]
    assert len(wire.sent) == 4


async def test_many_are_unknown_when_some_were_done():
    wire = AsyncWire([1, refusal("BUSY")])
    with pytest.raises(Unavailable) as caught:
        await driver_of(wire).run_many([op_of("return 1")] * 2, deadline=None)
    assert caught.value.ambiguous


async def test_none_of_many_asks_nothing():
    wire = AsyncWire([])
    assert await driver_of(wire).run_many([]) == []
    assert wire.connected == 0


async def test_raw_commands_are_asked_once():
    wire = AsyncWire([b"PONG", CUT])
    driver = driver_of(wire)
    assert await driver.raw("PING") == b"PONG"
    with pytest.raises(Unavailable, match=r"^INCR: "):
        await driver.raw("INCR", "k")
    assert wire.commands() == [b"PING", b"INCR"]


async def test_a_read_waits_on_a_connection_that_waits_longer_than_the_block():
    wire = AsyncWire([None, [[b"s", [[b"1-0", [b"f", b"v"]]]]], None])
    driver = driver_of(wire)
    assert wire.pools == [5.0]
    names = ["s", "t"]
    assert await driver.read_group(names, group="g", consumer="c", count=9, block_ms=7000) == []
    assert await driver.read_group(names, group="g", consumer="c", count=9, block_ms=0) == [
        ("s", [(b"1-0", [b"f", b"v"])])
    ]
    assert wire.pools == [5.0, 15.0], "a shorter block shares the connection of the longer"
    await driver.read_group(["s"], group="g", consumer="c", count=9, block_ms=60_000)
    assert wire.pools == [5.0, 15.0, 75.0]
    first, second = (b" ".join(words) for words in wire.sent[:2])
    assert first == b"XREADGROUP GROUP g c COUNT 9 BLOCK 7000 STREAMS s t > >"
    assert second == b"XREADGROUP GROUP g c COUNT 9 STREAMS s t > >"


async def test_a_server_that_cannot_block_is_looked_at_every_5_ms():
    clock = AsyncClock()
    wire = AsyncWire([None, None, [[b"s", [[b"1-0", [b"f", b"v"]]]]]])
    driver = AsyncSingle(wire, where="memory", can_block=False, timer=clock)  # type: ignore[arg-type]
    found = await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=1000)
    assert found == [("s", [(b"1-0", [b"f", b"v"])])]
    assert clock.slept == [0.005, 0.005]
    assert all(b"BLOCK" not in words for words in wire.sent)


async def test_looking_ends_with_the_block():
    clock = AsyncClock()
    wire = AsyncWire([None] * 100)
    driver = AsyncSingle(wire, where="memory", can_block=False, timer=clock)  # type: ignore[arg-type]
    assert await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=50) == []
    assert clock.at - 1000 == pytest.approx(0.05, abs=0.006)


async def test_closing_closes_both_pools():
    wire = AsyncWire([None])
    driver = driver_of(wire)
    await driver.read_group(["s"], group="g", consumer="c", count=1, block_ms=1)
    await driver.close()
    assert wire.closed == 2
