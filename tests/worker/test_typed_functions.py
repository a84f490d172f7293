"""Functions with annotations, from the recorded input to the recorded output."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pydantic
import pytest

from redflow.model.outcome import Branch, Fail
from redflow.model.retry import RetryPolicy
from redflow.model.undo import Undo
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from tests.worker import typed
from tests.worker.kit import Bench

AGAIN = RetryPolicy(3, initial_interval=0.001, maximum_interval=0.001, jitter="none")


@dataclass
class Order:
    id: int
    price: Decimal
    due: datetime | None = None


@dataclass
class Receipt:
    order: Order
    paid: bool


class Label(pydantic.BaseModel):
    text: str


async def publish(bench: Bench, flow: Any) -> None:
    """Publish a flow as registration would: checked, completed."""
    workflow = bench.registry.include(flow)
    assert bench.registry.problems(workflow) == []
    await bench.publish(workflow)


async def test_values_travel_between_functions_of_the_same_types(bench: Bench):
    flow = Workflow.builder("w")

    @flow.node
    async def charge(ctx: Context, order: Order) -> Receipt:
        assert ctx.node_id == "charge"
        return Receipt(order, paid=True)

    @flow.node(needs=charge)
    def label(receipt: Receipt) -> Label:
        assert isinstance(receipt.order.price, Decimal)
        return Label(text=f"{receipt.order.id} for {receipt.order.price}")

    @flow.node(needs=label)
    async def ship(label: Label) -> list[Label]:
        return [label]

    await publish(bench, flow)
    due = datetime(2026, 1, 2, tzinfo=UTC)
    async with bench.working():
        run = await bench.run("w", {"id": 7, "price": "1.50", "due": due})
    order = {"id": 7, "price": Decimal("1.50"), "due": due}
    assert run.value("charge") == {"order": order, "paid": True}
    assert run.value("ship") == [{"text": "7 for 1.50"}]
    assert await bench.problems() == []


async def test_an_input_that_does_not_fit_fails_the_step_for_good(bench: Bench):
    ran: list[Any] = []

    async def on_the_loop(order: Order):
        ran.append(order)

    def in_a_thread(order: Order):
        ran.append(order)

    for call in (on_the_loop, in_a_thread):
        await bench.one(call, call.__name__, retry=AGAIN)
    async with bench.working():
        for call in (on_the_loop, in_a_thread):
            error = (await bench.run(call.__name__, {"id": "7", "price": 1})).value("a")
            assert (error["reason"], error["attempts"]) == ("invalid_input", 1)
            assert "order: Order" in error["message"]
            assert "got `str` - at `$.id`" in error["message"]
    assert ran == []


async def test_parameters_named_after_parents(bench: Bench):
    flow = Workflow.builder("w")

    @flow.node
    async def choose(order) -> Branch[Literal["gift", "plain"]]:
        return Branch("gift" if order else "plain", order)

    @flow.node(needs=choose)
    async def reserve(order) -> dict[str, int]:
        return {"shelf": 1}

    @flow.node(needs=choose.label("gift"))
    async def wrap(order) -> Label:
        return Label(text="with ribbon")

    @flow.node(needs=[reserve, wrap], join="any_outcome")
    async def pack(ctx, reserve: dict[str, int], wrap: Label | None = None) -> str:
        return f"{reserve['shelf']} {wrap.text if wrap else 'plain'}"

    await publish(bench, flow)
    async with bench.working():
        assert (await bench.run("w", True)).value("pack") == "1 with ribbon"
        assert (await bench.run("w", False)).value("pack") == "1 plain"


async def test_a_parent_that_gave_nothing_to_who_insists_on_it(bench: Bench):
    flow = Workflow.builder("w")

    @flow.node
    async def first(order) -> Branch[Literal["yes"]]:
        return Branch("yes") if order else order

    @flow.node(needs=first.label("yes"))
    async def second(order): ...

    @flow.node(needs=[first, second])
    async def join(first, second): ...

    await publish(bench, flow)
    async with bench.working():
        error = (await bench.run("w", False)).value("join")
    assert error["reason"] == "invalid_input"
    assert "asks for second, and its input has no 'second'" in error["message"]
    assert "| None if its node may be skipped" in error["message"]


async def test_what_undoes_is_given_an_undo(bench: Bench):
    flow, undone = Workflow.builder("w"), []

    @flow.node
    async def charge(order: Order) -> Receipt:
        return Receipt(order, paid=True)

    @flow.node(needs=charge)
    async def ship(receipt):
        raise Fail("no courier")

    @flow.compensation(of=charge)
    async def refund(ctx, undo: Undo[Order, Receipt]):
        undone.append(undo)
        return undo.output.paid if undo.output else None

    await publish(bench, flow)
    async with bench.working():
        run = await bench.run("w", {"id": 1, "price": 2})
    order = Order(1, Decimal(2))
    assert undone == [Undo(order, Receipt(order, paid=True), None, certain=True)]
    assert run.value("charge~undo") is True


async def test_children_convert_alike(bench: Bench):
    await publish(bench, typed.flow)
    async with bench.working(children=1):
        good = await bench.run("typed", {"id": 1, "amount": 8}, 30)
        assert good.value("charge") == {"paid": True, "total": 8.0}
        assert good.value("pack") == "8 at 4"
        undone = await bench.run("typed", {"id": 1, "amount": 2000}, 30)
        assert undone.value("charge~undo") == "refunded 2000"
        wrong = await bench.run("typed", {"id": "1", "amount": 2}, 30)
    error = wrong.value("charge")
    assert (error["reason"], error["attempts"]) == ("invalid_input", 1)
    assert "got `str` - at `$.id`" in error["message"]


@pytest.mark.parametrize("value", [{"a": 1}, None])
async def test_what_says_nothing_is_given_what_there_is(bench: Bench, value):
    async def work(ctx, value: Any):
        return [value]

    await bench.one(work)
    async with bench.working():
        assert (await bench.run("one", value)).value("a") == [value]
