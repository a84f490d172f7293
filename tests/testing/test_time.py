"""The clock: it stands still, is moved by hand, and goes from timer to timer by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from redflow import InvalidInput, RetryPolicy, Workflow
from redflow.testing import Environment
from tests.testing.kit import STEADY, approval, functions, onboarding

START = datetime(2030, 1, 31, 9, tzinfo=UTC)


async def test_run_moves_the_clock_from_timer_to_timer(env: Environment):
    env.stub("greet")
    env.stub("remind")
    before = env.now
    run = await env.run(onboarding())
    run.assert_completed()
    assert env.now - before == timedelta(days=14)


async def test_start_does_not(env: Environment):
    env.stub("greet")
    remind = env.stub("remind")
    before = env.now
    run = await env.start(onboarding())
    assert (run.path, run.steps["rest"].status) == (["greet"], "WAITING")
    await env.advance(days=13, hours=23)
    assert remind.count == 0
    await env.advance(hours=1)
    assert run.path == ["greet", "rest", "remind"]
    assert env.now == before + timedelta(days=14)


async def test_what_is_due_on_the_way_is_done_when_it_is_due(env: Environment):
    seen = []
    env.stub("remind", side_effect=lambda value: seen.append(env.now))
    env.stub("greet")
    before = env.now
    await env.start(onboarding())
    await env.start(onboarding(), delay="1d")
    await env.advance(timedelta(days=30))
    assert [when - before for when in seen] == [timedelta(days=14), timedelta(days=15)]
    assert env.now - before == timedelta(days=30)


async def test_retries_rest_on_the_clock(env: Environment):
    env.stub("charge", raises=[TimeoutError(), ValueError("no"), TimeoutError], returns="paid")
    before = env.now
    run = await env.run(functions("order", "charge", retry=STEADY))
    assert (run.output, run.steps["charge"].attempt) == ("paid", 4)
    assert env.now - before == timedelta(seconds=10 + 20 + 40)
    assert [event.type for event in run.history.of("charge")] == [
        "step.retrying",
        "step.retrying",
        "step.retrying",
        "step.completed",
    ]


async def test_jitter_is_the_same_in_every_run():
    jittered = RetryPolicy(max_attempts=5, initial_interval=60)

    async def times(seed: int) -> list[datetime]:
        async with Environment(start=START, seed=seed) as env:
            env.stub("charge", raises=[ValueError()] * 4)
            run = await env.run(functions("order", "charge", retry=jittered))
            return [event.at for event in run.history]

    assert await times(1) == await times(1) != await times(2)


async def test_times_of_events_and_steps_are_the_clocks():
    async with Environment(start=START) as env:
        env.stub("greet")
        env.stub("remind")
        run = await env.run(onboarding())
        remind = run.steps["remind"]
        assert env.now == START + timedelta(days=14) == remind.finished_at == remind.started_at
        assert run.history[0].at == START == run.steps["greet"].ready_at
        assert run.execution.finished_at == env.now


async def test_a_wait_until_a_time():
    async with Environment(start=START) as env:
        flow = Workflow.builder("w").add_node("rest", "wait", until="2030-12-24T18:00:00Z").build()
        await env.run(flow)
        assert env.now == datetime(2030, 12, 24, 18, tzinfo=UTC)


async def test_a_step_that_hangs_times_out_on_the_clock(env: Environment):
    stub = env.stub("charge", hangs=1, returns="paid")
    before = env.now
    run = await env.run(functions("order", "charge", retry=STEADY, timeout="5m"))
    assert (run.output, stub.count) == ("paid", 2)
    assert env.now - before == timedelta(minutes=5, seconds=10)


async def test_a_step_that_hangs_hears_of_a_cancel(env: Environment):
    env.stub("charge", hangs=1)
    run = await env.start(functions("order", "charge"))
    assert run.steps["charge"].status == "RUNNING"
    await run.cancel()
    run.assert_cancelled()


async def test_a_signal_that_does_not_come_times_out(env: Environment):
    env.stub("publish")
    before = env.now
    run = await env.run(approval(timeout="3d"))
    run.assert_failed("approve")
    assert env.now - before == timedelta(days=3)


async def test_time_does_not_go_back(env: Environment):
    with pytest.raises(InvalidInput, match="time does not go back"):
        await env.advance(days=-1)


def test_a_start_has_a_zone():
    with pytest.raises(InvalidInput, match="no time zone"):
        Environment(start=datetime(2030, 1, 1))
