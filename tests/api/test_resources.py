"""Workflows, queues, workers, schedules, webhooks, secrets and load over HTTP."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from redflow.client import AsyncClient
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import MemoryConnector
from redflow.nodes.registry import Registry
from redflow.secrets.values import SecretValue
from redflow.webhooks import Receiver
from tests.api.kit import ORDER, api_of, asking

SHOP = "/api/shop"
SECOND = {"id": "order", "nodes": {"a": {"type": "log", "config": {"message": "hi"}}}}


async def test_a_workflow_is_registered_once_by_its_content(http):
    first = await http.post(f"{SHOP}/workflows", json=SECOND)
    again = await http.post(f"{SHOP}/workflows", json=SECOND)

    assert (first.status_code, first.headers["location"]) == (201, f"{SHOP}/workflows/order")
    assert (first.json()["version"], again.json()["version"]) == (2, 2)
    assert first.json()["definition"]["nodes"]["a"]["type"] == "log"


async def test_the_first_workflow_makes_its_namespace(http):
    before = await http.get("/api/fresh/workflows")
    await http.post("/api/fresh/workflows", json=SECOND)
    after = await http.get("/api/fresh/workflows")
    assert (before.status_code, [one["id"] for one in after.json()["items"]]) == (404, ["order"])


async def test_every_problem_of_a_workflow_is_told(http):
    wrong = {"id": "order", "nodes": {"a": {"type": "log", "needs": ["b", "c"]}}}

    refused = await http.post(f"{SHOP}/workflows", json=wrong)
    verdict = await http.post(f"{SHOP}/workflows/validate", json=wrong)

    assert refused.status_code == 422
    assert len(refused.json()["problems"]) >= 2
    assert (verdict.status_code, verdict.json()["valid"]) == (200, False)
    assert verdict.json()["problems"] == refused.json()["problems"]


async def test_node_types_are_checked_where_they_are_known(client):
    unfit = {"id": "order", "nodes": {"a": {"type": "log", "config": {"colour": 1}}}}
    async with asking(api_of(client, registry=Registry())) as http:
        verdict = (await http.post(f"{SHOP}/workflows/validate", json=unfit)).json()
    assert verdict["problems"][0]["pointer"].startswith("/nodes/a/config")


async def test_versions_are_listed_and_chosen(http):
    await http.post(f"{SHOP}/workflows", json=SECOND)
    one = f"{SHOP}/workflows/order"

    first = (await http.get(f"{one}/versions", params={"limit": 1})).json()
    rest = (await http.get(f"{one}/versions", params={"cursor": first["cursor"]})).json()
    chosen = (await http.post(f"{one}/activate", json={"version": 1})).json()
    old = (await http.get(f"{one}/versions/1")).json()
    none = await http.get(f"{one}/versions/9")

    assert [(v["version"], v["latest"]) for v in first["items"] + rest["items"]] == [
        (2, True),
        (1, False),
    ]
    assert (chosen["latest"], old["version"], none.status_code) == (1, 1, 404)


async def test_an_inactive_workflow_starts_nothing(http):
    set_to = await http.put(f"{SHOP}/workflows/order/status", json={"status": "INACTIVE"})
    start = await http.post(f"{SHOP}/executions", json={"workflow": "order"})
    await http.put(f"{SHOP}/workflows/order/status", json={"status": "ACTIVE"})
    again = await http.post(f"{SHOP}/executions", json={"workflow": "order"})

    assert (set_to.json()["status"], start.status_code, again.status_code) == ("INACTIVE", 409, 201)


async def test_a_workflow_is_paused(http):
    assert (await http.post(f"{SHOP}/workflows/order/pause")).status_code == 204
    assert (await http.get(f"{SHOP}/workflows/order")).json()["paused"] is True
    assert (await http.post(f"{SHOP}/workflows/order/resume")).status_code == 204


async def test_a_queue_is_paused_with_a_reason(http):
    paused = await http.post(f"{SHOP}/queues/default/pause", json={"reason": "deploy"})
    (queue,) = (await http.get(f"{SHOP}/queues")).json()["items"]
    resumed = await http.post(f"{SHOP}/queues/default/resume")
    unknown = await http.post(f"{SHOP}/queues/nothing/pause")

    assert (paused.status_code, queue["paused"]["reason"]) == (204, "deploy")
    assert (resumed.status_code, unknown.status_code) == (204, 404)


async def test_there_are_no_workers_yet(http):
    assert (await http.get(f"{SHOP}/workers")).json() == {"items": []}


async def test_load_is_what_waits_what_runs_and_what_is_due(http, client):
    for _ in range(3):
        await client.execute("order")
    await client.execute("order", delay=3600)
    load = (await http.get(f"{SHOP}/autoscale", params={"concurrency": 2})).json()
    assert load == {"ready": 3, "in_flight": 0, "due_timers": 0, "desired": 2}


async def test_metrics_show_what_stands_in_the_namespace_now(http, client):
    for _ in range(3):
        await client.execute("order")
    lines = (await http.get("/metrics")).text.splitlines()
    labels = f'{{namespace="{client.namespace}",queue="default"}}'
    assert f"redflow_queue_ready{labels} 3.0" in lines
    assert f'redflow_executions_live{{namespace="{client.namespace}"}} 3.0' in lines


async def test_a_due_timer_is_work_though_nobody_fires_it(http, client):
    await client.execute("order", at=datetime.now(UTC) + timedelta(milliseconds=30))
    load = {"desired": 0}
    while not load["desired"]:
        load = (await http.get(f"{SHOP}/autoscale")).json()
    assert load == {"ready": 0, "in_flight": 0, "due_timers": 1, "desired": 1}


async def test_a_schedule_is_kept_shown_run_and_forgotten(http):
    one = f"{SHOP}/schedules/nightly"
    body = {"workflow": "order", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}

    kept = await http.put(one, json=body)
    times = (await http.get(f"{one}/next", params={"count": 3})).json()["items"]
    paused = await http.post(f"{one}/pause", json={"reason": "holiday"})
    shown = (await http.get(one)).json()
    resumed = await http.post(f"{one}/resume")
    run = await http.post(f"{one}/run")
    started = await http.get(run.headers["location"])
    gone = await http.delete(one)

    assert (kept.status_code, kept.json()["cron"], len(times)) == (200, "0 2 * * *", 3)
    assert (paused.status_code, shown["paused"]["reason"], resumed.status_code) == (
        204,
        "holiday",
        204,
    )
    assert (run.status_code, started.status_code, gone.status_code) == (201, 200, 204)
    assert (await http.get(f"{SHOP}/schedules")).json() == {"items": []}


async def test_a_bad_cron_expression_is_refused(http):
    answer = await http.put(f"{SHOP}/schedules/x", json={"workflow": "order", "cron": "no"})
    assert (answer.status_code, answer.json()["field"]) == (400, "cron")


class OneSecret:
    def get(self, namespace: str, name: str) -> SecretValue | None:
        return SecretValue("s" * 32, (), name) if name == "hook" else None


async def test_a_signed_delivery_starts_one_execution_and_others_none(client):
    app = api_of(client, receiver=lambda of: Receiver(of, secrets=[OneSecret()]))
    body = json.dumps({"ok": True}).encode()
    sign = hmac.new(b"s" * 32, body, hashlib.sha256).hexdigest()
    signed = {"x-hub-signature-256": f"sha256={sign}", "content-type": "application/json"}
    async with asking(app) as http:
        put = await http.put(
            f"{SHOP}/webhooks/gh",
            json={"workflow": "order", "scheme": "github", "secrets": ["hook"]},
        )
        where = f"/webhooks/shop/{put.json()['path']}"
        first = await http.post(where, content=body, headers=signed)
        again = await http.post(where, content=body, headers=signed)
        unsigned = await http.post(where, content=body)
        nowhere = await http.post("/webhooks/shop/order", content=body, headers=signed)
        absent = await http.post("/webhooks/absent/order", content=body, headers=signed)
        listed = (await http.get(f"{SHOP}/webhooks")).json()["items"]
        rotated = await http.post(f"{SHOP}/webhooks/gh/rotate", json={"path": True})
        gone = await http.delete(f"{SHOP}/webhooks/gh")

    assert (first.status_code, again.json()["duplicate"]) == (202, True)
    assert first.json()["execution_id"] == again.json()["execution_id"]
    refusals = [{**one.json(), "request_id": ""} for one in (unsigned, nowhere, absent)]
    assert [one.status_code for one in (unsigned, nowhere, absent)] == [401] * 3
    assert refusals[0] == refusals[1] == refusals[2]
    assert [one["secrets"] for one in listed] == [["hook"]]
    assert rotated.json()["path"] != put.json()["path"]
    assert gone.status_code == 204


@pytest.fixture
def sealed():
    return Crypto([Key.new("k1")])


async def test_without_keys_values_stay_shut(sealed, monkeypatch):
    connector = MemoryConnector()
    async with AsyncClient(connector, namespace="shop", crypto=sealed) as owner:
        await owner.register_workflow(ORDER)
        await owner.execute("order", {"card": "canary"}, id="o-1")
        await owner.put_secret("token", "canary-value", ["example.com"])
    async with AsyncClient(connector, namespace="shop") as blind, asking(api_of(blind)) as http:
        shown = await http.get(f"{SHOP}/executions/o-1")
        names = await http.get(f"{SHOP}/secrets")
        paused = await http.post(f"{SHOP}/executions/o-1/pause")

    assert shown.json()["input"] == {"$sealed": "k1"}
    assert [set(one) for one in names.json()["items"]] == [{"name", "created_at", "updated_at"}]
    assert "canary" not in shown.text + names.text
    assert paused.status_code == 204
