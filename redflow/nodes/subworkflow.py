"""The `subworkflow` node: starts an execution of another workflow and rests until it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from redflow.errors import InvalidInput
from redflow.model.ids import check_workflow_id
from redflow.model.outcome import ErrorInfo, Failed, OutcomeReason, StartingChild
from redflow.model.status import ExecutionStatus
from redflow.nodes.base import NodeConfig, NodeType

if TYPE_CHECKING:
    from redflow.nodes.context import ChildEnd, Context


class SubworkflowNode(NodeType):
    """Runs a child execution for each attempt; the output is the child's."""

    type = "subworkflow"

    class Config(NodeConfig, frozen=True):
        """`workflow` is the id of another workflow; `version` is the latest unless given.

        `input` replaces the step's input.
        """

        workflow: str
        version: int | None = None
        input: Any = UNSET

        def __post_init__(self) -> None:
            check_workflow_id(self.workflow, field="workflow")
            if self.version is not None and self.version < 1:
                raise InvalidInput(
                    f"version {self.version} is not a whole number from 1", field="version"
                )

    def read_config(self, config: Mapping[str, Any]) -> Any:
        """The typed config; `workflowId` is another name of `workflow`."""
        known = dict(config)
        if "workflowId" in known:
            if "workflow" in known:
                raise InvalidInput(
                    "workflow and workflowId are both given",
                    field="workflowId",
                    hint="remove workflowId",
                )
            known["workflow"] = known.pop("workflowId")
        return super().read_config(known)

    async def execute(self, ctx: Context, config: Config) -> Any:
        """Start the child, then answer what it gave."""
        match ctx.resume:
            case ("child", child) if child.status == ExecutionStatus.COMPLETED:
                return child.output
            case ("child", child):
                return _failed(ctx, child)
        given = ctx.input if config.input is UNSET else config.input
        return StartingChild(config.workflow, given, config.version)


def _failed(ctx: Context, child: ChildEnd) -> Failed:
    """The child's failure is this step's and may be retried; a child that was cancelled is not."""
    if child.status == ExecutionStatus.CANCELLED:
        text = f"execution {child.id!r} was cancelled"
        info = ErrorInfo("ChildCancelled", text, OutcomeReason.CHILD_CANCELLED, ctx.attempt)
        return Failed(info, retryable=False)
    text = f"execution {child.id!r} failed without saying why"
    error = child.error or ErrorInfo("ChildFailed", text)
    info = replace(error, reason=OutcomeReason.CHILD_FAILED, attempts=ctx.attempt)
    return Failed(info)
