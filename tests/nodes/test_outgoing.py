"""The nodes that send requests, over the guarded client and a real socket on loopback."""

import json
from collections.abc import AsyncIterator

import pytest

from redflow import Engine, RetryPolicy, Workflow
from redflow.egress import Egress
from redflow.model.outcome import Retry
from tests.nodes.outgoing import Kept, Sender
from tests.nodes.providers import ANSWERS, PROVIDERS
from tests.nodes.web import Web, web

KEY = {"$secret": "key"}


@pytest.fixture
async def server() -> AsyncIterator[Web]:
    async with web() as made:
        yield made


@pytest.fixture
async def egress(server: Web) -> AsyncIterator[Egress]:
    made = Egress({"ns": [server.place]})
    yield made
    await made.aclose()


def sender(node_type: str, egress: Egress, *hosts: str) -> Sender:
    provider = Kept({"key": "k-123456"}, *(hosts or ("127.0.0.1",)))
    return Sender(node_type, egress=egress, provider=provider)


async def test_http_over_a_socket(server, egress):
    server.status, server.value = 201, {"id": 7}
    output = await sender("http", egress).run(
        {"n": 3},
        url=f"{server.url}/orders",
        query={"page": "${input.n}"},
        json={"n": "${input.n}"},
        auth={"bearer": KEY},
        idempotency_key=True,
    )
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/orders?page=3", b'{"n":3}')
    assert asked.headers["authorization"] == "Bearer k-123456"
    assert asked.headers["idempotency-key"] == "e1:n"
    assert (output["status"], output["body"]) == (201, {"id": 7})
    assert output["headers"]["content-type"] == "application/json"


async def test_a_delay_over_a_socket(server, egress):
    server.status, server.headers = 429, {"Retry-After": "12"}
    with pytest.raises(Retry, match=f"GET {server.url} answered 429") as caught:
        await sender("http", egress).run(url=server.url)
    assert caught.value.after == 12.0


async def test_a_host_from_data_stays_out_of_the_private_network(server, egress):
    failed = await sender("http", egress).run({"url": server.url}, url="${input.url}")
    assert (failed.retryable, server.asked) == (False, [])
    assert "write the host in the definition" in failed.error.message


async def test_a_host_that_is_not_allowed_is_refused_with_the_line_to_add(server):
    failed = await sender("http", Egress()).run(url=server.url)
    assert f"REDFLOW_EGRESS_ALLOW__NS={server.place}" in failed.error.message
    assert server.asked == []


async def test_a_secret_goes_to_no_other_host(server, egress):
    failed = await sender("http", egress, "example.com").run(url=server.url, auth={"bearer": KEY})
    assert (failed.retryable, server.asked) == (False, [])
    assert "k-123456" not in failed.error.message


async def test_a_webhook_over_a_socket(server, egress):
    server.status = 204
    provider = Kept({"key": "whsec_" + "A" * 44}, "127.0.0.1")
    node = Sender("notify", egress=egress, provider=provider)
    assert await node.run({"order": 7}, url=f"{server.url}/hook", secret=KEY) == {"order": 7}
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/hook", b'{"order":7}')
    assert asked.headers["webhook-signature"].startswith("v1,")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own, as it is imported
async def test_the_real_apprise_over_a_socket(server, egress):
    node = Sender("notify", egress=egress, apprise=True)
    body = {"title": "Paid", "body": "order ${input.order}"}
    await node.run({"order": 7}, url=f"json://{server.place}/hook", body=body)
    (asked,) = server.asked
    sent = json.loads(asked.body)
    assert (asked.path, sent["title"], sent["message"]) == ("/hook", "Paid", "order 7")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_each_provider_over_a_socket(provider, server, egress):
    server.value = ANSWERS[provider]('{"name": "Ada"}', "stop")
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    result = await sender("ai", egress).run(
        {"who": "Ada"},
        provider=provider,
        model="m-1",
        prompt="Who is ${input.who}?",
        api_key=KEY,
        base_url=server.url,
        schema=schema,
    )
    (asked,) = server.asked
    assert "Who is Ada?" in json.dumps(json.loads(asked.body))
    assert any("k-123456" in value for value in asked.headers.values())
    assert (result["output"], result["usage"]["input_tokens"]) == ({"name": "Ada"}, 11)


async def test_a_worker_runs_it_with_what_its_engine_has(server, egress):
    """From the definition to the stored output: a delay of the server, a key, and an echo of it."""
    server.value = {"echo": "Bearer k-123456"}
    server.statuses = [503]
    server.headers = {"Retry-After": "0"}
    flow = (
        Workflow.builder("w")
        .add_node("call", "http", url=f"{server.url}/x", auth={"bearer": KEY}, idempotency_key=True)
        .with_retry(RetryPolicy(max_attempts=2, initial_interval=60, jitter="none"))
        .build()
    )
    own = Egress({"shop": [server.place]})
    kept = Kept({"key": "k-123456"}, "127.0.0.1")
    async with Engine.memory(namespace="shop", egress=own, secrets=[kept]) as engine:
        await engine.register_workflow(flow)
        handle = await engine.execute("w", None, id="e7")
        async with engine.worker():
            output = await handle.result(timeout=10)
    assert output["body"] == {"echo": "Bearer ***key***"}
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["e7:call"] * 2
