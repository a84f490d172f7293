"""`python -m bench gate` of a redflow made worse on purpose; prints which figures have risen.

Three things at once, each with a figure of its own: a PING before each command of the worker, a
command more for each outcome inside `advance`, and a slow function for each outcome in Python.
"""

import sys
from typing import Any

import pytest

from bench import baseline, steady
from redflow.driver.single._async import AsyncSingle
from redflow.store import script
from redflow.store.op import Op
from redflow.worker import pump
from redflow.worker.outbox import meta_of

LOOP = "codes[#codes + 1] = char(record(at))"


def main() -> int:
    """Make redflow worse, then ask the gate once; exit 1 when it notices."""
    with pytest.MonkeyPatch.context() as monkey:
        plant_command(monkey)
        plant_in_script(monkey)
        plant_slow_function(monkey)
        monkey.setattr(baseline, "LOOKS", 1)
        monkey.setattr(steady, "ROUNDS", 3)
        return baseline.main(["gate", "--json", *sys.argv[1:]])


def plant_command(monkey: pytest.MonkeyPatch) -> None:
    ask = AsyncSingle.ask_once

    async def ask_twice(self: AsyncSingle, op: Op[Any], packed: bytes) -> Any:
        await self.raw("PING")
        return await ask(self, op, packed)

    monkey.setattr(AsyncSingle, "ask_once", ask_twice)


def plant_in_script(monkey: pytest.MonkeyPatch) -> None:
    read = script.read_source

    def read_worse(name: str) -> str:
        text = read(name)
        worse = text.replace(LOOP, f"redis.call('TIME') {LOOP}")
        assert (worse != text) == (name == "advance")
        return worse

    monkey.setattr(script, "read_source", read_worse)


def plant_slow_function(monkey: pytest.MonkeyPatch) -> None:
    def slow(*args: Any) -> str:
        for _ in range(80):
            sum(range(50))
        return meta_of(*args)

    monkey.setattr(pump, "meta_of", slow)


if __name__ == "__main__":
    sys.exit(main())
