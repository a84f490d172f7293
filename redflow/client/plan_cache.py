"""Compiled plans by content hash: a plan never changes, so the newest used ones are kept."""

from collections import OrderedDict
from threading import Lock

from redflow.model.plan import Plan

MOST_STEPS = 200_000
"""Steps of all kept plans; some 2 kB each."""


class PlanCache:
    """Keeps plans up to a number of steps; the one used longest ago goes first."""

    def __init__(self, most_steps: int = MOST_STEPS) -> None:
        self._most = most_steps
        self._steps = 0
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = Lock()  # threads may share a client

    def get(self, content_hash: str) -> Plan | None:
        """Return a kept plan."""
        with self._lock:
            plan = self._plans.get(content_hash)
            if plan is not None:
                self._plans.move_to_end(content_hash)
            return plan

    def put(self, plan: Plan) -> None:
        """Keep a plan; a single one is kept whatever its size."""
        with self._lock:
            if plan.hash not in self._plans:
                self._plans[plan.hash] = plan
                self._steps += len(plan.steps)
            while self._steps > self._most and len(self._plans) > 1:
                _, oldest = self._plans.popitem(last=False)
                self._steps -= len(oldest.steps)
