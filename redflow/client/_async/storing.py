"""Large values of a client: put into the payload store and fetched, in threads. Written by hand."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redflow.crypto.values import Away, Field, Values
from redflow.errors import PayloadDamaged, PayloadMissing
from redflow.model.codec import Stored

T = TypeVar("T")


async def apart(values: Values, call: Callable[..., T], *arguments: Any) -> T:
    """Make a call that blocks, in a thread of the payload store."""
    assert values.payloads is not None
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(values.payloads.threads, call, *arguments)


async def keep(values: Values, aways: Sequence[Away]) -> list[bytes]:
    """Put values into the payload store, several at once; answers what stands for each."""
    return await asyncio.gather(*(apart(values, values.keep, away) for away in aways))


async def packed(
    values: Values, data: bytes, execution: str, field: Field, node: str = ""
) -> bytes:
    """Return what Redis is to hold of an encoded value; a large one is stored first."""
    made, away = values.pack(data, execution, field, node)
    return made if away is None else await apart(values, values.keep, away)


async def fetched(values: Values, value: Any, execution: str) -> Any:
    """Return a value as it is, or from the payload store, where there is one.

    Raises PayloadMissing, PayloadDamaged, Unavailable.
    """
    if type(value) is not Stored or values.payloads is None:
        return value
    return await apart(values, values.fetch, value, execution)


async def shown(values: Values, value: Any, execution: str) -> Any:
    """Return a value for somebody to look at: Stored where it cannot be had any more."""
    try:
        return await fetched(values, value, execution)
    except (PayloadMissing, PayloadDamaged):
        return value
