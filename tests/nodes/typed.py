"""Types that functions ask for, and a step that gives them an input."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pydantic

from redflow.nodes.binding import Binding
from redflow.nodes.context import Context, StepInfo
from redflow.nodes.signatures import read_signature

T = TypeVar("T")
ID = UUID("12345678-1234-5678-1234-567812345678")


@dataclass
class Order:
    id: int
    amount: float = 0.0


class Receipt(msgspec.Struct, rename="camel"):
    paid_by: str
    when: datetime | None = None


class Parcel(TypedDict):
    shelf: str


class Customer(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, alias="years")


class Colour(enum.Enum):
    RED = "red"


class Reads(Protocol):
    def keys(self) -> Iterable[str]: ...


class Opaque:
    """Nothing makes one of these."""


@dataclass
class Mixed:
    customer: Customer
    colour: Colour
    orders: list[Order]
    seen: set[int]
    by_number: dict[int, str]


def context(value: Any) -> Context:
    return Context(StepInfo("ns", "w", 1, "a", "worker", None), "e1", 1, "1700000000000-5", value)


def bound(call: Callable[..., Any], *, undoes: bool = False, **options: Any) -> Binding:
    return Binding("f", call, read_signature(call, "f", **options), undoes=undoes)


def given_to(call: Callable[..., Any], value: Any, **options: Any) -> Any:
    """What a plain function answers in a step with this input."""
    return bound(call, **options).step("thread")(context(value))
