# GENERATED from redflow/client/_async/registry.py by tests/tools/unasync.py: change that file.
"""Registering workflows, and asking what is registered."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from redflow.client._sync.namespace import Namespace
from redflow.client._sync.plans import Plans
from redflow.client.registered import (
    Fields,
    about_of,
    info_of,
    unknown_version,
    unknown_workflow,
    version_of,
)
from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.expressions.analysis import compile_workflow, every_problem
from redflow.model.execution import WorkflowInfo, WorkflowVersion
from redflow.model.plan import Plan
from redflow.model.workflow import Workflow
from redflow.secrets.literals import keys_written_in
from redflow.store.op import Op
from redflow.store.space import Space
from redflow.store.workflows import (
    Registered,
    list_workflows,
    publish_workflow,
    put_partition,
    put_workflow,
    read_paused,
    read_version,
    read_workflow,
    update_workflow,
)

LOGGER = logging.getLogger("redflow.client")

Check = Callable[[Workflow], Sequence[Problem]]
"""Answers every problem of a workflow, those of node types and their configs included."""

LISTED = 100  # records asked for in one round trip


class Registry:
    """The workflows of one namespace."""

    def __init__(self, namespace: Namespace, plans: Plans) -> None:
        self._namespace = namespace
        self._plans = plans

    def register(
        self, workflow: Workflow, partitions: int | None, check: Check | None
    ) -> WorkflowVersion:
        """Register a workflow and bring every partition up to date.

        First the registry, then each partition; one that was missed is repaired by the next call.
        """
        if not isinstance(workflow, Workflow):
            raise InvalidInput(
                f"workflow is a {type(workflow).__name__}, not a Workflow", field="workflow"
            )
        found = (check or every_problem)(workflow)
        if found:
            raise InvalidWorkflow(found)
        for key in keys_written_in(workflow):
            LOGGER.warning("workflow %s: %s", workflow.id, key)
        about, document = about_of(workflow), workflow.to_json().encode()
        space = self._namespace.create(partitions)
        registered = self._namespace.driver.run(
            put_workflow(
                space,
                workflow.id,
                content_hash=workflow.content_hash,
                status=str(workflow.status),
                about=about,
                document=document,
                queues=sorted({node.queue for node in workflow.nodes}),
            )
        )
        plan = compile_workflow(workflow, registered.version)
        self._distribute(plan, registered, str(workflow.status))
        fields, paused = self._read(space, workflow.id)
        return version_of(workflow, fields, registered.version, paused=paused)

    def update(self, workflow: str, *, version: int = 0, status: str = "") -> None:
        """Change the latest version (0 keeps it) or the status, everywhere; raises NotFound."""
        space = self._namespace.space()
        found = self._namespace.driver.run(
            update_workflow(space, workflow, version=version, status=status)
        )
        if found is None:
            name = self._namespace.name
            known = version and "latest" in self._namespace.driver.run(
                read_workflow(space, workflow)
            )
            raise (
                unknown_version(workflow, version, name)
                if known
                else unknown_workflow(workflow, name)
            )
        registered, now = found
        plan = self._plans.of_version(workflow, registered.latest)
        self._distribute(plan, registered, now)

    def _distribute(self, plan: Plan, registered: Registered, status: str) -> None:
        """Give every partition the plan, and only then the news of it."""
        space = self._namespace.space()
        driver = self._namespace.driver
        driver.run_many([put_partition(space, one, plan.queues) for one in space.keys])
        self._plans.put(plan, space.keys)
        driver.run_many(
            [publish_workflow(space, one, plan.workflow, registered, status) for one in space.keys]
        )
        self._plans.set_latest(plan.workflow, registered.plan)

    def get(self, workflow: str, version: int | None) -> WorkflowVersion:
        """Return one version of a workflow, None for the latest; raises NotFound."""
        space = self._namespace.space()
        fields, paused = self._read(space, workflow)
        if "latest" not in fields:
            raise unknown_workflow(workflow, self._namespace.name)
        number = version or int(fields["latest"])
        found = self._namespace.driver.run(read_version(space, workflow, number))
        if found is None:
            raise unknown_version(workflow, number, self._namespace.name)
        return version_of(Workflow.from_json(found[1]), fields, number, paused=paused)

    def all(self) -> list[WorkflowInfo]:
        """Return all workflows, the one registered first before the others."""
        space = self._namespace.space()
        ids = self._namespace.driver.run(list_workflows(space))
        found: list[WorkflowInfo] = []
        for first in range(0, len(ids), LISTED):
            page = ids[first : first + LISTED]
            ops: list[Op[Any]] = [read_workflow(space, workflow) for workflow in page]
            ops += [read_paused(space, workflow) for workflow in page]
            read = self._namespace.driver.run_many(ops)
            records, pauses = read[: len(page)], read[len(page) :]
            found += [
                info_of(id, one, paused=paused)
                for id, one, paused in zip(page, records, pauses, strict=True)
                if one
            ]
        return found

    def _read(self, space: Space, workflow: str) -> tuple[Fields, bool]:
        """Read the registry's record of a workflow, and whether it is paused."""
        ops: list[Op[Any]] = [read_workflow(space, workflow), read_paused(space, workflow)]
        fields, paused = self._namespace.driver.run_many(ops)
        return fields, paused
