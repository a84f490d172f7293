"""A connector whose calls go wrong when a test says so; it also counts them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from redflow.driver import AsyncDriver, Connector, Driver
from redflow.errors import Unavailable
from redflow.store.epoch import Fence
from redflow.store.op import Op

NOT_SENT = "the network is down"
NO_REPLY = "the reply was lost"


class Faults:
    """What happens to the next calls, by name; `read_group` is the blocking read.

    The kinds: `refuse` it does not leave, `lose` it is done and the reply is lost, `hold` it waits
    for `go` before it leaves, or an error to raise in its place.
    """

    def __init__(self, inner: Connector) -> None:
        self._inner = inner
        self._rules: list[tuple[str, Any, Callable[[Any], bool]]] = []
        self.down = False
        self.calls: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.held = asyncio.Event()
        self.go = asyncio.Event()
        self.where = inner.where
        self.lasting = inner.lasting

    def on(
        self,
        name: str,
        kind: Any,
        *,
        times: int = 1,
        only: Callable[[Any], bool] = lambda op: True,
    ) -> None:
        """Let the next calls of this name go wrong; `only` judges the op, or streams to read."""
        self._rules += [(name, kind, only)] * times

    @property
    def all_done(self) -> bool:
        """Whether everything that was to go wrong did."""
        return not self._rules

    def take(self, name: str, op: Any = None) -> Any:
        """The kind for a call, counted."""
        self.calls[name] += 1
        for at, (wanted, kind, only) in enumerate(self._rules):
            if wanted == name and only(op):
                del self._rules[at]
                self.failed[name] += 1
                return kind
        if self.down:
            self.failed[name] += 1
            return "refuse"
        return None

    # --- as a connector

    def async_driver(self) -> AsyncDriver:
        return _FaultyAsync(self._inner.async_driver(), self)  # type: ignore[return-value]

    def driver(self) -> Driver:
        return self._inner.driver()

    def heartbeat_driver(self) -> Driver:
        return _Faulty(self._inner.heartbeat_driver(), self)  # type: ignore[return-value]


def has_outcomes(op: Op[Any]) -> bool:
    """Whether a call of advance records something; its envelope of words ends with three counts."""
    return any(isinstance(word, bytes) and word.startswith((b"=", b"@")) for word in op.args)


def _check(kind: Any, name: str) -> None:
    if isinstance(kind, BaseException):
        raise kind
    if kind == "refuse":
        raise Unavailable(f"{name}: {NOT_SENT}", ambiguous=False)


def _lost(kind: Any, name: str) -> None:
    if kind == "lose":
        raise Unavailable(f"{name}: {NO_REPLY}", ambiguous=True)


class _FaultyAsync:
    def __init__(self, inner: AsyncDriver, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def _around(self, name: str, call: Callable[[], Any], op: Any = None) -> Any:
        kind = self._faults.take(name, op)
        _check(kind, name)
        if kind == "hold":
            self._faults.held.set()
            await self._faults.go.wait()
        answer = await call()
        _lost(kind, name)
        return answer

    def guard(self, fence: Fence) -> None:
        self._inner.guard(fence)

    async def run(self, op: Op[Any], **options: Any) -> Any:
        return await self._around(op.name, lambda: self._inner.run(op, **options), op)

    async def run_many(self, ops: Sequence[Op[Any]], **options: Any) -> Any:
        return await self._around(ops[0].name, lambda: self._inner.run_many(ops, **options))

    def together(self, partitions: Sequence[Any]) -> list[Sequence[Any]]:
        return self._inner.together(partitions)

    async def everywhere(self, *words: Any) -> Any:
        return await self._around("everywhere", lambda: self._inner.everywhere(*words))

    async def raw(self, *words: Any) -> Any:
        return await self._around("raw", lambda: self._inner.raw(*words))

    async def read_group(self, streams: Sequence[str], **options: Any) -> Any:
        read = self._inner.read_group
        return await self._around("read_group", lambda: read(streams, **options), streams)

    async def renew_reading(self) -> None:
        await self._inner.renew_reading()

    async def listen(self, *arguments: Any) -> None:
        kind = self._faults.take("listen")
        _check(kind, "listen")
        await self._inner.listen(*arguments)

    async def close(self) -> None:
        await self._inner.close()


class _Faulty:
    def __init__(self, inner: Driver, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def guard(self, fence: Fence) -> None:
        self._inner.guard(fence)

    def together(self, partitions: Sequence[Any]) -> list[Sequence[Any]]:
        return self._inner.together(partitions)

    def run(self, op: Op[Any], **options: Any) -> Any:
        kind = self._faults.take(op.name, op)
        _check(kind, op.name)
        answer = self._inner.run(op, **options)
        _lost(kind, op.name)
        return answer

    def close(self) -> None:
        self._inner.close()
