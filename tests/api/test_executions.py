"""Executions over HTTP: the seed's routes exactly, and those around them."""

import pytest

from redflow.model.status import ExecutionStatus

ALL = "/api/shop/executions"


async def started(http, **body):
    answer = await http.post(ALL, json={"workflow": "order", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_a_start_answers_the_id_and_where_it_is(http):
    answer = await http.post(ALL, json={"workflow": "order", "input": {"amount": 42}, "id": "o-1"})

    assert (answer.status_code, answer.json()) == (201, {"id": "o-1"})
    assert answer.headers["location"] == "/api/shop/executions/o-1"


async def test_an_execution_shows_its_input_and_how_it_stands(http):
    id = await started(http, input={"amount": 42}, labels={"tier": "gold"})

    shown = (await http.get(f"{ALL}/{id}")).json()

    assert shown["input"] == {"amount": 42}
    assert shown["status"] == "RUNNING"
    assert shown["labels"] == {"tier": "gold"}
    assert shown["output"] is None


async def test_one_idempotency_key_starts_one_execution(http):
    body, key = {"workflow": "order", "input": 1}, {"idempotency-key": "key 7"}

    ids = {(await http.post(ALL, json=body, headers=key)).json()["id"] for _ in range(5)}

    assert len(ids) == 1
    assert len((await http.get(ALL)).json()["items"]) == 1


async def test_another_input_with_the_same_key_is_a_conflict(http):
    key = {"idempotency-key": "key 8"}
    await http.post(ALL, json={"workflow": "order", "input": 1}, headers=key)

    answer = await http.post(ALL, json={"workflow": "order", "input": 2}, headers=key)

    assert (answer.status_code, answer.json()["code"]) == (409, "Conflict")


async def test_id_and_key_together_are_refused(http):
    answer = await http.post(
        ALL, json={"workflow": "order", "id": "a"}, headers={"idempotency-key": "b"}
    )
    assert (answer.status_code, answer.json()["field"]) == (400, "idempotency_key")


async def test_lists_page_by_cursor(http):
    ids = {await started(http, id=f"o-{number}") for number in range(5)}

    first = (await http.get(ALL, params={"limit": 3})).json()
    second = (await http.get(ALL, params={"limit": 3, "cursor": first["cursor"]})).json()

    assert (len(first["items"]), first["more"]) == (3, True)
    assert {one["id"] for one in first["items"] + second["items"]} == ids


async def test_lists_go_by_label_status_and_workflow(http):
    await started(http, id="a", labels={"tier": "gold"})
    await started(http, id="b", labels={"tier": "iron"})

    found = await http.get(
        ALL, params={"label": "tier:gold", "status": "RUNNING", "workflow": "order"}
    )

    assert [one["id"] for one in found.json()["items"]] == ["a"]


async def test_steps_are_listed_with_parents_first(http):
    id = await started(http)
    steps = (await http.get(f"{ALL}/{id}/steps")).json()["items"]
    assert [(one["node_id"], one["status"]) for one in steps] == [
        ("reserve", "PENDING"),
        ("approve", "PENDING"),
    ]


async def test_it_says_why_nothing_happens(http):
    id = await started(http)
    reasons = (await http.get(f"{ALL}/{id}/explain")).json()["items"]
    assert [one["code"] for one in reasons] == ["no_worker_for_queue"]


async def test_cancel_is_the_seeds_route_and_needs_no_body(http, client):
    id = await started(http)

    answer = await http.post(f"{ALL}/{id}/cancel")

    assert (answer.status_code, answer.json()) == (202, {"id": id})
    assert await client.handle(id).status() is ExecutionStatus.CANCELLED


async def test_what_has_ended_cannot_be_cancelled(http):
    id = await started(http)
    await http.post(f"{ALL}/{id}/cancel")
    answer = await http.post(f"{ALL}/{id}/cancel", json={"reason": "again"})
    assert answer.status_code == 409


async def test_the_body_of_a_signal_is_its_data(http):
    id = await started(http)
    where, key = f"{ALL}/{id}/signal/approve", {"idempotency-key": "s1"}

    first = await http.post(where, json={"ok": True}, headers=key)
    again = await http.post(where, json={"ok": True}, headers=key)

    assert (first.json(), again.json()) == ({"delivery": "buffered"}, {"delivery": "duplicate"})


async def test_a_signal_needs_no_data(http):
    id = await started(http)
    assert (await http.post(f"{ALL}/{id}/signal/approve")).status_code == 200


async def test_pause_and_resume(http):
    id = await started(http)

    paused = await http.post(f"{ALL}/{id}/pause", json={"reason": "look"})
    phase = (await http.get(f"{ALL}/{id}")).json()["phase"]
    resumed = await http.post(f"{ALL}/{id}/resume")

    assert (paused.status_code, paused.content, phase) == (204, b"", "paused")
    assert resumed.status_code == 204
    assert (await http.get(f"{ALL}/{id}")).json()["phase"] == "running"


async def test_a_step_is_settled_by_hand(http):
    id = await started(http)
    done = await http.post(f"{ALL}/{id}/steps/reserve/skip", json={"output": {"held": 1}})
    step = (await http.get(f"{ALL}/{id}/steps")).json()["items"][0]
    assert (done.status_code, step["status"], step["reason"]) == (204, "SKIPPED", "operator")


async def test_a_failed_execution_is_run_again(http):
    id = await started(http)
    failed = await http.post(f"{ALL}/{id}/fail", json={"message": "no stock"})

    plan = await http.post(f"{ALL}/{id}/rerun", json={"dry_run": True})
    rerun = await http.post(f"{ALL}/{id}/rerun")

    assert failed.status_code == 202
    assert (plan.status_code, plan.json()["run"]) == (200, ["reserve", "approve"])
    assert (rerun.status_code, rerun.json()["id"]) == (201, f"{id}~r1")
    assert (await http.get(rerun.headers["location"])).json()["origin"] == id


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"workflow": "order", "colour": 1}, "$"),
        ({}, "$"),
        ({"workflow": "or der"}, "workflow"),
        ({"workflow": "order", "version": 0}, "version"),
        ({"workflow": "order", "at": "2030-01-01T00:00:00"}, "at"),
        ({"workflow": "order", "labels": {"a": 1}}, "labels[...]"),
    ],
)
async def test_what_is_wrong_is_named(http, body, field):
    answer = await http.post(ALL, json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
