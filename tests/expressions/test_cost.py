"""What evaluating costs stays within the gates that docs/performance.md states."""

import pytest

from bench.expressions import EDGES, GATES, ITEMS, LARGE, measure_expressions
from redflow.expressions import EDGE_NAMES, parse_expression
from tests.expressions.tracing import slowdown


@pytest.mark.slow
def test_conditions_and_edges_cost_no_more_than_their_gates():
    found = measure_expressions(runs=5)
    assert {name for name, value in found.items() if value > GATES[name] * slowdown()} == set()


def test_what_is_measured_walks_over_the_items():
    scope = {"output": {**LARGE["output"], "items": LARGE["output"]["items"][:-1]}}
    whole = [parse_expression(text, EDGE_NAMES).evaluate(LARGE) for text in EDGES]
    assert (ITEMS, whole) == (2_000, [True, True, True, True, False, True, True, True])
    with pytest.raises(Exception, match="there is no item 1999"):
        parse_expression(EDGES[2], EDGE_NAMES).evaluate(scope)
