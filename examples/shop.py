"""An order workflow as an application would hold it: functions, a workflow, an engine.

With REDFLOW_URL naming a Redis or Valkey, in this directory:

    redflow workflow register -A shop:engine
    redflow worker start -A shop:engine
    redflow execute order '{"id": "A-1", "amount": 42}' --wait
"""

from typing import Any

from redflow import Branch, Context, Engine, Fail, RetryPolicy, Workflow

engine = Engine()  # the server that REDFLOW_URL names


@engine.function
async def reserve(order: dict[str, Any]) -> dict[str, Any]:
    """Put the goods aside."""
    return {"shelf": f"shelf-{order['id']}"}


@engine.function(retry=RetryPolicy(max_attempts=5, initial_interval=0.5), timeout="30s")
def charge(ctx: Context, order: dict[str, Any]) -> dict[str, Any]:
    """Ask for the money; the gateway would use the key to charge once, however often we ask."""
    if order["amount"] > 1000:
        raise Fail("over the limit of the card")
    return {"receipt": ctx.idempotency_key, "paid": order["amount"]}


@engine.function(labels=["express", "standard"])
async def pack(done: dict[str, Any]) -> Branch:
    """Wrap the goods; dear ones travel fast."""
    fast = done["charge"]["paid"] >= 100
    return Branch("express" if fast else "standard", done["reserve"])


@engine.function
async def send_courier(parcel: dict[str, Any]) -> dict[str, Any]:
    """Hand the parcel to the courier."""
    return {**parcel, "arrives": "today"}


@engine.function
async def send_post(parcel: dict[str, Any]) -> dict[str, Any]:
    """Hand the parcel to the post."""
    return {**parcel, "arrives": "in two days"}


@engine.function
async def apologise(failure: dict[str, Any]) -> str:
    """Handle the failure of `charge`: the order ends in good order."""
    return f"order {failure['input']['id']} was not charged: {failure['error']['message']}"


order = (
    Workflow.builder("order", "Order fulfilment")
    .add_node("start", "log", message="an order came in")
    .add_node("reserve", "function", function="reserve")
    .add_node("charge", "function", function="charge")
    .connect("start", "reserve")
    .connect("start", "charge")
    .add_node("pack", "function", function="pack", labels=["express", "standard"])
    .connect("reserve", "pack")
    .connect("charge", "pack")
    .add_node("send_courier", "function", function="send_courier")
    .add_node("send_post", "function", function="send_post")
    .connect_if("pack", "send_courier", "express")
    .connect_if("pack", "send_post", "standard")
    .add_node("apologise", "function", function="apologise")
    .connect_on("charge", "apologise", "failure")
    .build()
)
