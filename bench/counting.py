"""A connector that counts what workers and clients ask: one for each command or pipeline entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redflow.driver import AsyncDriver, Driver, RedisConnector
from redflow.store.op import Op


class CountingConnector(RedisConnector):
    """Counts the calls of every driver it makes."""

    calls = 0

    def async_driver(self) -> AsyncDriver:
        driver = super().async_driver()
        ask, ask_all = driver._ask, driver._ask_all

        async def counted(*arguments: Any) -> Any:
            self.calls += 1
            return await ask(*arguments)

        async def counted_all(pool: Any, packed: list[bytes], ops: Sequence[Op[Any]]) -> list[Any]:
            self.calls += len(packed)
            return await ask_all(pool, packed, ops)

        driver._ask, driver._ask_all = counted, counted_all  # type: ignore[assignment, method-assign]
        return driver

    def heartbeat_driver(self) -> Driver:
        driver = super().heartbeat_driver()
        ask = driver._ask

        def counted(*arguments: Any) -> Any:
            self.calls += 1
            return ask(*arguments)

        driver._ask = counted  # type: ignore[assignment, method-assign]
        return driver
