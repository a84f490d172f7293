"""Schedules: what is started when; workers fire them."""

from __future__ import annotations

from redflow.api.call import Answer, Call
from redflow.api.documents.executions import Started
from redflow.api.documents.triggers import Schedules, Times
from redflow.api.endpoints import Table
from redflow.api.requests import NextQuery, PutSchedule, Why
from redflow.cron.schedule import Schedule

routes = Table()

ALL = "/api/{namespace}/schedules"
ONE = ALL + "/{id}"


@routes.get(ALL, "List schedules", Schedules)
async def list_schedules(call: Call) -> Schedules:
    """By id."""
    return Schedules(await call.client.schedules.list())


@routes.get(ONE, "Show a schedule", Schedule)
async def get_schedule(call: Call) -> Schedule:
    """As it stands."""
    return await call.client.schedules.get(call.path["id"])


@routes.put(
    ONE,
    "Keep a schedule",
    Schedule,
    body=PutSchedule,
    missing="workflow or namespace",
    also=(409, 413),
)
async def put_schedule(call: Call) -> Schedule:
    """Or put it in the place of the one with this id; a pause stays."""
    put: PutSchedule = call.body
    return await call.client.schedules.put(
        call.path["id"],
        put.workflow,
        put.cron,
        put.input,
        timezone=put.timezone,
        overlap=put.overlap,
        catch_up=put.catch_up,
        jitter=put.jitter,
        labels=put.labels,
        metadata=put.metadata,
    )


@routes.delete(ONE, "Forget a schedule", status=204)
async def delete_schedule(call: Call) -> None:
    """What it has started goes on."""
    await call.client.schedules.delete(call.path["id"])


@routes.post(ONE + "/pause", "Pause a schedule", status=204, body=Why, optional=True)
async def pause_schedule(call: Call) -> None:
    """It starts nothing until it is resumed."""
    await call.client.schedules.pause(call.path["id"], call.body.reason)


@routes.post(ONE + "/resume", "Let a schedule go on", status=204, also=(409,))
async def resume_schedule(call: Call) -> None:
    """With its next tick; those meanwhile are left out."""
    await call.client.schedules.resume(call.path["id"])


@routes.post(ONE + "/run", "Start what a schedule starts", Started, status=201, also=(409,))
async def run_schedule(call: Call) -> Answer:
    """Now, beside its ticks."""
    id = await call.client.schedules.run_now(call.path["id"])
    where = f"{call.root}/api/{call.path['namespace']}/executions/{id}"
    return Answer(Started(id), headers=((b"location", where.encode()),))


@routes.get(ONE + "/next", "Tell the next ticks of a schedule", Times, query=NextQuery)
async def next_times(call: Call) -> Times:
    """In its time zone."""
    return Times(await call.client.schedules.next_times(call.path["id"], call.query.count))
