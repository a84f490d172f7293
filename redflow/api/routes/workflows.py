"""Workflows: register, check, show versions, choose what new executions run."""

from __future__ import annotations

from redflow.api.bodies import check_depth, check_type, read_body
from redflow.api.call import Answer, Call
from redflow.api.documents.workflows import (
    Definition,
    Verdict,
    VersionDocument,
    Versions,
    WorkflowDocument,
    Workflows,
    WorkflowVersionDocument,
    version_of,
    workflow_of,
)
from redflow.api.endpoints import Table
from redflow.api.problems import Fault
from redflow.api.requests import Activate, SetStatus, VersionsQuery, Why
from redflow.errors import InvalidWorkflow
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import Workflow

routes = Table()

ALL = "/api/{namespace}/workflows"
ONE = ALL + "/{id}"
MISSING = "workflow, version or namespace"


@routes.get(ALL, "List workflows", Workflows)
async def list_workflows(call: Call) -> Workflows:
    """In the order they were first registered, without their graphs."""
    return Workflows([workflow_of(one) for one in await call.client.list_workflows()])


@routes.post(
    ALL,
    "Register a workflow",
    WorkflowVersionDocument,
    status=201,
    body=Definition,
    raw=True,
    founds=True,
    also=(413, 422),
)
async def register_workflow(call: Call) -> Answer:
    """Idempotent by content: equal content answers the version that has it.

    The first workflow of a namespace creates the namespace. A problem lists all that is wrong.
    """
    workflow = await _definition(call)
    service = call.service
    version = await call.client.register_workflow(
        service.completed(workflow), check=service.problems
    )
    where = f"{call.root}/api/{call.path['namespace']}/workflows/{version.id}"
    return Answer(version_of(version), headers=((b"location", where.encode()),))


@routes.post(
    ALL + "/validate",
    "Check a definition",
    Verdict,
    body=Definition,
    raw=True,
    check=("workflow:{ns}:*", "list"),
    also=(413,),
)
async def validate_workflow(call: Call) -> Verdict:
    """Changes nothing. Every problem at once, each with a JSON pointer."""
    try:
        found = call.service.problems(call.service.completed(await _definition(call)))
    except InvalidWorkflow as error:
        found = error.problems
    return Verdict(not found, [Fault(one.pointer, one.code, one.message) for one in found])


async def _definition(call: Call) -> Workflow:
    """Read a definition: the model's own reader names every problem in it."""
    settings = call.service.settings
    data = await read_body(call.receive, call.headers, settings.body_limit)
    check_type(call.headers)
    check_depth(data, settings.depth_limit)
    return Workflow.from_json(data)


@routes.get(ONE, "Show the latest version of a workflow", WorkflowVersionDocument)
async def get_workflow(call: Call) -> WorkflowVersionDocument:
    """With its graph."""
    return version_of(await call.client.get_workflow(call.path["id"]))


@routes.get(ONE + "/versions", "List the versions of a workflow", Versions, query=VersionsQuery)
async def list_versions(call: Call) -> Versions:
    """The newest first."""
    wanted: VersionsQuery = call.query
    newest = await call.client.get_workflow(call.path["id"])
    first = min(newest.versions, int(wanted.cursor) if wanted.cursor else newest.versions)
    last = max(1, first - wanted.limit + 1)
    items = [
        VersionDocument(one.version, one.content_hash, one.version == one.latest)
        for number in range(first, last - 1, -1)
        for one in [await call.client.get_workflow(newest.id, number)]
    ]
    return Versions(items, str(last - 1) if last > 1 else None, last > 1)


@routes.get(
    ONE + "/versions/{version}",
    "Show a version of a workflow",
    WorkflowVersionDocument,
    missing=MISSING,
)
async def get_version(call: Call) -> WorkflowVersionDocument:
    """With its graph."""
    number = int(call.path["version"])
    return version_of(await call.client.get_workflow(call.path["id"], number))


@routes.post(
    ONE + "/activate",
    "Choose the version that new executions run",
    WorkflowDocument,
    body=Activate,
    missing=MISSING,
)
async def activate_version(call: Call) -> WorkflowDocument:
    """Those that run go on with theirs."""
    await call.client.workflows.activate(call.path["id"], call.body.version)
    return workflow_of(await call.client.get_workflow(call.path["id"]))


@routes.put(ONE + "/status", "Take new executions, or none", WorkflowDocument, body=SetStatus)
async def set_status(call: Call) -> WorkflowDocument:
    """INACTIVE refuses new executions from every door; those that run go on."""
    workflows, id = call.client.workflows, call.path["id"]
    on = call.body.status is WorkflowStatus.ACTIVE
    await (workflows.reactivate(id) if on else workflows.deactivate(id))
    return workflow_of(await call.client.get_workflow(id))


@routes.post(
    ONE + "/pause", "Pause all executions of a workflow", status=204, body=Why, optional=True
)
async def pause_workflow(call: Call) -> None:
    """And those to come."""
    await call.client.workflows.pause(call.path["id"], call.body.reason)


@routes.post(ONE + "/resume", "Let the executions of a workflow go on", status=204)
async def resume_workflow(call: Call) -> None:
    """What was held is ready again."""
    await call.client.workflows.resume(call.path["id"])
