"""Large values of a client: put into the payload store and fetched. Written by hand."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redflow.crypto.values import Away, Field, Values
from redflow.errors import PayloadDamaged, PayloadMissing
from redflow.model.codec import Stored

T = TypeVar("T")


def apart(values: Values, call: Callable[..., T], *arguments: Any) -> T:
    """Make a call that blocks."""
    assert values.payloads is not None
    return call(*arguments)


def keep(values: Values, aways: Sequence[Away]) -> list[bytes]:
    """Put values into the payload store, several at once; answers what stands for each."""
    if len(aways) <= 1:
        return [values.keep(away) for away in aways]
    assert values.payloads is not None
    return list(values.payloads.threads.map(values.keep, aways))


def packed(values: Values, data: bytes, execution: str, field: Field, node: str = "") -> bytes:
    """Return what Redis is to hold of an encoded value; a large one is stored first."""
    made, away = values.pack(data, execution, field, node)
    return made if away is None else values.keep(away)


def fetched(values: Values, value: Any, execution: str) -> Any:
    """Return a value as it is, or from the payload store, where there is one.

    Raises PayloadMissing, PayloadDamaged, Unavailable.
    """
    if type(value) is not Stored or values.payloads is None:
        return value
    return values.fetch(value, execution)


def shown(values: Values, value: Any, execution: str) -> Any:
    """Return a value for somebody to look at: Stored where it cannot be had any more."""
    try:
        return fetched(values, value, execution)
    except (PayloadMissing, PayloadDamaged):
        return value
