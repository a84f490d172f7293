"""The workflow that `redflow demo` runs: an order, from its check to the courier, or back."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from redflow.model.outcome import Branch, Fail
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.nodes.registry import Registry

ORDER = (
    Workflow.builder("order", "Order fulfilment")
    .add_node("check", "function", function="check", labels=["large", "usual"])
    # Two branches at the same time, one for the goods and one for the money. Should the order
    # fail later on, both are undone: the last one first.
    .add_node("reserve", "function", function="reserve")
    .with_saga("release")
    .connect("check", "reserve")
    .add_node("release", "function", function="release")
    # A large order rests here, without a worker, until somebody sends the signal.
    .add_node("approve", "signal", timeout="1h", merge=True)
    .connect_if("check", "approve", "large")
    .add_node("charge", "function", function="charge")
    .with_retry(RetryPolicy(max_attempts=4, initial_interval=0.3, jitter="none"))
    .with_saga("refund")
    .connect_if("check", "charge", "usual")
    .connect("approve", "charge")
    .add_node("refund", "function", function="refund")
    # A join: it runs when both are done, and chooses how the parcel travels.
    .add_node("pack", "function", function="pack", labels=["express", "standard"])
    .connect("reserve", "pack")
    .connect("charge", "pack")
    .add_node("courier", "function", function="courier")
    .add_node("post", "function", function="post")
    .connect_if("pack", "courier", "express")
    .connect_if("pack", "post", "standard")
    .add_node("notify", "function", function="notify")
    .connect("courier", "notify")
    .connect("post", "notify")
    # When no attempt to charge succeeds, this handles it and the order ends in good order.
    .add_node("apologise", "function", function="apologise")
    .connect_on("charge", "apologise", "failure")
    .build()
)
SIGNAL = "approve"
LARGE = 300.0
_UNDOING = {node.compensation for node in ORDER.nodes}
NODES = tuple(node.id for node in ORDER.nodes if node.id not in _UNDOING)
"""Of every node that does something; the others undo it."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the shop sends it; `gateway` is how the payment gateway will behave."""

    customer: str
    item: str
    price: float
    express: bool = False
    gateway: str = "up"
    fragile: bool = False

    def to_input(self) -> dict[str, Any]:
        """Return the input of an execution."""
        return asdict(self)


ORDERS = (
    Order("Ada", "two notebooks", 18.0),
    Order("Grace", "mechanical keyboard", 129.0, express=True, gateway="times out twice"),
    Order("Alan", "drawing table", 480.0),
    Order("Edsger", "fountain pen", 240.0, gateway="declines"),
    Order("Barbara", "desk lamp", 64.0, express=True, fragile=True),
)


class GatewayTimeout(Exception):
    """The payment gateway did not answer."""


def register_functions(registry: Registry, *, pace: float = 1.0) -> None:
    """Register what the nodes call; `pace` scales the time that each pretends to work."""
    _register_steps(registry, pace)
    _register_undoing(registry, pace)


def _register_steps(registry: Registry, pace: float) -> None:
    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds * pace)

    async def check(order: dict[str, Any]) -> Branch:
        await work(0.2)
        if order["price"] <= 0:
            raise Fail(f"the price is {order['price']}")
        return Branch("large" if order["price"] >= LARGE else "usual", order)

    async def reserve(order: dict[str, Any]) -> dict[str, Any]:
        await work(0.5)
        return {"shelf": f"{order['item'][0].upper()}-{len(order['item']):02d}"}

    async def charge(ctx: Context, checked: dict[str, Any]) -> dict[str, Any]:
        (order,) = checked.values()  # of the two ways, the one that was taken
        await work(0.3)
        if order["gateway"] == "declines":
            raise Fail("card declined")
        if order["gateway"] == "times out twice" and ctx.attempt <= 2:
            raise GatewayTimeout("the payment gateway did not answer")
        # The gateway would take this key and charge once, however often it is asked.
        return {"receipt": ctx.idempotency_key, "paid": order["price"], **order}

    async def pack(done: dict[str, Any]) -> Branch:
        await work(0.3)
        if done["charge"]["fragile"]:
            raise Fail(f"the {done['charge']['item']} broke")
        parcel = {"shelf": done["reserve"]["shelf"], "customer": done["charge"]["customer"]}
        return Branch("express" if done["charge"]["express"] else "standard", parcel)

    async def courier(parcel: dict[str, Any]) -> dict[str, Any]:
        await work(0.4)
        return {**parcel, "arrives": "today"}

    async def post(parcel: dict[str, Any]) -> dict[str, Any]:
        await work(0.2)
        return {**parcel, "arrives": "in two days"}

    async def notify(sent: dict[str, Any]) -> str:
        (parcel,) = sent.values()
        return f"Dear {parcel['customer']}, your parcel arrives {parcel['arrives']}"

    async def apologise(failure: dict[str, Any]) -> str:
        why = failure["error"]["message"]
        (order,) = failure["input"].values()
        return f"Dear {order['customer']}, we could not charge you ({why})"

    for function in (check, reserve, charge, pack, courier, post, notify, apologise):
        registry.register_function(function.__name__, function)


def _register_undoing(registry: Registry, pace: float) -> None:
    """What undoes a step gets its input, and its output unless it was cut short."""

    async def release(undo: dict[str, Any]) -> str:
        await asyncio.sleep(0.3 * pace)
        return f"the {undo['input']['item']} is on its shelf again"

    async def refund(undo: dict[str, Any]) -> str:
        await asyncio.sleep(0.3 * pace)
        paid = undo["output"]["paid"] if undo["certain"] else 0
        return f"{paid} paid back"

    for function in (release, refund):
        registry.register_function(function.__name__, function)
