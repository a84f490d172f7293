"""Event streams: from start to end, resumed, and for as long as the right to them lasts."""

import asyncio
import time

import pytest

from redflow.api.settings import ApiSettings
from redflow.auth import Principal
from redflow.client import AsyncClient
from tests.api.kit import Listening, Tokens, api_of, asking

EVENTS = "/api/shop/events"


def events_of(id: str) -> str:
    return f"/api/shop/executions/{id}/events"


def types(events):
    return [one["event"] for one in events]


async def test_an_execution_is_followed_from_its_start_to_its_end(app, client):
    await client.execute("order", id="o-1")
    async with Listening(app, events_of("o-1")) as stream:
        first = await stream.event()
        await client.cancel_execution("o-1")
        rest = await stream.until("end")

    assert stream.status == 200
    assert (first["event"], first["data"]["subject"]) == ("workflow.started", "o-1")
    assert types(rest)[-2:] == ["workflow.cancelled", "end"]
    assert rest[-1]["data"] == {"reason": "ended"}


async def test_it_goes_on_behind_the_last_event_that_was_received(app, client):
    await client.execute("order", id="o-1")
    async with Listening(app, events_of("o-1")) as stream:
        first = await stream.event()
    await client.pause_execution("o-1")

    async with Listening(app, events_of("o-1"), {"last-event-id": first["id"]}) as stream:
        second = await stream.event()

    assert types([first, second]) == ["workflow.started", "workflow.paused"]


async def test_an_ended_execution_is_told_once_more_and_then_no_more(app, client):
    await client.execute("order", id="o-1")
    await client.cancel_execution("o-1")
    async with Listening(app, events_of("o-1")) as stream:
        told = await stream.until("end")
    first, last = told[0]["id"], told[-2]["id"]

    async with Listening(app, events_of("o-1"), {"last-event-id": first}) as stream:
        again = await stream.until("end")
    async with Listening(app, events_of("o-1"), {"last-event-id": last}) as done:
        pass

    assert types(again) == types(told[1:])
    assert done.status == 204


async def test_a_namespace_is_followed_from_now_on(app, client):
    await client.execute("order", id="before")
    async with Listening(app, EVENTS) as stream:
        await client.execute("order", id="after")
        seen = await stream.event()
    await client.execute("order", id="later")
    async with Listening(app, EVENTS, {"last-event-id": seen["id"]}) as stream:
        next = await stream.event()

    assert [one["data"]["subject"] for one in (seen, next)] == ["after", "later"]


async def test_only_the_types_asked_for(app, client):
    async with Listening(app, f"{EVENTS}?type=workflow.cancelled") as stream:
        await client.execute("order", id="o-1")
        await client.cancel_execution("o-1")
        assert (await stream.event())["event"] == "workflow.cancelled"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (events_of("nothing"), {}, 404),
        ("/api/absent/events", {}, 404),
        (f"{EVENTS}?type=nothing", {}, 400),
        (EVENTS, {"last-event-id": "nonsense"}, 400),
    ],
)
async def test_what_cannot_be_followed_is_a_problem(app, path, headers, status):
    async with asking(app) as http:
        answer = await http.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )


async def test_a_silent_stream_says_that_it_lives(client):
    app = api_of(client, settings=ApiSettings(keep_alive=0.01))
    async with Listening(app, EVENTS) as stream:
        await stream.chunk()  # how soon to come again
        assert (await stream.chunk()).startswith(b": alive\nid: ")


async def test_many_clients_share_one_reader(client: AsyncClient, app, monkeypatch):
    reads = 0
    driver = client._namespace.driver
    read = driver.read_streams

    async def counted(*args, **options):
        nonlocal reads
        reads += 1
        return await read(*args, **options)

    monkeypatch.setattr(driver, "read_streams", counted)
    streams = [Listening(app, EVENTS) for _ in range(100)]
    for one in streams:
        await one.__aenter__()
    await client.execute("order", id="o-1")
    seen = await asyncio.gather(*(one.event() for one in streams))
    open_now = app.service.metrics.sse_clients.labels().value
    for one in streams:
        await one.__aexit__()

    assert {one["data"]["subject"] for one in seen} == {"o-1"}
    assert reads < 10
    assert (open_now, app.service.metrics.sse_clients.labels().value) == (100, 0)


async def test_one_too_many_is_refused(client):
    app = api_of(client, settings=ApiSettings(streams=1))
    async with Listening(app, EVENTS), asking(app) as http:
        answer = await http.get(EVENTS)
    assert (answer.status_code, answer.json()["code"]) == (503, "TooManyStreams")


async def test_who_takes_nothing_is_dropped(client):
    app = api_of(client, settings=ApiSettings(patience=0.05))
    stream = Listening(app, EVENTS)
    await stream.__aenter__()
    await stream.chunk()
    stream.taking.clear()
    await client.execute("order", id="o-1")

    await asyncio.wait_for(stream.task, 5)

    assert app.service.metrics.sse_ended.labels("slow").value == 1


async def test_streams_end_when_the_app_drains(app):
    async with Listening(app, EVENTS) as stream:
        app.drain()
        assert (await stream.event())["data"] == {"reason": "closing"}


# Rights


def viewer(**claims):
    return Principal("v", namespaces=("shop",), roles=("viewer",), method="test", claims=claims)


BEARER = {"authorization": "Bearer token"}


async def test_a_stream_ends_when_its_token_does(client):
    tokens = Tokens({"token": viewer(expires=time.time() + 0.2)})
    app = api_of(client, authenticators=[tokens])
    async with Listening(app, EVENTS, BEARER) as stream:
        assert (await stream.event())["data"] == {"reason": "expired"}


async def test_a_stream_ends_soon_after_its_key_is_revoked(client):
    tokens = Tokens({"token": viewer()})
    app = api_of(client, authenticators=[tokens], settings=ApiSettings(recheck=0.02))
    async with Listening(app, EVENTS, BEARER) as stream:
        tokens.known.clear()
        assert (await stream.event())["data"] == {"reason": "unauthenticated"}


async def test_a_stream_ends_when_a_right_is_taken_away(client):
    tokens = Tokens({"token": viewer()})
    app = api_of(client, authenticators=[tokens], settings=ApiSettings(recheck=0.02))
    async with Listening(app, EVENTS, BEARER) as stream:
        tokens.known["token"] = Principal("v", namespaces=("shop",), roles=())
        assert (await stream.event())["data"] == {"reason": "denied"}


@pytest.mark.parametrize("path", [EVENTS, events_of("o-1")])
async def test_a_stranger_learns_nothing(client, path):
    await client.execute("order", id="o-1")
    tokens = Tokens({"token": Principal("x", namespaces=("other",), roles=("admin",))})
    async with asking(api_of(client, authenticators=[tokens]), token="token") as http:
        foreign = await http.get(path)
        absent = await http.get(path.replace("shop", "absent"))
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.json()["detail"] == absent.json()["detail"]
