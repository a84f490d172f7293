"""Why an execution does not go on: every reason, with what to do next."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.errors import InvalidInput, NotFound
from redflow.model.execution import instant
from redflow.model.explain import Reason
from redflow.model.workflow import Workflow
from redflow.store.space import Limits
from tests.client.kit import (
    Outcome,
    Workers,
    act_by,
    awaiting,
    chain,
    failed,
    hold,
    pass_time,
    released,
    retried,
    set_clock,
    sleeping,
    wide,
)
from tests.client.test_skipping import branching
from tests.client.test_stopping import saga

NOON = 1_900_000_000_000


def codes(reasons: Sequence[Reason]) -> list[tuple[str, str | None]]:
    assert all(reason.fix for reason in reasons)
    return [(str(reason.code), reason.node) for reason in reasons]


async def only(client: AsyncClient, id: str, node: str | None = None) -> Reason:
    (reason,) = await client.explain(id, node)
    assert reason.fix
    return reason


@pytest.fixture
async def started(client: AsyncClient) -> AsyncClient:
    """A namespace in which `a` of execution `e`, before `b`, is ready."""
    await client.register_workflow(chain("order", "a", "b"), partitions=1)
    await client.execute("order", id="e")
    return client


async def test_no_worker_of_its_queue(started: AsyncClient):
    reason = await only(started, "e", "a")
    assert (str(reason.code), reason.params) == ("no_worker_for_queue", {"queue": "default"})
    assert "redflow worker start" in reason.fix
    assert reason.since


async def test_no_worker_with_its_function(started: AsyncClient, workers: Workers):
    await workers.beat("w1", functions=["other"])
    reason = await only(started, "e", "a")
    assert str(reason.code) == "no_worker_with_handler"
    assert reason.params == {
        "queue": "default", "type": "function", "function": "a", "workers": ["w1"],
    }  # fmt: skip


async def test_its_rank_when_workers_are_busy(started: AsyncClient, workers: Workers):
    await workers.beat("w1", functions=["a"])
    await started.execute_many("order", range(3), ids=["x", "y", "z"])
    assert [(await only(started, id, "a")).params["rank"] for id in "exyz"] == [1, 2, 3, 4]
    await workers.run(hold, rounds=1)
    await started.execute("order", id="last")
    reason = await only(started, "last", "a")
    assert str(reason.code) == "workers_busy"
    assert (reason.params["rank"], reason.params["workers"], reason.params["slots"]) == (1, 1, 10)


async def test_a_worker_that_lives_holds_the_lease(started: AsyncClient, workers: Workers):
    await workers.beat("w1", functions=["a"])
    await workers.run(hold)
    reason = await only(started, "e", "a")
    assert (str(reason.code), reason.params["worker"]) == ("lease_held", "w1")
    assert reason.params["expires"] > instant(NOON - 10**12)


async def test_a_worker_that_is_gone(started: AsyncClient, workers: Workers):
    await workers.run(hold)
    reasons = await started.explain("e", "a")
    assert codes(reasons)[0] == ("worker_lost", "a")
    assert reasons[0].params["worker"] == "w1"


async def test_what_waits_names_what_it_waits_for(started: AsyncClient):
    reason = await only(started, "e", "b")
    assert (str(reason.code), reason.params) == ("waiting_steps", {"nodes": ["a"]})
    assert reason.fix.endswith("redflow explain e a")


async def test_without_a_node_all_that_is_live(started: AsyncClient):
    assert codes(await started.explain("e")) == [("no_worker_for_queue", "a")]


@pytest.mark.parametrize(
    ("outcome", "code", "params"),
    [
        (
            retried("bank is closed", 5_000),
            "backoff",
            {"attempt": 2, "until": instant(NOON + 5_000), "error": "bank is closed"},
        ),
        (released(5_000), "released", {"attempt": 1, "until": instant(NOON + 5_000)}),
        (sleeping(5_000), "sleeping", {"until": instant(NOON + 5_000)}),
        (awaiting("go"), "waiting_signal", {"name": "go", "timeout": None}),
        (
            awaiting("go", 5_000),
            "waiting_signal",
            {"name": "go", "timeout": instant(NOON + 5_000)},
        ),
    ],
)
async def test_a_step_that_rests(
    client: AsyncClient, workers: Workers, outcome: Outcome, code: str, params: dict[str, Any]
):
    set_clock(client, NOON)
    await client.register_workflow(chain("order", "a"))
    await client.execute("order", id="e")
    await workers.run(act_by(a=outcome))
    reason = await only(client, "e", "a")
    assert (str(reason.code), reason.params) == (code, params)
    if code != "waiting_signal" or params["timeout"]:
        pass_time(client, 60_000)
        assert codes(await client.explain("e", "a")) == [(code, "a"), ("sweep_late", "a")]


async def test_how_to_send_the_signal(started: AsyncClient, workers: Workers):
    await workers.run(act_by(a=awaiting("go")))
    assert (await only(started, "e", "a")).fix == "send it: redflow signal send e go '{}'"


async def test_a_child(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("child"))
    await client.register_workflow(chain("order"))
    await client.execute("order", id="e")
    (claim,) = await workers.run(hold)
    await workers.start_child(claim, "child")
    reason = await only(client, "e", "a")
    assert (str(reason.code), reason.params) == (
        "waiting_child",
        {"execution": "e.a", "status": "RUNNING"},
    )
    await workers.run()
    assert codes(await client.explain("e", "a")) == [("waiting_child", "a"), ("sweep_late", "a")]


async def test_an_execution_that_has_not_begun(client: AsyncClient):
    set_clock(client, NOON)
    await client.register_workflow(chain("order", "a"))
    await client.execute("order", id="e", delay=timedelta(hours=1))
    for node in (None, "a"):
        reason = await only(client, "e", node)
        assert str(reason.code) == "scheduled"
        assert reason.params == {"until": instant(NOON + 3_600_000)}
    pass_time(client, 3_700_000)
    assert codes(await client.explain("e")) == [("scheduled", None), ("sweep_late", None)]


async def test_pauses_say_who_and_why(started: AsyncClient):
    await started.pause_execution("e", "look first")
    await started.workflows.pause("order", "bad version")
    found = await started.explain("e", "a")
    assert [(one.params["scope"], one.params["reason"]) for one in found] == [
        ("execution", "look first"),
        ("workflow", "bad version"),
    ]
    assert all("@" in one.params["by"] and one.since for one in found)
    assert found[0].fix.endswith("redflow execution resume e")
    assert found[1].fix.endswith("redflow workflow resume order")
    assert codes(await started.explain("e", "b")) == [
        ("paused", None),
        ("paused", None),
        ("waiting_steps", "b"),
    ]


async def test_pauses_of_queue_and_namespace(started: AsyncClient, workers: Workers):
    await workers.beat("w1", functions=["a"])
    await started.queues.pause("default", "bank is down")
    await started.pause_namespace("maintenance")
    found = await started.explain("e", "a")
    assert codes(found) == [("paused", "a"), ("paused", "a"), ("workers_busy", "a")]
    assert [one.params["scope"] for one in found[:2]] == ["queue", "namespace"]
    assert [one.params["reason"] for one in found[:2]] == ["bank is down", "maintenance"]


async def test_what_is_stopping_says_what_it_waits_for(started: AsyncClient, workers: Workers):
    await workers.beat("w1", functions=["a"])
    await workers.run(hold)
    await started.cancel_execution("e", "not wanted")
    first, second = await started.explain("e")
    assert (str(first.code), first.node) == ("stopping", None)
    assert first.params == {
        "phase": "cancelling", "because": "not wanted", "waits_for": ["a"],
    }  # fmt: skip
    assert first.since
    assert str(second.code) == "lease_held"
    assert codes(await started.explain("e", "b")) == [("stopping", None)]


async def test_what_is_being_undone(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga())
    await client.execute("trip", id="e")
    await workers.run(act_by(end=failed(), **{"pay~undo": None}))
    first, second, *_ = await client.explain("e")
    assert (str(first.code), first.params) == ("compensating", {"left": 1, "running": ["pay~undo"]})
    assert (str(second.code), second.node) == ("worker_lost", "pay~undo")
    assert codes(await client.explain("e", "book~undo"))[0] == ("compensating", None)


async def test_a_compensation_while_all_goes_well(client: AsyncClient):
    await client.register_workflow(saga())
    await client.execute("trip", id="e")
    reason = await only(client, "e", "book~undo")
    assert (str(reason.code), reason.params) == ("waiting_steps", {"nodes": ["book"]})


async def test_branches_that_were_not_taken(client: AsyncClient, workers: Workers):
    await client.register_workflow(branching())
    await client.execute("order", id="e")
    await client.skip_step("e", "a", label="yes")
    reason = await only(client, "e", "bad")
    assert str(reason.code) == "branch_not_taken"
    assert reason.params == {"edges": [{"node": "a", "label": "no", "on": "n"}]}


async def test_what_was_skipped_after_a_failure(client: AsyncClient, workers: Workers):
    workflow = (
        Workflow.builder("order")
        .add_node("a", "function").with_config("function", "f")
        .add_node("b", "function").with_config("function", "f")
        .add_node("mend", "function").with_config("function", "f")
        .connect("a", "b").connect_on("a", "mend", "failure")
        .build()
    )  # fmt: skip
    await client.register_workflow(workflow)
    await client.execute("order", id="e")
    await workers.run(act_by(a=failed(), mend=None))
    reason = await only(client, "e", "b")
    assert (str(reason.code), reason.params) == ("upstream_failed", {"nodes": ["a"]})
    reason = await only(client, "e", "a")
    assert (str(reason.code), reason.params) == ("ended", {"status": "FAILED"})


async def test_a_join_counts_its_edges(client: AsyncClient, workers: Workers):
    await client.register_workflow(wide("wide", 3))
    await client.execute("wide", id="e")
    await workers.run(act_by(r1=None, r2=None))
    waiting, join = await client.explain("e", "end")
    assert waiting.params == {"nodes": ["r1", "r2"]}
    assert join.params == {"settled": 1, "taken": 1, "blocked": 0, "edges": 3, "owed_by": []}


async def test_edges_that_are_owed(client: AsyncClient, workers: Workers, connector):
    limits = Limits(edge_budget=2)
    async with AsyncClient(connector, namespace=client.namespace, limits=limits) as small:
        await small.register_workflow(wide("wide", 5))
        small._rooms.orders.carry_out = _nothing  # type: ignore[assignment]
        await small.execute("wide", id="e")
    (reason, late) = await client.explain("e", "r4")
    assert (str(reason.code), str(late.code)) == ("join_not_met", "sweep_late")
    assert reason.params["settled"] == 0
    assert "sweep" in reason.fix
    assert codes(await client.explain("e"))[-1] == ("sweep_late", None)


async def _nothing(*given: Any) -> None: ...


async def test_what_has_ended(started: AsyncClient, workers: Workers):
    await workers.run()
    reason = await only(started, "e")
    assert (str(reason.code), reason.params) == ("ended", {"status": "COMPLETED"})
    reason = await only(started, "e", "a")
    assert (str(reason.code), reason.node) == ("ended", "a")
    assert reason.fix.endswith("redflow execution rerun e --from a")


async def test_what_was_skipped_by_hand(started: AsyncClient):
    await started.skip_step("e", "a")
    assert (await only(started, "e", "a")).params == {"status": "SKIPPED"}


async def test_notes_of_a_later_version_say_nothing(started: AsyncClient, driver: AsyncDriver):
    await started.pause_execution("e", "look first")
    partition = await started._namespace.partition_of("e")
    await driver.raw("HSET", partition.execution("e"), "paused", b"\xc1")
    reason = (await started.explain("e", "a"))[0]
    assert (reason.params["by"], reason.params["reason"], reason.since) == ("", "", None)


async def test_what_is_not_there(started: AsyncClient):
    with pytest.raises(NotFound, match="'nope' does not exist"):
        await started.explain("nope")
    with pytest.raises(InvalidInput, match="has no node 'z'") as caught:
        await started.explain("e", "z")
    assert caught.value.field == "node"


async def test_a_long_one_is_read_in_pages(client: AsyncClient):
    await client.register_workflow(chain("order", *(f"n{i}" for i in range(150))))
    await client.execute("order", id="e")
    assert codes(await client.explain("e")) == [("no_worker_for_queue", "n0")]
    assert (await only(client, "e", "n149")).params == {"nodes": ["n148"]}
