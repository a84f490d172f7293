# GENERATED from redflow/client/_async/workflows.py by tests/tools/unasync.py: change that file.
"""The workflows of a namespace: which version new executions run, and whether they may."""

from redflow.client._sync.door import Door
from redflow.client._sync.guard import guarded
from redflow.client._sync.pausing import Pausing
from redflow.client._sync.registry import Registry
from redflow.client.arguments import check_text, check_version
from redflow.model.execution import WorkflowInfo, WorkflowVersion
from redflow.model.ids import check_workflow_id
from redflow.model.status import WorkflowStatus

Infos = list[WorkflowInfo]


@guarded
class Workflows:
    """Shows registered workflows and changes what they start."""

    def __init__(self, registry: Registry, pausing: Pausing, door: Door) -> None:
        self._registry = registry
        self._pausing = pausing
        self._door = door

    def get(self, id: str, version: int | None = None) -> WorkflowVersion:
        """Return a version of a workflow, by default the latest; raises NotFound."""
        number = None if version is None else check_version(version)
        return self._registry.get(check_workflow_id(id, field="id"), number)

    def list(self) -> Infos:
        """Return all workflows, in the order they were first registered."""
        return self._registry.all()

    def activate(self, id: str, version: int) -> None:
        """Make a version the latest, which new executions run; raises NotFound."""
        check_workflow_id(id, field="id")
        self._registry.update(id, version=check_version(version))

    def deactivate(self, id: str) -> None:
        """Start no more executions of a workflow; those that run go on. Raises NotFound."""
        check_workflow_id(id, field="id")
        self._registry.update(id, status=WorkflowStatus.INACTIVE)

    def reactivate(self, id: str) -> None:
        """Start executions of a workflow again; raises NotFound."""
        check_workflow_id(id, field="id")
        self._registry.update(id, status=WorkflowStatus.ACTIVE)

    def pause(self, id: str, reason: str = "") -> None:
        """Pause all executions of a workflow and those to come; raises NotFound."""
        check_workflow_id(id, field="id")
        self._pausing.workflow(id, on=True, reason=check_text(reason, "reason"))

    def resume(self, id: str) -> None:
        """Let the executions of a paused workflow go on; raises NotFound."""
        self._pausing.workflow(check_workflow_id(id, field="id"), on=False)
