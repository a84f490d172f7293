"""Several servers: calls to them at once, where there is a loop for it, each ending as it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from redflow.errors import StoreError

T = TypeVar("T")


async def async_each(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | StoreError]:
    """Make calls at once and return what each answered, or the StoreError it raised."""
    if len(calls) == 1:
        return [await _outcome(calls[0])]
    return await asyncio.gather(*(_outcome(call) for call in calls))


def each(calls: Sequence[Callable[[], T]]) -> list[T | StoreError]:
    """Make calls one after the other and return what each answered, or the StoreError it raised."""
    outcomes: list[T | StoreError] = []
    for call in calls:
        try:
            outcomes.append(call())
        except StoreError as error:
            outcomes.append(error)
    return outcomes


async def _outcome(call: Callable[[], Awaitable[T]]) -> T | StoreError:
    try:
        return await call()
    except StoreError as error:
        return error


class Splitting(Protocol):
    """A driver, as far as it says which partitions one call may name."""

    def together(self, partitions: Sequence[int]) -> Sequence[Sequence[int]]: ...


def is_spread(driver: Splitting) -> bool:
    """Say whether partitions live on several servers."""
    return len(driver.together((0, 1))) > 1
