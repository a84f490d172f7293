"""Tasks that start executions at once share calls, and each gets its own answer."""

import asyncio
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.errors import OutOfMemory, Unavailable
from tests.client.kit import chain, count_trips, refusing

# Over fakeredis no call waits, so that tasks follow each other.
suspending = pytest.mark.parametrize(
    "connector", [pytest.param("server", marks=pytest.mark.server)], indirect=True
)


@suspending
async def test_tasks_that_start_at_once_share_calls(client: AsyncClient):
    await client.register_workflow(chain(), partitions=2)
    counting = count_trips(client)
    calls = [client.execute("order", number, id=f"e{number}") for number in range(50)]
    handles = await asyncio.gather(*calls)
    assert [handle.id for handle in handles] == [f"e{number}" for number in range(50)]
    assert counting.asked == ["start_executions"] * 2
    inputs = [(await client.get_execution(f"e{number}")).input for number in range(50)]
    assert inputs == list(range(50))


async def outcomes(*calls: Any) -> list[Any]:
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_a_conflict_is_that_of_its_own_task(client: AsyncClient):
    await client.register_workflow(chain())
    await client.execute("order", "first", id="mine")
    found = await outcomes(
        client.execute("order", 0),
        client.execute("order", "first", id="mine"),
        client.execute("order", "other", id="mine"),
        client.execute("order", "twice", id="new"),
        client.execute("order", "twice", id="new"),
        client.execute("order", 1, id="fine"),
        client.execute("nope", 1),
        client.execute("order", 1, version=7),
    )
    kinds = [type(one).__name__ for one in found]
    assert kinds == [
        "AsyncHandle", "AsyncHandle", "Conflict", "AsyncHandle", "AsyncHandle", "AsyncHandle",
        "NotFound", "NotFound",
    ]  # fmt: skip


@suspending
async def test_a_task_that_gives_up_takes_none_along(client: AsyncClient):
    await client.register_workflow(chain())
    tasks = [asyncio.create_task(client.execute("order", n, id=f"e{n}")) for n in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[3].cancel()
    found = await outcomes(*tasks)
    assert [isinstance(one, asyncio.CancelledError) for one in found] == [
        True, False, False, True, False, False,
    ]  # fmt: skip
    for number in (1, 2, 4, 5):
        assert (await client.get_execution(f"e{number}")).input == number
    await client.execute("order")


async def test_an_unanswered_start_names_the_id(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain())
    driver = client._namespace.driver
    for ambiguous, said in ((True, "repeat with the same id"), (False, "was not started")):
        error = Unavailable("no answer", ambiguous=ambiguous)
        fail = refusing(error, lambda op: True)
        monkeypatch.setattr(driver, "run_many", fail(driver.run_many))
        with pytest.raises(Unavailable, match=f"'mine': no answer.*{said}") as caught:
            await client.execute("order", id="mine")
        assert caught.value.ambiguous is ambiguous
        with pytest.raises(Unavailable, match="'a' and 2 more: no answer"):
            await client.execute_many("order", [1, 2, 3], ids=["a", "b", "c"])
        found = await outcomes(*(client.execute("order", id=f"t{n}") for n in range(3)))
        assert [f"'t{n}'" in str(one) for n, one in enumerate(found)] == [True] * 3


async def test_other_errors_of_redis_come_as_they_are(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain())
    driver = client._namespace.driver
    only = lambda op: "rf:" in op.keys[0] and any("/e2" in str(w) for w in op.args)  # noqa: E731
    fail = refusing(OutOfMemory("full"), only)
    monkeypatch.setattr(driver, "run_many", fail(driver.run_many))
    calls = (client.execute("order", f"/e{n}", id=f"e{n}") for n in range(4))
    found = await outcomes(*calls)
    assert [type(one).__name__ for one in found] == [
        "AsyncHandle", "AsyncHandle", "OutOfMemory", "AsyncHandle",
    ]  # fmt: skip


@suspending
async def test_nobody_waits_for_a_slow_call(client: AsyncClient, monkeypatch: pytest.MonkeyPatch):
    await client.register_workflow(chain())
    driver = client._namespace.driver
    run_many, release = driver.run_many, asyncio.Event()
    calls = 0

    async def slow(ops: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await release.wait()
        return await run_many(ops, **options)

    monkeypatch.setattr(driver, "run_many", slow)
    first = asyncio.create_task(client.execute("order"))
    others = [asyncio.create_task(client.execute("order")) for _ in range(5)]
    await asyncio.gather(*others)
    assert (calls, first.done()) == (2, False)
    release.set()
    await first
    await client.execute("order")
    assert client._rooms.single._lines == {}
