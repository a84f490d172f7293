"""What a test lets go wrong between a worker and its server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redflow.driver import AsyncDriver, Connector
from redflow.errors import InvalidInput, Unavailable
from redflow.store.epoch import Fence
from redflow.store.op import Op
from redflow.store.script import script_names
from redflow.testing.naming import unknown


class Faults:
    """Rules for the next calls of the worker, and for the steps during which it vanishes."""

    def __init__(self) -> None:
        self._lost: list[str] = []
        self._refused = 0
        self._deaths: list[str] = []

    def lose_reply(self, of: str, times: int) -> None:
        """Have the next calls of a script made, and their replies lost."""
        if of not in script_names():
            raise unknown("script", of, script_names(), field="of")
        self._lost += [of] * _count(times)

    def refuse(self, calls: int) -> None:
        """Have the next calls, whatever they are, not leave."""
        self._refused += _count(calls)

    def die_during(self, node: str, times: int) -> None:
        """Have the worker vanish when this node, or function, has run and before it is reported."""
        self._deaths += [node] * _count(times)

    def kills(self, *names: str) -> bool:
        """Whether the worker vanishes during a step with one of these names; asked once a step."""
        for name in names:
            if name in self._deaths:
                self._deaths.remove(name)
                return True
        return False

    def before(self, name: str) -> None:
        """Raise for a call that does not leave."""
        if self._refused:
            self._refused -= 1
            raise Unavailable(f"{name}: refused by the test", ambiguous=False)

    def after(self, name: str) -> None:
        """Raise for a call whose reply is lost."""
        if name in self._lost:
            self._lost.remove(name)
            raise Unavailable(f"{name}: its reply was lost by the test", ambiguous=True)


class FaultyDriver:
    """A driver of a worker whose calls obey the rules."""

    def __init__(self, inner: AsyncDriver, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def guard(self, fence: Fence) -> None:
        self._inner.guard(fence)

    def together(self, partitions: Sequence[Any]) -> list[Sequence[Any]]:
        return self._inner.together(partitions)

    async def run(self, op: Op[Any], **options: Any) -> Any:
        return await self._around(op.name, lambda: self._inner.run(op, **options))

    async def run_many(self, ops: Sequence[Op[Any]], **options: Any) -> Any:
        if not ops:
            return []
        return await self._around(ops[0].name, lambda: self._inner.run_many(ops, **options))

    async def close(self) -> None:
        await self._inner.close()

    async def _around(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        self._faults.before(name)
        answer = await call()
        self._faults.after(name)
        return answer


def faulty_driver(connector: Connector, faults: Faults) -> AsyncDriver:
    """A driver for a worker; it has what a worker without a blocking read asks of one."""
    return cast("AsyncDriver", FaultyDriver(connector.async_driver(), faults))


def _count(times: int) -> int:
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise InvalidInput(f"{times!r} is not a whole number from 1", field="times")
    return times
