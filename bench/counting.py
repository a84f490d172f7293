"""A connector that counts what workers and clients ask: one for each command or pipeline entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redflow.driver import AsyncDriver, Driver, RedisConnector

ONE = ("ask_once", "raw", "read_group", "read_streams")
MANY = "ask_all_once"


class CountingConnector(RedisConnector):
    """Counts the calls of every driver it makes."""

    calls = 0

    def async_driver(self) -> AsyncDriver:
        driver = super().async_driver()
        self._count(driver)
        return driver

    def heartbeat_driver(self) -> Driver:
        driver = super().heartbeat_driver()
        self._count(driver)
        return driver

    def _count(self, driver: Any) -> None:
        def counting(name: str) -> Any:
            ask = getattr(driver, name)

            def counted(first: Any, *rest: Any, **options: Any) -> Any:
                many = name == MANY and isinstance(first, Sequence)
                self.calls += len(first) if many else 1
                return ask(first, *rest, **options)

            return counted

        for name in (*ONE, MANY):
            setattr(driver, name, counting(name))
