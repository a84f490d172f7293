"""The one place where calls are asked about: a class is wrapped, method by method, by the table."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from redflow.auth.actions import Choice, Rule
from redflow.client._async.door import AsyncDoor
from redflow.client.access import calls_of, conceal, reading

T = TypeVar("T")


def guarded(kind: type[T]) -> type[T]:
    """Let every public method of a class ask before it does anything; instances have a `_door`.

    Raises TypeError for a method that is in no table of `redflow.auth.actions`.
    """
    for name, rule in calls_of(kind).items():
        setattr(kind, name, _asking(getattr(kind, name), rule))
    return kind


def _asking(method: Callable[..., Any], rule: Rule | Choice) -> Callable[..., Any]:
    read = reading(method, rule)

    @wraps(method)
    async def asking(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        door: AsyncDoor = self._door
        if door.open:
            return await method(self, *args, **kwargs)
        concealing = await door.enter(*read(self, args, kwargs))
        with door.inside():
            answer = await method(self, *args, **kwargs)
        return conceal(answer) if concealing else answer

    return asking
