"""Plans are kept up to a number of steps, the ones used last."""

from redflow.client.plan_cache import PlanCache
from redflow.model.compiling import compile_plan
from redflow.model.plan import Plan
from tests.client.kit import chain


def plan_of(name: str, steps: int) -> Plan:
    return compile_plan(chain(name, *(f"n{number}" for number in range(steps))), 1)


def test_the_plan_used_longest_ago_goes_first():
    a, b, c = (plan_of(name, 4) for name in "abc")
    cache = PlanCache(most_steps=10)
    cache.put(a)
    cache.put(b)
    cache.put(a)
    assert cache.get(a.hash) is a
    cache.put(c)
    assert (cache.get(a.hash), cache.get(b.hash), cache.get(c.hash)) == (a, None, c)


def test_a_plan_over_the_limit_is_kept_alone():
    big, small = plan_of("big", 30), plan_of("small", 1)
    cache = PlanCache(most_steps=10)
    cache.put(small)
    cache.put(big)
    assert (cache.get(big.hash), cache.get(small.hash)) == (big, None)
