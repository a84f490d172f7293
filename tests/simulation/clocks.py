"""Time and chance of the code under test, replaced in every module of it that looks at them."""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from redflow.store import script
from redflow.store.space import Limits
from tests.simulation.loop import Loop

START_MS = 1_700_000_000_000
"""When virtual time begins."""

# One line, so that the line numbers of errors stay those of the assembled script.
STAMPED = """
local redis = (function(server)
  local function stamped(run, name, key, ...)
    if name ~= 'XADD' then return run(name, key, ...) end
    local words = {...}
    for at = 1, #words do
      if words[at] == '*' then words[at] = string.format('%.0f-*', now) break end
    end
    return run(name, key, unpack(words))
  end
  local own = {
    call = function(...) return stamped(server.call, ...) end,
    pcall = function(...) return stamped(server.pcall, ...) end,
  }
  return setmetatable(own, {__index = server})
end)(redis)
"""


class VirtualTime:
    """What a module sees as `time`."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.time()

    def time(self) -> float:
        return START_MS / 1000 + self._loop.time()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class VirtualLimits(Limits):
    """Limits of one call, and a `now` that follows the loop."""

    def __init__(self, loop: Loop, **bounds: int) -> None:
        super().__init__(**bounds)
        object.__setattr__(self, "loop", loop)

    def __getattribute__(self, name: str) -> Any:
        if name == "now":
            return now_ms(object.__getattribute__(self, "loop"))
        return object.__getattribute__(self, name)


def now_ms(loop: Loop) -> int:
    """The time that scripts are told."""
    return START_MS + round(loop.time() * 1000)


@contextmanager
def virtual_ids() -> Iterator[None]:
    """Have entries of streams named by the time that scripts are told; needs Redis 7 or Valkey.

    A server names them by its own clock: the one thing of it that would differ from run to run.
    """
    plain, line = script._preamble, " " + " ".join(STAMPED.split())

    def stamping(head: script.Head) -> str:
        return plain(head) + (line if "now" in head.arg else "")

    script._preamble = stamping
    script.load_script.cache_clear()
    try:
        yield
    finally:
        script._preamble = plain
        script.load_script.cache_clear()


@contextmanager
def virtual(loop: Loop, rng: Random) -> Iterator[None]:
    """Give every module of redflow this loop's time and this chance while the block runs."""
    own = {time: VirtualTime(loop), random: rng}
    replaced: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if name.startswith("redflow."):
            for attribute in ("time", "random"):
                found = vars(module).get(attribute)
                if found is time or found is random:
                    replaced.append((module, attribute, found))
                    setattr(module, attribute, own[found])
    try:
        yield
    finally:
        for module, attribute, found in replaced:
            setattr(module, attribute, found)
