"""Faults to put into redflow so that the history check has something to find, and must find it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redflow.store import script
from redflow.worker import pump, sweeper
from tests.faultkit.workload import FEW, SOME

# ruff: noqa: E501 - a table reads best in rows

LATE_EVENTS = """  local late = call('HGET', sweeper, 'late') or ''
  call('HSET', sweeper, 'late', '')
  if count > 0 and late ~= '' then
    call('XADD', events, '*', 'n', 0, 'e', late)
  end
  if count > 0 then
    local total = call('HINCRBY', sweeper, 'records', count)
    call('HSET', sweeper, 'late', mp_array_head(count) .. concat(records) .. notes)
  end
"""
EVENTS = """  if count > 0 then
    local total = call('HINCRBY', sweeper, 'records', count)
    call('XADD', events, 'MAXLEN', '~', events_cap, '*', 'n', total,
      'e', mp_array_head(count) .. concat(records) .. notes)
  end
"""
CONSUMING = """    local all = call('XDEL', key, unpack(list.tokens)) == #list.tokens
    if all then call('XACK', key, GROUP, unpack(list.tokens)) end
"""
RETRY_PARKED = (
    "park(execution, step, queue, now + tonumber(delay), tonumber(attempt) + 1, 0, 0, 'r')"
)
RETRY_LOST = "write(execution, 's' .. step, 't' .. decimal(now) .. ',' .. queue .. ',' .. tonumber(attempt) + 1 .. ',0,0,r')"


@dataclass(frozen=True)
class Bug:
    """What is put where, the faults that bring it out, and the invariants that may find it.

    `changes`: rows (file, sound text, faulty text) of scripts; `python` changes a worker process;
    `long`: share of steps that outlive a lease.
    """

    finds: str
    nemesis: str
    changes: tuple[tuple[str, str, str], ...] = ()
    python: Callable[[], None] | None = None
    long: float = FEW


def _forget_failed_reports() -> None:
    """A worker sends an outcome once."""
    plain = pump.Pump._failed

    async def failed(self: Any, outbox: Any, batch: list[Any], error: Any) -> None:
        batch.clear()
        await plain(self, outbox, batch, error)

    pump.Pump._failed = failed  # type: ignore[method-assign]


def _pop_timers_first() -> None:
    """A sweep takes timers away by itself, and carries them out some time later."""
    plain = sweeper.Sweeper.promote

    async def promote(self: Any, partition: Any, members: Any) -> int:
        timers = partition.permanent["timers"]
        for member in members:
            await self._driver.raw("ZREM", timers, member)
        await asyncio.sleep(0.15)
        for member in members:
            await self._driver.raw("ZADD", timers, 0, member)
        return await plain(self, partition, members)

    sweeper.Sweeper.promote = promote  # type: ignore[method-assign]


def _sweep_slowly() -> None:
    """Time passes between what a sweep has read and what it does; no fault by itself."""
    plain = sweeper.Sweeper._reclaim

    async def reclaim(self: Any, *arguments: Any) -> int:
        await asyncio.sleep(0.6)
        return await plain(self, *arguments)

    sweeper.Sweeper._reclaim = reclaim  # type: ignore[assignment, method-assign]


BUGS: dict[str, Bug] = {
    "outcomes are accepted without their token":
        Bug("I3 I5 I7", "stop", (("fence", "valid[at] = all or call('XACK', key, GROUP, list.tokens[i]) == 1", "valid[at] = true"),)),
    "an entry is acknowledged and not deleted":
        Bug("I9 I14", "", (("fence", CONSUMING, "    local all = call('XACK', key, GROUP, unpack(list.tokens)) == #list.tokens\n"),)),
    "a completed step has no event":
        Bug("I7", "", (("outcome/completed", "emit(execution, 6, step, mp_str(meta))", ""),)),
    "events are written by another call":
        Bug("I2 I7", "", (("journal", EVENTS, LATE_EVENTS),)),
    "a join runs one edge early":
        Bug("I4 I5 I9", "", (("frontier", "if count % TAKEN < edge.indegree then", "if count % TAKEN < edge.indegree - 1 then"),)),
    "a join does not count blocked edges":
        Bug("I2 I9 I4", "", (("frontier", "elseif how == 'blocked' then count = count + BLOCKED end", "end"),)),
    "leases are reclaimed without the outage guard":
        Bug("I6", "pause restart pause pause", (("reclaim_leases", "answers[#answers + 1] = guarded and 'held'", "answers[#answers + 1] = false"),), long=SOME),
    "idleness is not checked again":
        Bug("I6", "nap nap nap nap nap nap nap nap", (("reclaim_leases", "if #pending == 0 or pending[1][3] < lease then", "if #pending == 0 then"),), _sweep_slowly, SOME),
    "a release is charged":
        Bug("I7 I13", "term", (("outcome/released", "reissue(execution, step, queue, tonumber(attempt),", "reissue(execution, step, queue, tonumber(attempt) + 1,"),)),
    "another start with the same id wins":
        Bug("I7 I9", "", (("start_executions", "existing(key, workflow.name, digest) or", "false or"),)),
    "a lost lease is renewed":
        Bug("I6", "stop", (("extend_leases", "answers[#answers + 1] = 'lost'", "answers[#answers + 1] = 'ok'"),)),
    "an early signal is taken twice":
        Bug("I11", "", (("signals", "write(execution, 'b:' .. name, head + 1 .. ' ' .. tail)", ""),)),
    "signal ids are not compared":
        Bug("I11", "", (("deliver_signal", "if read(execution, 'i:' .. id) then return 'dup' end", ""),)),
    "a retry loses its timer":
        Bug("I2 I9", "", (("outcome/retry", RETRY_PARKED, RETRY_LOST),)),
    "a timer fires early":
        Bug("I10", "", (("promote_timers", "if not due or tonumber(due) > now then", "if not due then"), ("list_due", "if due > now then", "if due > now + 10000 then"))),
    "a cancel leaves a live step":
        Bug("I2 I9", "", (("page", "  cancel_live(execution, step, live)\n", "  detach(execution, step, live)\n"),)),
    "compensations run in the order of settling":
        Bug("I12", "", (("saga", "read(execution, 'o' .. left)", "read(execution, 'o' .. total - left + 1)"),)),
    "uncertain steps are not undone":
        Bug("I12", "kill", (("saga", "(how == 'u' and when == 's')", "false"),)),
    "an execution ends twice":
        Bug("I2", "", (("ending", "  emit(execution, index.kind, nil, NIL)\n", "  emit(execution, index.kind, nil, NIL)\n  emit(execution, index.kind, nil, NIL)\n"),)),
    "an outcome is sent once":
        Bug("I2 I9", "cut restart", (), _forget_failed_reports),
    "timers are popped before they are applied":
        Bug("I2 I9", "kill", (), _pop_timers_first),
    "a lost lease is not counted":
        Bug("I7", "kill stop", (("reclaim_leases", ".. char(deliveries) ..", ".. char(deliveries - 1) .."),)),
}  # fmt: skip


def plant(name: str, *, worker: bool = True) -> Callable[[], None]:
    """Put a fault into this process before it loads a script; answers what takes it out again."""
    bug, plain = BUGS[name], script.read_source
    for file, sound, _ in bug.changes:
        assert plain(file).count(sound) == 1, f"lua/{file}: {sound!r} is not there once"

    def read_source(asked: str) -> str:
        text = plain(asked)
        for file, sound, faulty in bug.changes:
            text = text.replace(sound, faulty) if file == asked else text
        return text

    def remove() -> None:
        script.read_source = plain  # type: ignore[assignment]
        script.load_script.cache_clear()

    script.read_source = read_source  # type: ignore[assignment]
    script.load_script.cache_clear()
    if worker and bug.python is not None:
        bug.python()
    return remove
