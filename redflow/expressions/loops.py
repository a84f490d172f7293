"""The loops of comprehensions, as closures over a frame in which each name has its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from redflow.expressions.values import Frame

Run = Callable[[Frame], Any]
"""A compiled part of an expression."""


class Loop(NamedTuple):
    """One `for` of a comprehension: what it walks over, where its name stands, its condition."""

    items: Run
    place: int
    condition: Run | None


# Below, a place of the frame is what Python's own loop assigns: nothing is faster (measured).


def listed(loops: list[Loop], element: Run) -> Run:
    """Return what makes the list of the elements."""
    items, place, condition = loops[0]
    if len(loops) > 1:
        turns = _turns(loops)
        return lambda frame: [element(frame) for _ in turns(frame)]
    if condition is None:
        return lambda frame: [element(frame) for frame[place] in items(frame)]
    holds = condition
    return lambda frame: [element(frame) for frame[place] in items(frame) if holds(frame)]


def mapped(loops: list[Loop], key: Run, value: Run) -> Run:
    """Return what makes the map of the keys to the values; the last of equal keys stays."""
    turns = _turns(loops)
    return lambda frame: {key(frame): value(frame) for _ in turns(frame)}


def searched(loops: list[Loop], element: Run, ends: bool) -> Run:
    """Return what stops at the first element whose truth is `ends`, and says whether one was."""
    items, place, condition = loops[0]
    if len(loops) > 1 or condition is not None:
        turns = _turns(loops)
        return lambda frame: any(bool(element(frame)) is ends for _ in turns(frame)) is ends

    def run(frame: Frame) -> bool:
        for frame[place] in items(frame):  # noqa: B020 - the frame is not what is walked over
            if bool(element(frame)) is ends:
                return ends
        return not ends

    return run


def _turns(loops: list[Loop]) -> Callable[[Frame], Iterator[None]]:
    """Return what sets the names for each turn of all loops."""
    (items, place, condition), *below = loops
    inner = _turns(below) if below else None

    def turns(frame: Frame) -> Iterator[None]:
        for frame[place] in items(frame):  # noqa: B020 - as above
            if condition is None or condition(frame):
                if inner is None:
                    yield
                else:
                    yield from inner(frame)

    return turns
