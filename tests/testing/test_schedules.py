"""Schedules on the clock: ticks, what is missed, what overlaps, pauses, and running one now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from redflow import Conflict, InvalidInput, NotFound, Workflow
from redflow.cron.schedule import SkippedTicks
from redflow.model.operations import Pause
from redflow.testing import Environment
from tests.testing.kit import approval, functions

START = datetime(2030, 1, 31, 9, 0, 30, tzinfo=UTC)
MINUTELY = "* * * * *"


@pytest.fixture(params=["memory", pytest.param("server", marks=pytest.mark.server)])
async def env(request: pytest.FixtureRequest):
    """Return an environment whose clock begins half a minute past nine."""
    url = None if request.param == "memory" else request.getfixturevalue("server_url")
    async with Environment(url=url, start=START) as made:
        yield made


@pytest.fixture
async def report(env: Environment) -> Workflow:
    """Return a workflow that is registered; it answers its input."""
    env.stub("write", side_effect=lambda value: value)
    made = functions("report", "write")
    await env.register(made)
    return made


async def started(env: Environment, workflow: str = "report") -> list[str]:
    """Ids of the executions of a workflow, oldest first."""
    page = await env.client.list_executions(workflow=workflow, limit=200)
    return sorted(one.id for one in page.items)


def at(schedule: str, *times: datetime) -> list[str]:
    """The ids that ticks have."""
    return [f"{schedule}.{round(time.timestamp())}" for time in times]


def nine(*minutes: int) -> Sequence[datetime]:
    return [START.replace(second=0) + timedelta(minutes=minute) for minute in minutes]


async def away(env: Environment, **time: float) -> None:
    """Let time pass without a worker."""
    env._clock.move(env._clock.now + round(timedelta(**time) / timedelta(milliseconds=1)))


# --- ticks


async def test_each_tick_starts_one_execution(env: Environment, report: Workflow):
    put = await env.client.schedules.put("s", "report", MINUTELY, {"a": 1}, labels={"by": "cron"})
    assert put.next_at == nine(1)[0]
    await env.advance(minutes=3)
    assert await started(env) == at("s", *nine(1, 2, 3))
    run = await env.find(f"s.{round(nine(1)[0].timestamp())}")
    run.assert_completed()
    assert run.output == {"a": 1}
    found = await env.client.schedules.get("s")
    assert (found.last, found.next_at) == (at("s", nine(3)[0])[0], nine(4)[0])
    shown = await env.client.get_execution(run.id)
    assert (shown.labels, shown.created_at) == ({"by": "cron"}, nine(1)[0])


async def test_seconds_and_a_time_zone(env: Environment, report: Workflow):
    await env.client.schedules.put("tokyo", "report", "5 18 * * * 15", timezone="Asia/Tokyo")
    await env.advance(days=2)
    first = START.replace(minute=5, second=15)
    assert await started(env) == at("tokyo", first, first + timedelta(days=1))


async def test_jitter_comes_after_the_tick_and_changes_no_id(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", MINUTELY, jitter=20)
    await env.advance(minutes=5, seconds=20)
    assert await started(env) == at("s", *nine(1, 2, 3, 4, 5))
    page = await env.client.list_executions(workflow="report", limit=200)
    late = [one.created_at - datetime.fromtimestamp(int(one.id[2:]), UTC) for one in page.items]
    assert all(timedelta(0) <= one <= timedelta(seconds=20) for one in late)
    assert any(late)


async def test_an_hour_that_repeats_is_one_day(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", "30 2 * * *", timezone="Europe/Berlin")
    await env.advance(to_end := datetime(2030, 11, 3, tzinfo=UTC) - START)
    ids = await started(env)
    assert len(ids) == min(200, to_end.days)
    last = [datetime.fromtimestamp(int(one[2:]), UTC).isoformat()[5:16] for one in ids[-8:]]
    assert last == [
        "10-26T00:30", "10-27T00:30", "10-28T01:30", "10-29T01:30", "10-30T01:30", "10-31T01:30",
        "11-01T01:30", "11-02T01:30",
    ]  # fmt: skip


# --- missed ticks


@pytest.mark.row(49)
@pytest.mark.parametrize(("catch_up", "count"), [("skip", 0), ("last", 1), ("all", 60)])
async def test_after_an_hour_without_a_worker(
    env: Environment, report: Workflow, catch_up, count, measured
):
    await env.client.schedules.put("s", "report", MINUTELY, catch_up=catch_up)
    await away(env, minutes=60)
    await env.advance(seconds=0)
    ids = await started(env)
    measured(catch_up=catch_up, started=len(ids))
    assert ids == at("s", *nine(*range(61 - count, 61)))
    found = await env.client.schedules.get("s")
    missed = SkippedTicks("missed", nine(1)[0], nine(60 - count)[0])
    assert found.skipped == (missed if count < 60 else None)
    await env.advance(minutes=1)
    assert len(await started(env)) == count + 1


# --- overlap


@pytest.mark.parametrize(
    ("overlap", "unfinished"), [("allow", (1, 2, 3)), ("skip", (1,)), ("cancel", (3,))]
)
async def test_executions_that_take_longer_than_a_minute(env: Environment, overlap, unfinished):
    env.stub("publish")
    await env.register(approval())
    await env.client.schedules.put("s", "article", MINUTELY, overlap=overlap)
    await env.advance(minutes=3)
    page = await env.client.list_executions(workflow="article", status="RUNNING", limit=200)
    assert sorted(one.id for one in page.items) == at("s", *nine(*unfinished))


# --- pause, change, removal


async def test_a_paused_one_starts_nothing_and_goes_on_with_the_next(
    env: Environment, report: Workflow
):
    schedules = env.client.schedules
    await schedules.put("s", "report", MINUTELY, catch_up="all")
    await schedules.pause("s", "the report is wrong")
    paused = (await schedules.get("s")).paused
    assert isinstance(paused, Pause)
    assert (paused.scope, paused.name, paused.reason) == ("schedule", "s", "the report is wrong")
    await env.advance(minutes=10)
    await schedules.resume("s")
    await schedules.resume("s")
    await env.advance(minutes=1)
    assert await started(env) == at("s", *nine(11))


async def test_one_that_is_removed_starts_nothing_any_more(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", MINUTELY)
    await env.advance(minutes=1)
    await env.client.schedules.delete("s")
    await env.advance(minutes=5)
    assert await started(env) == at("s", *nine(1))
    assert await env.client.schedules.list() == []


async def test_the_same_again_changes_nothing(env: Environment, report: Workflow):
    first = await env.client.schedules.put("s", "report", MINUTELY, {"a": 1})
    await away(env, seconds=90)
    assert await env.client.schedules.put("s", "report", MINUTELY, {"a": 1}) == first
    other = await env.client.schedules.put("s", "report", MINUTELY, {"a": 2})
    assert (other.next_at, other.updated_at > first.updated_at) == (first.next_at, True)


async def test_an_inactive_workflow_skips_its_ticks(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", MINUTELY)
    await env.client.workflows.deactivate("report")
    await env.advance(minutes=2)
    assert await started(env) == []
    found = await env.client.schedules.get("s")
    assert found.skipped == SkippedTicks("inactive", nine(2)[0], nine(2)[0])


async def test_the_newest_version_is_what_runs(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", MINUTELY)
    await env.advance(minutes=1)
    env.stub("send")
    await env.register(functions("report", "write", "send"))
    await env.advance(minutes=1)
    found = [await env.client.get_execution(id) for id in await started(env)]
    assert [one.version for one in found] == [1, 2]


# --- asking


async def test_run_now_is_beside_the_ticks(env: Environment, report: Workflow):
    schedules = env.client.schedules
    await schedules.put("s", "report", MINUTELY, {"a": 1})
    await schedules.pause("s")
    id = await schedules.run_now("s")
    assert id.startswith(f"s.{round(START.timestamp())}-")
    run = await env.find(id)
    await env.settle()
    assert (run.output, await started(env)) == ({"a": 1}, [id])


async def test_next_times_are_in_its_time_zone(env: Environment, report: Workflow):
    await env.client.schedules.put("s", "report", "0 2 * * *", timezone="Europe/Berlin")
    times = await env.client.schedules.next_times("s", 2)
    assert [time.isoformat() for time in times] == [
        "2030-02-01T02:00:00+01:00",
        "2030-02-02T02:00:00+01:00",
    ]


async def test_all_are_listed_by_id(env: Environment, report: Workflow):
    for id in ("b", "a", "c"):
        await env.client.schedules.put(id, "report", MINUTELY)
    assert [one.id for one in await env.client.schedules.list()] == ["a", "b", "c"]


@pytest.mark.parametrize("ask", ["get", "delete", "pause", "resume", "run_now", "next_times"])
async def test_one_that_is_not_there(env: Environment, report: Workflow, ask):
    with pytest.raises(NotFound, match="schedule 'x' is not in namespace"):
        await getattr(env.client.schedules, ask)("x")
    with pytest.raises(InvalidInput, match="id 'a b' is not"):
        await getattr(env.client.schedules, ask)("a b")


async def test_there_has_to_be_such_a_workflow(env: Environment, report: Workflow):
    with pytest.raises(NotFound, match="'other'"):
        await env.client.schedules.put("s", "other", MINUTELY)


async def test_one_that_is_changed_all_the_time_is_not_resumed(
    env: Environment, report: Workflow, monkeypatch
):
    schedules = env.client.schedules
    await schedules.put("s", "report", MINUTELY)
    await schedules.pause("s")
    find = schedules._find

    async def older(id):
        raw, partition = await find(id)
        return raw._replace(digest="older"), partition

    monkeypatch.setattr(schedules, "_find", older)
    with pytest.raises(Conflict, match="was changed each time"):
        await schedules.resume("s")
