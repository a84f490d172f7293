"""Which types of events a reader asked for, and where it begins."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from redflow.errors import InvalidInput, NotFound
from redflow.events.event import CODES, EVENT_TYPES, GAP
from redflow.events.feed import Feed
from redflow.events.position import decode_position, place_of
from redflow.events.subscription import Wanted
from redflow.store.events import OLDEST, Named, Place, read_named

NOW, BEGINNING = "now", "oldest"


def check_types(types: Iterable[str] | str | None) -> Wanted:
    """Return the kinds of some types, None for all; raises InvalidInput.

    `events.gap` need not be asked for: every reader gets it.
    """
    if types is None:
        return None
    asked = [types] if isinstance(types, str) else list(types)
    for one in asked:
        if one not in EVENT_TYPES:
            raise _unknown_type(one)
    return frozenset(CODES[one] for one in asked if one != GAP)


async def named(feed: Feed, execution: str) -> Named:
    """Return what is known of an execution; raises NotFound."""
    space = await feed.source.space()
    partition = space.keys.partition_of(execution)
    found = await feed.source.driver.run(read_named(partition, execution))
    if found is None:
        raise NotFound(
            f"execution {execution!r} does not exist in namespace {feed.source.namespace!r}",
            hint="it may have been purged: redflow execution list",
        )
    return found


async def places_from(feed: Feed, after: str, execution: str | None) -> dict[int, Place]:
    """Return where a reader begins, by partition; raises InvalidInput, NotFound.

    `after` is `now`, `oldest`, a position, or the id of an event of the execution.
    """
    await feed.prepare()
    keys = (await feed.source.space()).keys
    numbers = range(keys.partitions)
    if execution is not None:
        numbers = range(number := keys.partition_of(execution).number, number + 1)
    if after == NOW:
        return {number: await feed.newest(number) for number in numbers}
    if after == BEGINNING:
        created = (await named(feed, execution)).created if execution is not None else 0
        return {number: OLDEST._replace(ms=created) for number in numbers}
    if execution is None:
        return decode_position(after, keys.partitions)
    number, place = place_of(after)
    if number != numbers[0]:
        raise InvalidInput(
            f"event {after!r} is not one of execution {execution!r}",
            field="after",
            hint="give the id of one of its own events",
        )
    return {number: place}


def _unknown_type(type: object) -> InvalidInput:
    near = difflib.get_close_matches(str(type)[:80], EVENT_TYPES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(EVENT_TYPES)}"
    return InvalidInput(f"{str(type)[:80]!a} is no type of event", field="type", hint=hint)
