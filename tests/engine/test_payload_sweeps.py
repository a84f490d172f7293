"""Payloads go when nobody has them any more, and not before: reruns share those of their tree."""

from collections.abc import Sequence
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.engine import Engine
from redflow.errors import (
    ExecutionFailed,
    NotFound,
    Unavailable,
)
from redflow.model.workflow import Workflow
from tests.engine.kit import CANARY, LARGE, chain
from tests.engine.test_encryption import QUICK
from tests.payloads.kit import Memory


async def test_payloads_go_once_their_executions_are_purged(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    async with engine.worker(**QUICK):
        done = await engine.execute("chain", LARGE)
        await done.result(timeout=10)
    waiting = await engine.execute("chain", LARGE)
    store.age(7200)
    assert await engine.payloads.sweep() == 0
    assert await engine.purge() == 1
    assert store.owners() == [waiting.id]


async def test_a_young_payload_stays_ahead_of_what_refers_to_it(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    handle = await engine.execute("chain", LARGE)
    store.data[f"{engine.namespace}/not-yet/{'a' * 32}"] = b""
    store.at[f"{engine.namespace}/not-yet/{'a' * 32}"] = next(iter(store.at.values()))
    assert await engine.payloads.sweep() == 0
    assert await engine.payloads.sweep(grace=0) == 1
    assert store.owners() == [handle.id]


async def test_a_rerun_has_its_values_after_the_first_one_is_purged(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo", "fail"))
    async with engine.worker(**QUICK):
        first = await engine.execute("chain", LARGE, id="order")
        with pytest.raises(ExecutionFailed):
            await first.result(timeout=10)
    again = await engine.rerun_execution("order", from_node="n1")
    store.age(7200)
    assert await engine.purge() == 1
    with pytest.raises(NotFound):
        await engine.get_execution("order")
    assert (await again.execution()).input == LARGE
    assert (await again.steps())[0].output == LARGE
    async with engine.worker(**QUICK):
        with pytest.raises(ExecutionFailed, match="refused"):
            await again.result(timeout=10)
    assert await engine.purge() == 1
    assert store.owners() == []


async def test_a_rerun_with_another_input_and_of_a_child(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo", "fail"))
    builder = Workflow.builder("outer").add_node("sub", "subworkflow", workflow="chain")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        outer = await engine.execute("outer", LARGE, id="order")
        with pytest.raises(ExecutionFailed):
            await outer.result(timeout=10)
        again = await engine.rerun_execution("order.sub", input={"text": CANARY * 110_000})
        kept = await engine.rerun_execution("order.sub", from_node="n1")
        for one in (again, kept):
            with pytest.raises(ExecutionFailed):
                await one.result(timeout=10)
    assert (await again.execution()).input == {"text": CANARY * 110_000}
    assert (await kept.execution()).input == LARGE
    assert "order~r1" in store.owners()


async def test_what_is_stored_of_other_namespaces_is_left_alone(engine: Engine, store: Memory):
    key = f"other/gone/{'a' * 32}"
    store.data[key], store.at[key] = b"", 0.0
    assert await engine.payloads.sweep() == 0
    assert list(store.data) == [key]


async def test_a_store_that_fails_in_a_sweep_is_named(engine: Engine, store: Memory):
    class Broken(Memory):
        def kept(self, namespace: str) -> Any:
            yield from super().kept(namespace)
            raise TimeoutError("no answer")

    async with AsyncClient(
        engine.connector, namespace=engine.namespace, payloads=Broken()
    ) as client:
        with pytest.raises(Unavailable, match="could not be listed: TimeoutError: no answer"):
            await client.payloads.sweep()


async def test_a_sweep_removes_page_by_page_what_is_too_much_to_be_held(
    engine: Engine, store: Memory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("redflow.store.payloads.PAGE", 2)
    monkeypatch.setattr("redflow.store.payloads.MOST", 3)
    calls: list[int] = []

    def delete(keys: Sequence[str]) -> None:
        calls.append(len(keys))
        Memory.delete(store, keys)

    monkeypatch.setattr(store, "delete", delete)
    for number in range(9):
        key = f"{engine.namespace}/gone-{number}/{number:032x}"
        store.data[key], store.at[key] = b"", 0.0
    assert await engine.payloads.sweep() == 9
    assert (calls, store.data) == ([4, 4, 1], {})
