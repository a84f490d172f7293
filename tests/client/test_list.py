"""Listing executions: order, filters, pages and their cursors."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.model.execution import ExecutionSummary, Page
from redflow.model.plan import Plan
from redflow.model.status import ExecutionStatus
from redflow.store.steps import Claim
from tests.client.kit import Outcome, Workers, chain, completed, count_trips, failed


async def all_pages(client: AsyncClient, **asked: Any) -> list[Page[ExecutionSummary]]:
    pages = [await client.list_executions(**asked)]
    while pages[-1].more:
        pages.append(await client.list_executions(**asked, cursor=pages[-1].cursor))
    return pages


async def all_ids(client: AsyncClient, **asked: Any) -> list[str]:
    return [one.id for page in await all_pages(client, **asked) for one in page.items]


async def place(client: AsyncClient, driver: AsyncDriver, index: str, id: str, ms: int) -> None:
    """Say when an execution entered an index."""
    partition = await client._namespace.partition_of(id)
    await driver.raw("ZADD", partition.index(index), "XX", ms, id)


async def test_newest_first_over_all_partitions(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(chain())
    ids = [f"e{number:03}" for number in range(60)]
    await client.execute_many("order", range(60), ids=ids)
    random.Random(7).shuffle(ids)
    for at, id in enumerate(ids):
        await place(client, driver, "live", id, 1_700_000_000_000 + at // 3)
    expected = sorted(ids, key=lambda id: (ids.index(id) // 3, id), reverse=True)
    for limit in (1, 7, 50, 1000):
        pages = await all_pages(client, limit=limit)
        assert [one.id for page in pages for one in page.items] == expected
        assert [len(page.items) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    found = (await client.list_executions()).items
    assert found[0] == await summary_of(client, expected[0])


async def summary_of(client: AsyncClient, id: str) -> ExecutionSummary:
    whole = await client.get_execution(id)
    names = ExecutionSummary.__dataclass_fields__
    return ExecutionSummary(**{name: getattr(whole, name) for name in names})


async def test_by_status(client: AsyncClient, workers: Workers, driver: AsyncDriver):
    await client.register_workflow(chain())
    ids = ["done1", "done2", "bad", "live"]
    await client.execute_many("order", range(4), ids=ids)

    def act(plan: Plan, claim: Claim) -> Outcome | None:
        id = claim.envelope.execution
        return None if id == "live" else failed("no") if id == "bad" else completed()

    await workers.run(act)
    expected = {
        "COMPLETED": {"done1", "done2"},
        ExecutionStatus.FAILED: {"bad"},
        "RUNNING": {"live"},
        "PENDING": set(),
        "CANCELLED": set(),
        None: set(ids),
    }
    for status, wanted in expected.items():
        assert set(await all_ids(client, status=status)) == wanted
        assert set(await all_ids(client, status=status, limit=1)) == wanted
    (bad,) = (await client.list_executions(status="FAILED")).items
    assert bad.error
    assert (bad.failed_node, bad.error.message) == ("a", "no")
    assert not hasattr(bad, "output")


async def test_by_workflow_and_labels(client: AsyncClient):
    for workflow in ("one", "two"):
        await client.register_workflow(chain(workflow))
        for team in ("x", "y"):
            labels = {"team": team, "w": workflow}
            ids = [f"{workflow}-{team}-{number}" for number in range(5)]
            await client.execute_many(workflow, range(5), ids=ids, labels=labels)
    await client.execute("one", id="bare")
    found = await all_ids(client, workflow="one", labels={"team": "x"}, limit=2)
    assert set(found) == {f"one-x-{number}" for number in range(5)}
    assert len(await all_ids(client, labels={"team": "y"})) == 10
    assert len(await all_ids(client, workflow="one")) == 11
    assert await all_ids(client, workflow="one", labels={"w": "two"}) == []
    assert await all_ids(client, workflow="three") == []
    (one,) = (await client.list_executions("one", labels={"team": "x"}, limit=1)).items
    assert one.labels == {"team": "x", "w": "one"}


async def test_since(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(chain())
    ids = [f"e{number}" for number in range(10)]
    await client.execute_many("order", range(10), ids=ids)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, id in enumerate(ids):
        ms = int((start + timedelta(seconds=number)).timestamp() * 1000)
        await place(client, driver, "live", id, ms)
    for number in range(11):
        since = (start + timedelta(seconds=number)).astimezone()
        assert await all_ids(client, since=since, limit=3) == ids[number:][::-1]
    assert await all_ids(client, since=datetime(1, 1, 1, tzinfo=UTC)) == ids[::-1]
    assert await all_ids(client, since=datetime(9999, 1, 1, tzinfo=UTC)) == []


async def test_a_call_examines_so_many_and_says_that_there_is_more(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain())
    await client.register_workflow(chain("rare"))
    await client.execute("rare", id="needle")
    for _ in range(2):
        await client.execute_many("order", range(1000))
    counting = count_trips(client)
    page = await client.list_executions("rare")
    assert (page.items, page.more) == ((), True)
    assert sum(name == "read_fields" for name in counting.asked) >= 10
    assert counting.trips < 60
    found = await all_ids(client, workflow="rare")
    assert found == ["needle"]


async def test_an_empty_namespace(client: AsyncClient):
    await client.register_workflow(chain())
    page = await client.list_executions()
    assert (page.items, page.cursor, page.more) == ((), None, False)


async def test_a_full_page_with_nothing_behind_it_may_say_more(client: AsyncClient):
    await client.register_workflow(chain(), partitions=1)
    await client.execute_many("order", range(3))
    pages = await all_pages(client, limit=3)
    assert [len(page.items) for page in pages] in ([3], [3, 0])


async def test_one_that_ends_meanwhile_is_listed_once(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain(), partitions=1)
    await client.execute_many("order", range(3), ids=["a", "b", "c"])
    driver = client._namespace.driver
    run_many = driver.run_many

    async def one_by_one(ops: Any, **options: Any) -> Any:
        found = []
        for op in ops:
            found += await run_many([op], **options)
            if op.name == "list_executions":
                await workers.run()
        return found

    monkeypatch.setattr(driver, "run_many", one_by_one)
    page = await client.list_executions()
    assert sorted(one.id for one in page.items) == ["a", "b", "c"]
    assert {one.status for one in page.items} == {ExecutionStatus.COMPLETED}
    assert await all_ids(client, status="RUNNING") == []


async def test_what_is_damaged_or_gone_hides_nothing_else(
    client: AsyncClient, driver: AsyncDriver, caplog: pytest.LogCaptureFixture
):
    await client.register_workflow(chain())
    ids = ["fine", "damaged", "gone", "odd"]
    await client.execute_many("order", range(4), ids=ids, labels={"k": "v"})
    for id, change in (
        ("damaged", ("HSET", "start", "?")),
        ("gone", ("DEL",)),
        ("odd", ("HSET", "meta", b"\xc1")),
    ):
        key = (await client._namespace.partition_of(id)).execution(id)
        await driver.raw(change[0], key, *change[1:])
    for asked in ({}, {"labels": {"k": "v"}}):
        assert await all_ids(client, **asked) == ["fine"]
    assert "'damaged' is damaged" in caplog.text


async def test_a_plain_page_costs_few_round_trips(client: AsyncClient):
    await client.register_workflow(chain())
    for number in range(80):
        # Ids of our own: made ones may by chance stand in few partitions, which takes more trips.
        await client.execute("order", number, id=f"order-{number}")
    counting = count_trips(client)
    assert len((await client.list_executions()).items) == 50
    assert counting.trips <= 4
