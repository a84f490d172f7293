# GENERATED from redflow/client/_async/plans.py by tests/tools/unasync.py: change that file.
"""Compiled plans: as a partition holds them, or compiled again from the registry's document."""

from collections.abc import Iterable

from redflow.client._sync.namespace import Namespace
from redflow.client.plan_cache import PlanCache
from redflow.client.registered import unknown_version, unknown_workflow
from redflow.errors import NotFound
from redflow.expressions.analysis import compile_workflow
from redflow.model.plan import Plan, decode_plan
from redflow.model.plan_fields import plan_fields
from redflow.model.workflow import Workflow
from redflow.store.keys import PartitionKeys
from redflow.store.workflows import put_plan, read_plan, read_version, read_workflow


class Plans:
    """Knows plans by hash, and which one the latest and each pinned version of a workflow has."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._cache = PlanCache()
        self._latest: dict[str, str] = {}
        self._pinned: dict[tuple[str, int], str] = {}

    def to_start(self, workflow: str, version: int) -> Plan:
        """Return the plan of a version, 0 for the latest as far as known; raises NotFound."""
        known = self._pinned.get((workflow, version)) if version else self._latest.get(workflow)
        plan = None if known is None else self._cache.get(known)
        if plan is None:
            plan = self.of_version(workflow, version or self._ask_latest(workflow))
            if not version:
                self._latest[workflow] = plan.hash
        return plan

    def of_version(self, workflow: str, version: int) -> Plan:
        """Return the plan of one version; raises NotFound."""
        space = self._namespace.space()
        found = self._namespace.driver.run(read_version(space, workflow, version))
        if found is None:
            raise unknown_version(workflow, version, self._namespace.name)
        content_hash, document = found
        plan = self.find(content_hash)
        if plan is None:
            plan = compile_workflow(Workflow.from_json(document), version)
            self._cache.put(plan)
        self._pinned[workflow, version] = content_hash
        return plan

    def of_latest(self, workflow: str, content_hash: str) -> Plan:
        """Take over which plan a partition says is the latest one."""
        plan = self.get(content_hash)
        self._latest[workflow] = content_hash
        return plan

    def of_execution(self, workflow: str, version: int, content_hash: str) -> Plan:
        """Return the plan that an execution runs; raises NotFound when it is lost."""
        plan = self.find(content_hash)
        return plan or self.of_version(workflow, version)

    def get(self, content_hash: str) -> Plan:
        """Return a plan by its hash; raises NotFound."""
        plan = self.find(content_hash)
        if plan is None:
            raise NotFound(
                f"plan {content_hash!r} is stored nowhere in namespace {self._namespace.name!r}",
                hint="register its workflow again: register_workflow",
            )
        return plan

    def find(self, content_hash: str) -> Plan | None:
        """Return a plan by its hash, from the first partition that has it."""
        plan = self._cache.get(content_hash)
        if plan is not None:
            return plan
        for partition in (self._namespace.space()).keys:
            data = self._namespace.driver.run(read_plan(partition, content_hash))
            if data is not None:
                plan = decode_plan(data)
                self._cache.put(plan)
                return plan
        return None

    def put(self, plan: Plan, partitions: Iterable[PartitionKeys]) -> None:
        """Store a plan; its pages go one after another, because the last one completes it."""
        space = self._namespace.space()
        fields = plan_fields(plan)
        pages = [put_plan(space, partition, plan.hash, fields) for partition in partitions]
        for ops in zip(*pages, strict=True):
            self._namespace.driver.run_many(ops)
        self._cache.put(plan)

    def set_latest(self, workflow: str, content_hash: str) -> None:
        """Keep which plan is the latest of a workflow."""
        self._latest[workflow] = content_hash

    def forget(self, workflow: str) -> None:
        """Ask again for the latest version of a workflow, and for the namespace."""
        self._latest.pop(workflow, None)
        self._namespace.forget()

    def _ask_latest(self, workflow: str) -> int:
        space = self._namespace.space()
        found = self._namespace.driver.run(read_workflow(space, workflow))
        if "latest" not in found:
            raise unknown_workflow(workflow, self._namespace.name)
        return int(found["latest"])
