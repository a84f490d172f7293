"""The ASGI application: one route, the answers as JSON, and nothing of ours in them."""

import json

import pytest

from redflow.client import AsyncClient
from redflow.errors import Unavailable
from redflow.webhooks import Receiver, WebhookApp
from tests.webhooks.kit import SECRET, github

BODY = b'{"amount": 42}'


class Server:
    """Calls an application as a server does."""

    def __init__(self, app: WebhookApp) -> None:
        self.app = app

    async def __call__(self, path: str, body: bytes = BODY, headers=None, *, method="POST", **more):
        raw = headers if headers is not None else github(body, SECRET, 0)
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
            **more,
        }
        incoming = [
            {"type": "http.request", "body": body[:5], "more_body": True},
            {"type": "http.request", "body": body[5:]},
        ]
        return await self.run(scope, incoming)

    async def run(self, scope, incoming):
        sent = []
        messages = iter(incoming)

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        return sent


def read(sent) -> tuple[int, dict[str, str], dict]:
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert headers["content-length"] == str(len(body["body"]))
    assert headers["cache-control"] == "no-store"
    return start["status"], headers, json.loads(body["body"])


@pytest.fixture
async def path(client: AsyncClient) -> str:
    made = await client.webhooks.put("hook", workflow="order", scheme="github", secret="first")
    return f"/{client.namespace}/{made.path}"


@pytest.fixture
def server(receiver: Receiver) -> Server:
    return Server(WebhookApp(receiver))


@pytest.mark.parametrize("front", ["", "/webhooks"])
async def test_a_delivery(client: AsyncClient, server: Server, path: str, front: str):
    status, headers, body = read(await server(front + path))
    assert (status, headers["content-type"]) == (202, "application/json")
    assert body["duplicate"] is False
    assert (await client.get_execution(body["execution_id"])).workflow == "order"
    again = read(await server(front + path))[2]
    assert again == {"execution_id": body["execution_id"], "duplicate": True}


async def test_mounted_below_a_path(server: Server, path: str):
    status, _, _ = read(await server(f"/hooks{path}", root_path="/hooks"))
    assert status == 202


async def test_what_is_refused_alike_is_the_same_byte_for_byte(server: Server, path: str):
    nowhere, other = f"{path[:-1]}_", "/another-namespace/order"
    answers = [
        await server(path, headers={}),
        await server(nowhere),
        await server(other),
        await server(path, b"other", github(BODY, SECRET, 0)),
    ]
    assert [sent[0]["status"] for sent in answers] == [401] * 4
    assert all(sent == answers[0] for sent in answers)
    assert read(answers[0])[1]["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/webhooks", "/a", "/A/b", "/a/b/c", "/a/b.c", "/a/%2e", ""])
async def test_other_paths(server: Server, path: str):
    assert read(await server(path))[0] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
async def test_other_methods(server: Server, path: str, method: str):
    status, headers, _ = read(await server(path, method=method))
    assert (status, headers["allow"]) == (405, "POST")


async def test_redis_is_away(server: Server, path: str, client: AsyncClient, monkeypatch, caplog):
    async def away(*args):
        raise Unavailable("redis at 192.0.2.1 does not answer")

    monkeypatch.setattr(client.webhooks, "admit", away)
    status, _, body = read(await server(path))
    assert (status, body) == (503, {"title": "Service Unavailable", "status": 503})
    assert "192.0.2.1" in caplog.text


async def test_a_sender_that_goes_away_gets_no_answer(server: Server, client: AsyncClient):
    scope = {"type": "http", "method": "POST", "path": f"/{client.namespace}/x", "headers": []}
    incoming = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert await server.run(scope, incoming) == []


async def test_served_alone_it_starts_and_ends(server: Server):
    sent = await server.run(
        {"type": "lifespan"}, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    )
    assert [one["type"] for one in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
