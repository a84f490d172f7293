"""Executions: start, list, show, stop, pause, run again, and why one does not go on."""

from __future__ import annotations

from typing import Any

import msgspec

from redflow.api.call import Answer, Call
from redflow.api.documents.executions import (
    ExecutionDocument,
    ExecutionPage,
    Reasons,
    RerunDocument,
    Started,
    Steps,
    execution_of,
    reason_of,
    step_of,
    summary_of,
)
from redflow.api.endpoints import Table
from redflow.api.requests import ExplainQuery, Failure, ListQuery, Rerun, Skip, Start, Why
from redflow.client.reruns import UNSET

routes = Table()

ALL = "/api/{namespace}/executions"
ONE = ALL + "/{id}"
ENDED = (409,)


@routes.post(
    ALL,
    "Start an execution",
    Started,
    status=201,
    body=Start,
    headers=("Idempotency-Key",),
    missing="workflow, version or namespace",
    also=(409, 413),
)
async def start_execution(call: Call) -> Answer:
    """Answers the id at once; a repeat with the same id or key answers the first one's."""
    start: Start = call.body
    handle = await call.client.execute(
        start.workflow,
        start.input,
        id=start.id,
        idempotency_key=call.headers.get("idempotency-key"),
        at=start.at,
        delay=start.delay,
        timeout=start.timeout,
        version=start.version,
        labels=start.labels,
        metadata=start.metadata,
        on_conflict=start.on_conflict,
    )
    return _started(call, handle.id)


def _started(call: Call, id: str) -> Answer:
    where = f"{call.root}/api/{call.path['namespace']}/executions/{id}"
    return Answer(Started(id), headers=((b"location", where.encode()),))


@routes.get(ALL, "List executions, newest first", ExecutionPage, query=ListQuery)
async def list_executions(call: Call) -> ExecutionPage:
    """At most 1,000 executions are examined by one call, so with filters a page may be short."""
    wanted: ListQuery = call.query
    page = await call.client.list_executions(
        wanted.workflow,
        status=wanted.status,
        labels=dict(label.split(":", 1) for label in wanted.label),
        since=wanted.since,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return ExecutionPage([summary_of(one) for one in page.items], page.cursor, page.more)


@routes.get(ONE, "Show an execution", ExecutionDocument)
async def get_execution(call: Call) -> ExecutionDocument:
    """With its input, and its output once it has COMPLETED."""
    return execution_of(await call.client.get_execution(call.path["id"]))


@routes.get(ONE + "/steps", "List the steps of an execution", Steps)
async def list_steps(call: Call) -> Steps:
    """Parents before their children."""
    steps = await call.client.get_execution_steps(call.path["id"])
    return Steps([step_of(one) for one in steps])


@routes.get(ONE + "/explain", "Say why an execution does not go on", Reasons, query=ExplainQuery)
async def explain_execution(call: Call) -> Reasons:
    """All reasons, in order; of one node when it is named."""
    reasons = await call.client.explain(call.path["id"], call.query.node)
    return Reasons([reason_of(one) for one in reasons])


@routes.post(
    ONE + "/cancel",
    "Cancel an execution",
    Started,
    status=202,
    body=Why,
    optional=True,
    also=ENDED,
)
async def cancel_execution(call: Call) -> Started:
    """What waits ends at once, what runs is told to; then it is undone."""
    await call.client.cancel_execution(call.path["id"], call.body.reason)
    return Started(call.path["id"])


@routes.post(
    ONE + "/fail", "Fail an execution from outside", Started, status=202, body=Failure, also=ENDED
)
async def fail_execution(call: Call) -> Started:
    """As if a step had failed."""
    await call.client.fail_execution(call.path["id"], call.body.message)
    return Started(call.path["id"])


@routes.post(ONE + "/pause", "Pause an execution", status=204, body=Why, optional=True, also=ENDED)
async def pause_execution(call: Call) -> None:
    """No more steps start; those that run may finish, timers go on."""
    await call.client.pause_execution(call.path["id"], call.body.reason)


@routes.post(ONE + "/resume", "Let a paused execution go on", status=204, also=ENDED)
async def resume_execution(call: Call) -> None:
    """What was held is ready again."""
    await call.client.resume_execution(call.path["id"])


@routes.post(
    ONE + "/steps/{nodeID}/skip",
    "Settle a step by hand",
    status=204,
    body=Skip,
    optional=True,
    also=ENDED,
)
async def skip_step(call: Call) -> None:
    """A step that is ready, running or waiting; the execution goes on with the output given."""
    skip: Skip = call.body
    await call.client.skip_step(call.path["id"], call.path["nodeID"], skip.output, label=skip.label)


@routes.post(
    ONE + "/rerun",
    "Run an ended execution again",
    Started,
    status=201,
    body=Rerun,
    optional=True,
    also=ENDED,
    alternative=RerunDocument,
)
async def rerun_execution(call: Call) -> Answer:
    """Completed steps are kept where they can be; with `dry_run` only the plan is answered."""
    rerun: Rerun = call.body
    given: dict[str, Any] = {
        "from_node": rerun.from_node,
        "input": UNSET if rerun.input is msgspec.UNSET else rerun.input,
        "version": rerun.version,
        "compensation": rerun.compensation,
    }
    if not rerun.dry_run:
        handle = await call.client.rerun_execution(call.path["id"], **given)
        return _started(call, handle.id)
    plan = await call.client.plan_rerun(call.path["id"], **given)
    lists = (list(plan.keep), list(plan.run), list(plan.undo))
    return Answer(RerunDocument(plan.id, plan.version, *lists), status=200)
