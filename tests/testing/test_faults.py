"""What goes wrong between a worker and its server, and that nobody notices."""

from datetime import timedelta

import pytest

from redflow import InvalidInput
from redflow.testing import Environment
from tests.testing.kit import functions, onboarding, trip


async def test_a_lost_reply_runs_no_step_again(env: Environment):
    stubs = [env.stub(name, returns=name) for name in ("a", "b", "c")]
    env.lose_reply(of="advance", times=4)
    run = await env.run(functions("order", "a", "b", "c"))
    assert (run.output, [stub.count for stub in stubs]) == ("c", [1, 1, 1])
    assert run.steps["c"].deliveries == 0


async def test_a_worker_that_vanishes_is_replaced_when_its_lease_is_over(env: Environment):
    charge = env.stub("charge", returns="paid")
    env.stub("ship")
    before = env.now
    await env.register(functions("order", "charge", "ship"))
    env.kill_worker(during="charge")
    run = await env.run("order")
    assert run.path == ["charge", "ship"]
    step = run.steps["charge"]
    assert (charge.count, step.attempt, step.deliveries) == (2, 1, 1)
    assert len({call.idempotency_key for call in charge.calls}) == 1
    assert timedelta(seconds=30) <= env.now - before <= timedelta(seconds=65)
    assert "step.reclaimed" in [event.type for event in run.history]


async def test_a_step_that_always_kills_its_worker_fails(env: Environment):
    charge = env.stub("charge")
    await env.register(functions("order", "charge"))
    env.kill_worker(during="charge", times=10)
    run = await env.run("order")
    run.assert_failed("charge")
    assert (run.error and run.error.reason, charge.count) == ("worker_lost", 6)


async def test_a_worker_that_vanishes_while_undoing(env: Environment):
    for name in ("hotel", "flight", "leave_flight"):
        env.stub(name)
    undo = env.stub("leave_hotel")
    env.stub("pay", raises=ValueError())
    await env.register(trip())
    env.kill_worker(during="hotel~undo")
    run = await env.run("trip")
    assert run.execution.compensation == "completed"
    assert undo.count == 2


async def test_timers_wait_for_the_next_worker(env: Environment):
    env.stub("greet")
    env.stub("remind", returns="reminded")
    await env.register(onboarding())
    env.kill_worker(during="greet")
    run = await env.start("onboarding")
    assert run.steps["greet"].status == "RUNNING"
    await env.advance(days=15)
    assert run.output == "reminded"


async def test_an_outage_is_waited_out(env: Environment):
    charge = env.stub("charge", returns="paid")
    env.outage(calls=5)
    run = await env.run(functions("order", "charge"))
    assert (run.output, charge.count) == ("paid", 1)


async def test_lost_replies_of_sweeps(env: Environment):
    for name in ("greet", "remind"):
        env.stub(name)
    env.lose_reply(of="promote_timers")
    env.lose_reply(of="list_due")
    (await env.run(onboarding())).assert_completed()


def test_an_unknown_script_is_refused():
    with pytest.raises(InvalidInput, match=r"no script 'advanse' \(did you mean 'advance'\?\)"):
        Environment().lose_reply(of="advanse")


@pytest.mark.parametrize("times", [0, "2", True])
def test_times_is_a_count(times):
    with pytest.raises(InvalidInput, match="whole number"):
        Environment().outage(times)


async def test_an_unknown_step_cannot_kill(env: Environment):
    await env.register(functions("order", "charge"))
    with pytest.raises(InvalidInput, match="did you mean 'charge'"):
        env.kill_worker(during="chrage")
