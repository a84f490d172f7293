"""Listening to channels: on fakeredis and on a real server."""

import asyncio
from contextlib import suppress

import pytest

from redflow.driver import AsyncDriver, Connector, RedisConnector
from redflow.driver.packing import pack
from redflow.driver.single import _async as module
from redflow.errors import Unavailable


class Ear:
    """Listens in a task and keeps what it hears."""

    def __init__(self, driver: AsyncDriver, *channels: str) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(
            driver.listen(channels, self.heard.put_nowait, self.ready.set)
        )

    async def next(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.heard.get()

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@pytest.mark.single("any node may be told, and counts only its own listeners")
async def test_messages_of_all_channels_are_heard_in_their_order(
    driver: AsyncDriver, namespace: str
):
    one, two = f"rf:{{{namespace}}}:one", f"rf:{{{namespace}}}:two"
    ear = Ear(driver, one, two)
    async with asyncio.timeout(5):
        await ear.ready.wait()
    for channel, text in ((one, "a"), (two, "b"), (one, "c")):
        assert await driver.raw("PUBLISH", channel, text) == 1
    assert [await ear.next() for _ in range(3)] == [b"a", b"b", b"c"]
    await ear.end()


@pytest.mark.server
async def test_who_stops_listening_is_gone(server_url: str, namespace: str):
    """Not on fakeredis, which keeps those it has told once."""
    driver = RedisConnector(server_url).async_driver()
    ear = Ear(driver, namespace)
    async with asyncio.timeout(5):
        await ear.ready.wait()
        await ear.end()
        while await driver.raw("PUBLISH", namespace, "nobody"):
            await asyncio.sleep(0.001)
    await driver.close()


@pytest.mark.single("any node may be told, and counts only its own listeners")
async def test_a_silent_server_is_asked_for_a_sign_of_life(
    connector: Connector, namespace: str, monkeypatch
):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)
    driver = connector.async_driver()
    ear = Ear(driver, namespace)
    async with asyncio.timeout(5):
        await ear.ready.wait()
        await asyncio.wait({ear.task}, timeout=0.5)
    assert not ear.task.done(), "it has answered every time"
    assert await driver.raw("PUBLISH", namespace, "still here") == 1
    assert await ear.next() == b"still here"
    await ear.end()
    await driver.close()


async def test_a_server_that_gives_no_sign_of_life_is_unavailable(
    connector: Connector, namespace: str, monkeypatch
):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.02)
    driver = connector.async_driver()
    monkeypatch.setattr(module, "pack", lambda *words: b"" if words[0] == "PING" else pack(*words))
    ear = Ear(driver, namespace)
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable, match="SUBSCRIBE"):
            await ear.task
    await driver.close()


class Heard(Exception):
    """Ends listening from inside."""


def test_the_synchronous_driver_listens_until_what_it_calls_raises(
    connector: Connector, namespace: str
):
    driver, other = connector.driver(), connector.driver()

    def hear(message: bytes) -> None:
        raise Heard(message)

    with pytest.raises(Heard, match="now"):
        driver.listen([namespace], hear, lambda: other.raw("PUBLISH", namespace, "now"))
    driver.close()
    other.close()


async def test_a_server_that_cannot_be_reached_is_unavailable():
    driver = RedisConnector("redis://127.0.0.1:1/0").async_driver()
    with pytest.raises(Unavailable):
        await driver.listen(["c"], lambda message: None, lambda: None)
    await driver.close()
