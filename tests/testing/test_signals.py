"""Signals: given at the start, sent to what waits, early and late."""

import pytest

from redflow import Conflict, InvalidInput
from redflow.testing import Environment
from tests.testing.kit import approval


async def test_signals_given_at_the_start_are_there_when_the_step_waits(env: Environment):
    publish = env.stub("publish")
    run = await env.run(approval(), signals={"approve": {"by": "ada"}})
    run.assert_completed()
    assert publish.calls[0].input == {"by": "ada"}


async def test_without_its_signal_a_run_stays_where_it_is(env: Environment):
    env.stub("publish")
    run = await env.run(approval())
    assert (run.status, run.steps["approve"].waiting_for) == ("RUNNING", "approve")
    assert await run.signal("approve", {"by": "ada"}, id="once") == "delivered"
    assert run.path == ["approve", "publish"]


async def test_a_signal_nobody_waits_for_is_refused(env: Environment):
    env.stub("publish")
    with pytest.raises(InvalidInput, match="aprove"):
        await env.run(approval(), signals={"aprove": 1})


async def test_a_signal_to_a_run_that_has_ended_is_a_conflict(env: Environment):
    env.stub("publish")
    run = await env.run(approval(), signals={"approve": 1})
    with pytest.raises(Conflict):
        await run.signal("approve")
