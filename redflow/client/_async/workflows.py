"""The workflows of a namespace: which version new executions run, and whether they may."""

from redflow.client._async.door import AsyncDoor
from redflow.client._async.guard import guarded
from redflow.client._async.pausing import AsyncPausing
from redflow.client._async.registry import AsyncRegistry
from redflow.client.arguments import check_text, check_version
from redflow.model.execution import WorkflowInfo, WorkflowVersion
from redflow.model.ids import check_workflow_id
from redflow.model.status import WorkflowStatus

Infos = list[WorkflowInfo]


@guarded
class AsyncWorkflows:
    """Shows registered workflows and changes what they start."""

    def __init__(self, registry: AsyncRegistry, pausing: AsyncPausing, door: AsyncDoor) -> None:
        self._registry = registry
        self._pausing = pausing
        self._door = door

    async def get(self, id: str, version: int | None = None) -> WorkflowVersion:
        """Return a version of a workflow, by default the latest; raises NotFound."""
        number = None if version is None else check_version(version)
        return await self._registry.get(check_workflow_id(id, field="id"), number)

    async def list(self) -> Infos:
        """Return all workflows, in the order they were first registered."""
        return await self._registry.all()

    async def activate(self, id: str, version: int) -> None:
        """Make a version the latest, which new executions run; raises NotFound."""
        check_workflow_id(id, field="id")
        await self._registry.update(id, version=check_version(version))

    async def deactivate(self, id: str) -> None:
        """Start no more executions of a workflow; those that run go on. Raises NotFound."""
        check_workflow_id(id, field="id")
        await self._registry.update(id, status=WorkflowStatus.INACTIVE)

    async def reactivate(self, id: str) -> None:
        """Start executions of a workflow again; raises NotFound."""
        check_workflow_id(id, field="id")
        await self._registry.update(id, status=WorkflowStatus.ACTIVE)

    async def pause(self, id: str, reason: str = "") -> None:
        """Pause all executions of a workflow and those to come; raises NotFound."""
        check_workflow_id(id, field="id")
        await self._pausing.workflow(id, on=True, reason=check_text(reason, "reason"))

    async def resume(self, id: str) -> None:
        """Let the executions of a paused workflow go on; raises NotFound."""
        await self._pausing.workflow(check_workflow_id(id, field="id"), on=False)
