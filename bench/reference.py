"""A fixed loop whose CPU time says how fast this machine is now: rows of Python, then a script.

It stands for a worker: the same kind of work in Python and the same commands in Redis, in turn on
one connection, so a busy machine slows both down alike. It never changes; the CPU time of a step
divided by that of a row says what the code does, and little of the machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from redflow.driver import AsyncDriver
from redflow.store.op import Word

CALLS, ROWS, HASHES = 40, 64, 1600

SCRIPT = """
local answers, records = {}, {}
for at = 1, #ARGV, 2 do
  local step, value, hash = ARGV[at], ARGV[at + 1], KEYS[3 + (at + 1) / 2]
  local state = redis.call('HMGET', hash, 'state', 'input', step, 'count')
  local number = tonumber(state[4] or 0) + 1
  local kind, attempt = string.match(step, '^(%a)(%d+)')
  redis.call('HSET', hash, 'state', 'R', step, value, 'count', number % 7)
  local token = redis.call('XADD', KEYS[1], '*', 't', step .. ',' .. attempt)
  redis.call('XDEL', KEYS[1], token)
  local record = {kind, attempt, token, step, string.format('%.0f', number)}
  records[#records + 1] = table.concat(record, ',')
  for word in string.gmatch(records[#records], '[^,]+') do record[#record + 1] = #word end
  redis.call('ZADD', KEYS[2], number, step)
  answers[#answers + 1] = cmsgpack.pack({token, step, number, record})
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100, '*', 'e', table.concat(records))
return table.concat(answers)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds that one row took: of the server's CPU, of this process', and by the clock."""

    redis: float
    python: float
    clock: float

    @property
    def share(self) -> float:
        """The part of the time in which one of the two worked; the rest somebody else had."""
        return (self.redis + self.python) / self.clock


async def reference(driver: AsyncDriver, prefix: str) -> Row:
    """Run the loop once; what a row of it has taken."""
    sha = (await driver.raw("SCRIPT", "LOAD", SCRIPT)).decode()
    shared = [f"{prefix}:{name}" for name in ("ready", "live", "events")]
    hashes = [f"{prefix}:hash:{number}" for number in range(HASHES)]
    await driver.raw("DEL", *shared, *hashes)
    redis, python, clock = await redis_cpu(driver), time.process_time(), time.perf_counter()
    for call in range(CALLS):
        first = call * ROWS % HASHES
        keys = [*shared, *hashes[first : first + ROWS]]
        words: list[Word] = [word for at in range(ROWS) for word in (f"c{at}", _value(first + at))]
        await driver.raw("EVALSHA", sha, len(keys), *keys, *words)
    python, clock = time.process_time() - python, time.perf_counter() - clock
    rows = CALLS * ROWS / 1e6
    return Row((await redis_cpu(driver) - redis) / rows, python / rows, clock / rows)


async def redis_cpu(driver: AsyncDriver) -> float:
    """Seconds of CPU that the server has used."""
    reply = (await driver.raw("INFO", "cpu")).decode()
    facts = dict(line.split(":", 1) for line in reply.splitlines() if ":" in line)
    return float(facts["used_cpu_sys"]) + float(facts["used_cpu_user"])


class _Object:
    __slots__ = ("fields", "name", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"c{number}"
        self.fields = {"ok": True, "n": number, "of": self.name}


def _value(number: int) -> bytes:
    """Some 60 bytes, made with calls, objects and joins."""
    rows = [_Object(number + more) for more in range(4)]
    words = [word.encode() for row in rows for word in _words(row)]
    packed = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n" % len(words) + packed[:56]


def _words(row: _Object) -> list[str]:
    return [row.name, *(f"{name}={value}" for name, value in sorted(row.fields.items()))]
