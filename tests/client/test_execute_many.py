"""Starting many executions: batches, order of handles, conflicts, and refusals by place."""

from collections.abc import Iterator
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.client.requests import START_BYTES, STARTS, batches, options_of, requests_of
from redflow.crypto.values import Values
from redflow.errors import Conflict, InvalidInput, PayloadTooLarge
from redflow.model.compiling import compile_plan
from redflow.store.keys import Keys
from tests.client.kit import Workers, chain, count_trips, nowhere, wide


async def test_each_input_gets_its_execution_in_order(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain(), partitions=3)
    handles = await client.execute_many(
        "order", ({"n": n} for n in range(250)), labels={"k": "v"}, metadata={"m": 1}
    )
    assert len({handle.id for handle in handles}) == 250
    for n in (0, 7, 249):
        execution = await handles[n].execution()
        assert (execution.input, execution.labels) == ({"n": n}, {"k": "v"})
        assert execution.metadata == {"m": 1}
    await workers.run()
    assert [await handle.result() for handle in handles[:5]] == ["a"] * 5


async def test_many_travel_in_one_round_trip(client: AsyncClient):
    await client.register_workflow(chain())
    counting = count_trips(client)
    await client.execute_many("order", range(1000))
    assert counting.asked == ["start_executions"]
    assert await client.execute_many("order", []) == []
    assert counting.trips == 1


async def test_repeating_with_ids_starts_only_what_is_missing(client: AsyncClient):
    await client.register_workflow(chain())
    await client.execute_many("order", [1, 2], ids=["a", "b"])
    handles = await client.execute_many("order", [1, 2, 3], ids=["a", "b", "c"])
    assert [handle.id for handle in handles] == ["a", "b", "c"]
    assert len((await client.list_executions()).items) == 3


async def test_conflicts_are_counted_and_the_others_started(client: AsyncClient):
    await client.register_workflow(chain())
    await client.execute("order", "x", id="b")
    with pytest.raises(Conflict, match=r"1 of 3 executions conflict.*'b' exists"):
        await client.execute_many("order", [1, 2, 3], ids=["a", "b", "c"])
    inputs = [(await client.get_execution(id)).input for id in "abc"]
    assert inputs == [1, "x", 3]
    kept = await client.execute_many("order", [1, 2], ids=["a", "b"], on_conflict="return")
    assert [handle.id for handle in kept] == ["a", "b"]


async def test_pinned_versions(client: AsyncClient):
    await client.register_workflow(chain("order", "a"))
    await client.register_workflow(chain("order", "b"))
    for version in (1, 2):
        (handle,) = await client.execute_many("order", [None], version=version)
        assert (await handle.execution()).version == version


def broken() -> Iterator[int]:
    yield 1
    raise RuntimeError("no more")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"inputs": None}, InvalidInput, "inputs is a NoneType, not a list"),
        ({"inputs": "abc"}, InvalidInput, "inputs is a str"),
        ({"inputs": b"abc"}, InvalidInput, "inputs is a bytes"),
        ({"inputs": {"a": 1}}, InvalidInput, "inputs is a dict"),
        ({"inputs": 5}, InvalidInput, "inputs is a int"),
        ({"inputs": [1, {"a": {2}}]}, InvalidInput, r"inputs\[1\]: value at \$\.a is a set"),
        ({"inputs": ["x" * 2_000_000]}, PayloadTooLarge, r"inputs\[0\]"),
        ({"inputs": [1], "ids": "a"}, InvalidInput, "ids is a str"),
        ({"inputs": [1], "ids": 7}, InvalidInput, "ids is a int"),
        ({"inputs": [1], "ids": ["a", "b"]}, InvalidInput, "2 ids for 1 inputs"),
        ({"inputs": [1, 2], "ids": ["a", "a b"]}, InvalidInput, r"ids\[1\] 'a b'"),
        ({"inputs": [1, 2], "ids": ["a", None]}, InvalidInput, r"ids\[1\] is a NoneType"),
        ({"inputs": [1, 2, 3], "ids": ["a", "b", "a"]}, InvalidInput, r"ids\[2\] repeats ids\[0\]"),
        ({"inputs": [], "on_conflict": "ignore"}, InvalidInput, "on_conflict 'ignore'"),
        ({"inputs": [], "version": 0}, InvalidInput, "version is not"),
        ({"inputs": [], "labels": {"a": 1}}, InvalidInput, "labels"),
        ({"inputs": broken()}, RuntimeError, "no more"),
    ],
)
async def test_what_is_refused_is_named_and_nothing_is_asked(
    namespace: str, arguments: dict[str, Any], error: type[Exception], said: str
):
    client = AsyncClient(nowhere(), namespace=namespace)
    with pytest.raises(error, match=said):
        await client.execute_many("order", **arguments)


def test_batches_are_bounded():
    plan = compile_plan(chain(), 1)
    options = options_of("order", None, "error")
    big = "x" * (START_BYTES // 3)
    inputs: list[Any] = [*range(1000), *[big] * 10]
    requests = requests_of(options, Values("ns"), inputs, ids=None, meta=b"")
    made = batches(Keys("ns", 4), plan, requests)
    assert sum(len(batch.requests) for batch in made) == len(requests)
    for batch in made:
        assert 1 <= len(batch.requests) <= STARTS
        assert sum(len(one.input) for one in batch.requests) <= START_BYTES
        assert {Keys("ns", 4).partition_of(one.id) for one in batch.requests} == {batch.partition}


def test_an_input_over_the_bytes_of_a_batch_goes_alone():
    options = options_of("order", None, "error")
    huge = "x" * (START_BYTES - 10)
    requests = requests_of(options, Values("ns"), [huge, huge, 1], ids=None, meta=b"")
    made = batches(Keys("ns", 1), compile_plan(chain(), 1), requests)
    assert [len(one.requests) for one in made] == [1, 2]


def test_workflows_of_many_roots_go_in_small_batches():
    plan = compile_plan(wide("wide", 300), 1)
    options = options_of("wide", None, "error")
    requests = requests_of(options, Values("ns"), range(10), ids=None, meta=b"")
    made = batches(Keys("ns", 1), plan, requests)
    assert [len(batch.requests) for batch in made] == [3, 3, 3, 1]
