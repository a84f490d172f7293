"""Following events: their order, where one goes on, what was trimmed, how much is held."""

import asyncio

import pytest

from redflow.errors import InvalidInput, NotFound
from redflow.events import follow, recent
from redflow.events.feed import ENTRIES, KEPT, feed_of
from redflow.model.workflow import Workflow
from tests.client.kit import act_by, awaiting, completed, failed, retried, sleeping
from tests.events.kit import register, take, trim

CHAIN = [
    ("workflow.started", None, 1),
    ("step.started", "a", None),
    ("step.completed", "a", 2),
    ("step.started", "b", None),
    ("step.completed", "b", 3),
    ("workflow.completed", None, 4),
]


def shown(events):
    return [(event.type, event.node_id, event.sequence) for event in events]


async def all_of(client, execution, **options):
    """Everything that is told of an execution that has ended."""
    async with asyncio.timeout(10):
        return [one async for one in follow(client, execution=execution, after="oldest", **options)]


async def test_an_execution_from_its_beginning_to_its_end(client, workers):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    await client.execute("order", {}, id="e2")
    await workers.run()
    events = await all_of(client, "e1")
    assert shown(events) == CHAIN
    assert {(one.namespace, one.execution_id, one.workflow) for one in events} == {
        (client.namespace, "e1", "order")
    }
    assert [one.attempt for one in events] == [None, 1, 1, 1, 1, None]
    assert len({one.id for one in events}) == len(events)


async def test_live_events_end_with_the_execution(client, workers):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    following = follow(client, execution="e1")
    async with following:
        await workers.run()
        async with asyncio.timeout(10):
            events = [one async for one in following]
    assert shown(events) == CHAIN[1:]


async def test_an_execution_that_has_ended_has_no_news(client, workers):
    await register(client)
    await client.execute("order", {}, id="e1")
    await workers.run()
    async with asyncio.timeout(10):
        assert [one async for one in follow(client, execution="e1")] == []


async def test_a_step_that_is_tried_again_starts_twice(client, workers):
    await register(client)
    await client.execute("order", {}, id="e1")
    await workers.run(act_by(a=retried("no", 0)))
    await workers.sweep()
    await workers.run(act_by(a=failed("no")))
    told = [(one.type, one.attempt) for one in await all_of(client, "e1")]
    assert told[1:-1] == [
        ("step.started", 1),
        ("step.retrying", 1),
        ("step.started", 2),
        ("step.failed", 2),
    ]


async def test_a_step_that_waits_starts_once(client, workers):
    await client.register_workflow(Workflow.builder("order").add_node("go", "signal").build())
    await client.execute("order", {}, id="e1")
    await workers.run(act_by(go=awaiting("go")))
    await client.signal_execution("e1", "go", {})
    outcomes = iter((sleeping(0), completed()))
    await workers.run(lambda plan, claim: next(outcomes))
    told = [one.type for one in await all_of(client, "e1")]
    assert told == [
        "workflow.started",
        "step.started",
        "step.waiting_signal",
        "signal.received",
        "step.waiting",
        "step.completed",
        "workflow.completed",
    ]


async def test_types_are_chosen(client, workers):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    await workers.run()
    assert shown(await all_of(client, "e1", types="step.started")) == [CHAIN[1], CHAIN[3]]
    assert shown(await all_of(client, "e1", types=["workflow.completed"])) == CHAIN[-1:]


@pytest.mark.parametrize("at", range(1, len(CHAIN)))
async def test_one_goes_on_behind_any_event(client, workers, at):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    await workers.run()
    following = follow(client, execution="e1", after="oldest")
    events = await take(following, at)
    await following.aclose()
    for after in (following.position, events[-1].id):
        async with asyncio.timeout(10):
            rest = [one async for one in follow(client, execution="e1", after=after)]
        left = CHAIN[at:]
        again = [CHAIN[at - 1]] if CHAIN[at - 1][0] == "step.started" else []
        assert shown(rest) in (left, again + left)


async def test_all_executions_each_in_its_order(client, workers):
    await register(client, "a", "b")
    ids = [f"e{number}" for number in range(20)]
    await client.execute_many("order", [{}] * 20, ids=ids)
    await workers.run()
    following = follow(client, after="oldest")
    events = await take(following, 20 * len(CHAIN))
    await following.aclose()
    for id in ids:
        assert shown(one for one in events if one.execution_id == id) == CHAIN


async def test_all_executions_go_on_from_a_position(client, workers):
    await register(client)
    await client.execute_many("order", [{}] * 8, ids=[f"e{number}" for number in range(8)])
    first = follow(client, after="oldest", types="workflow.started")
    seen = await take(first, 3)
    await first.aclose()
    second = follow(client, after=first.position, types="workflow.started")
    seen += await take(second, 5)
    await second.aclose()
    assert sorted(one.execution_id or "" for one in seen) == [f"e{number}" for number in range(8)]


async def test_what_was_trimmed_is_told_first(client, workers, driver):
    await register(client, partitions=1)
    await client.execute("order", {}, id="e1")
    following = follow(client, execution="e1", after="oldest")
    await take(following, 1)
    await following.aclose()
    await workers.run()
    await client.execute("order", {}, id="e2")
    await client.execute("order", {}, id="e3")
    await trim(client, driver, "e1", 1)
    gap, last = await take(follow(client, execution="e3", after=following.position), 2)
    assert (gap.type, gap.execution_id, last.type) == ("events.gap", None, "workflow.started")
    assert gap.data["missed"] == gap.data["last"] - gap.data["first"] + 1 == 3
    assert gap.data["first"] == 2


async def test_a_gap_is_told_once(client, workers, driver):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    begun = follow(client, execution="e1", after="oldest")
    await take(begun, 1)
    await begun.aclose()
    await workers.run()
    await trim(client, driver, "e1", 1)
    second = follow(client, execution="e1", after=begun.position)
    (gap,) = await take(second, 1)
    await second.aclose()
    async with asyncio.timeout(10):
        rest = [one async for one in follow(client, execution="e1", after=second.position)]
    assert gap.type == "events.gap"
    assert [one.type for one in rest][-1] == "workflow.completed"
    assert "events.gap" not in [one.type for one in rest]


async def test_no_more_than_a_few_pages_are_held(client):
    await register(client, partitions=1)
    for number in range(3 * ENTRIES):
        await client.execute("order", {}, id=f"e{number}")
    following = follow(client, after="oldest", types="workflow.started")
    held = 0
    for _ in range(3 * ENTRIES):
        await take(following, 1)
        pages = feed_of(client)._pages.values()
        held = max(held, len(following._items), *(len(one) * ENTRIES for one in pages))
    await following.aclose()
    assert held <= KEPT * ENTRIES


async def test_the_read_ends_with_the_last_reader(client):
    await register(client)
    first, second = follow(client), follow(client)
    feed = feed_of(client)
    await first.open()
    await second.open()
    await first.aclose()
    assert feed._tails
    await second.aclose()
    assert not feed._tails
    assert not feed._pages


async def test_readers_share_one_blocking_read(client):
    await register(client)
    several = [follow(client) for _ in range(20)]
    for one in several:
        await one.open()
    space = await client._namespace.space()
    groups = client._namespace.driver.together(list(space.keys))
    assert len(feed_of(client)._tails) == len(groups)
    for one in several:
        await one.aclose()


async def test_a_closed_one_ends_the_iteration(client):
    await register(client)
    following = follow(client)
    await following.open()
    await following.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(following)


async def test_a_purged_execution_keeps_its_id(client, workers, driver):
    await register(client)
    await client.execute("order", {}, id="e1")
    await workers.run()
    partition = (await client._namespace.space()).keys.partition_of("e1")
    await driver.raw("DEL", partition.execution("e1"))
    events = await recent(client, 10)
    assert [(one.type, one.execution_id, one.workflow, one.node_id) for one in events] == [
        ("workflow.started", "e1", "order", None),
        ("step.started", "e1", None, None),
        ("step.completed", "e1", None, None),
        ("workflow.completed", "e1", None, None),
    ]


async def test_an_entry_that_nobody_understands_is_passed_by(client, workers, driver, caplog):
    await register(client)
    await client.execute("order", {}, id="e1")
    partition = (await client._namespace.space()).keys.partition_of("e1")
    await driver.raw("XADD", partition.permanent["events"], "*", "n", 2, "e", b"\xc1")
    await workers.run()
    assert shown(await all_of(client, "e1"))[-1][0] == "workflow.completed"
    assert "its events are skipped" in caplog.text


@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_recent_ones(client, workers, limit):
    await register(client, "a", "b")
    await client.execute("order", {}, id="e1")
    await workers.run()
    assert shown(await recent(client, limit, execution="e1")) == CHAIN[-limit:]


async def test_what_is_not_there(client):
    await register(client)
    with pytest.raises(NotFound, match="execution 'nope' does not exist"):
        await anext(follow(client, execution="nope"))
    with pytest.raises(InvalidInput, match=r"is no type of event \(did you mean step.failed\?\)"):
        follow(client, types="step.faild")
    with pytest.raises(InvalidInput, match="is no place"):
        await anext(follow(client, after="nowhere"))


async def test_an_event_of_another_partition_is_refused(client):
    await register(client)
    await client.execute("order", {}, id="e1")
    number = (await client._namespace.space()).keys.partition_of("e1").number
    with pytest.raises(InvalidInput, match="is not one of execution 'e1'"):
        await anext(follow(client, execution="e1", after=f"{number + 1}.1-0.1"))
