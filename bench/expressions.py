"""What expressions cost: a condition over a small context, and edges over a large one."""

from __future__ import annotations

import statistics
import time
import timeit
from collections.abc import Mapping
from typing import Any

from redflow.expressions import EDGE_NAMES, Expression, parse_expression

CONDITION = 'input.order.total > 100 and input.customer.tier in ["gold", "silver"]'
SMALL = {
    "input": {"order": {"id": "o-1", "total": 120, "items": 3}, "customer": {"tier": "gold"}},
    "execution": {"id": "e-1", "namespace": "default", "labels": {}, "metadata": {}},
}

ITEMS = 2_000
LARGE = {
    "output": {
        "status": "ready",
        "items": [
            {"sku": f"sku-{n}", "amount": n % 97, "tags": ["a", "b"], "vendor": {"id": n % 7}}
            for n in range(ITEMS)
        ],
    }
}
EDGES = (
    'output.status == "ready"',
    "len(output.items) > 1000",
    'output.items[1999].sku == "sku-1999"',
    'get(output, "items.0.vendor.name", "none") == "none"',
    "any(item.amount > 96 for item in output.items)",
    "all(item.amount >= 0 for item in output.items)",
    "sum([item.amount for item in output.items]) > 1000",
    "len([item for item in output.items if item.vendor.id == 3]) > 100",
)
"""Half of them look at one place, half walk over the items, three to the end."""

GATES = {"condition, small context, us": 150.0, "8 edges, 2,000 items, us": 5000.0}


def measure_expressions(runs: int = 5) -> dict[str, float]:
    """Microseconds of CPU for evaluating, parsing left out; the median of several runs."""
    edges = [parse_expression(text, EDGE_NAMES) for text in EDGES]
    return {
        "condition, small context, us": _micros([parse_expression(CONDITION)], SMALL, runs, 2000),
        "8 edges, 2,000 items, us": _micros(edges, LARGE, runs, 20),
    }


def _micros(
    expressions: list[Expression], scope: Mapping[str, Any], runs: int, times: int
) -> float:
    def evaluate() -> None:
        for expression in expressions:
            expression.evaluate(scope)

    spent = timeit.repeat(evaluate, timer=time.process_time, repeat=runs, number=times)
    return statistics.median(spent) / times * 1e6
