"""An outage of Redis is told within a second, and ends by itself."""

import asyncio

import pytest

from redflow.api.pulse import Pulse
from redflow.errors import Misconfigured, Unavailable
from tests.api.kit import api_of, asking


class Server:
    """Answers, refuses, or says nothing."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.silent = False
        self.asked = 0

    async def ask(self) -> None:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


@pytest.fixture
async def server():
    return Server()


@pytest.fixture
async def pulse(server):
    made = Pulse(server.ask, beat=0.01, patience=0.02)
    yield made
    await made.close()


async def forever() -> None:
    await asyncio.Event().wait()


async def one() -> int:
    return 1


async def test_work_is_done_while_redis_answers(pulse):
    assert await pulse.watched(one()) == 1


@pytest.mark.parametrize("silent", [True, False])
async def test_what_waits_is_ended_when_redis_has_gone(pulse, server, silent):
    server.silent, server.error = silent, None if silent else Unavailable("refused")
    with pytest.raises(Unavailable) as error:
        await asyncio.wait_for(pulse.watched(forever()), 2)
    assert error.value.ambiguous


async def test_what_comes_then_is_refused_at_once_until_redis_is_back(pulse, server):
    server.error = Unavailable("refused")
    with pytest.raises(Unavailable):
        await asyncio.wait_for(pulse.watched(forever()), 2)
    with pytest.raises(Unavailable) as error:
        await pulse.watched(one())
    assert not error.value.ambiguous

    server.error = None
    async with asyncio.timeout(2):
        while pulse.down:
            await asyncio.sleep(0)
    assert await pulse.watched(one()) == 1


async def test_a_refusal_is_a_sign_of_life(pulse, server):
    server.error = Misconfigured("NOPERM")
    waiting = asyncio.create_task(pulse.watched(forever()))
    async with asyncio.timeout(2):
        while server.asked < 3:
            await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_a_time_out_of_the_work_itself_is_its_own(pulse):
    async def late() -> None:
        raise TimeoutError("not ended in time")

    with pytest.raises(TimeoutError, match="not ended in time"):
        await pulse.watched(late())


async def test_it_is_told_as_a_problem(client, monkeypatch):
    app = api_of(client)
    app.service.pulse._beat = 0.01

    async def gone() -> None:
        raise Unavailable("refused")

    monkeypatch.setattr(app.service.pulse, "_ask", gone)
    monkeypatch.setattr(type(client), "list_executions", lambda *_, **__: forever())
    async with asking(app) as http:
        began = asyncio.get_running_loop().time()
        answer = await http.get("/api/shop/executions")
        took = asyncio.get_running_loop().time() - began
        live = await http.get("/livez")
        ready = await http.get("/readyz")
    await app.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "Unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert took < 1
    assert (live.status_code, ready.status_code) == (200, 200)
