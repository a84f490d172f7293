"""Decorated and typed functions that child processes import."""

from dataclasses import dataclass

from redflow.model.undo import Undo
from redflow.model.workflow import Workflow


@dataclass
class Order:
    id: int
    amount: float


@dataclass
class Receipt:
    paid: bool
    total: float


flow = Workflow.builder("typed")


@flow.node(run="process")
def charge(order: Order) -> Receipt:
    return Receipt(paid=True, total=order.amount)


@flow.node(run="process")
def weigh(order: Order) -> float:
    return order.amount / 2


@flow.node(needs=[charge, weigh], run="process")
def pack(charge: Receipt, weigh: float = 0.0) -> str:
    assert isinstance(charge, Receipt)
    if charge.total > 1000:
        raise ValueError("too heavy")
    return f"{charge.total:g} at {weigh:g}"


@flow.compensation(of=charge, run="process")
def refund(undo: Undo[Order, Receipt]) -> str:
    return f"refunded {undo.output.total:g}" if undo.output else "nothing"
