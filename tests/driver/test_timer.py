"""The limit on waiting, and what a server that says nothing leads to."""

import asyncio

import pytest
from redis.exceptions import TimeoutError as NoAnswer

from redflow.driver import RedisConnector
from redflow.driver.timer import AsyncLimit, AsyncTimer, Timer
from redflow.errors import Unavailable
from tests.driver.kit import op_of


async def test_what_takes_too_long_is_ended():
    with pytest.raises(NoAnswer, match=r"no answer within 0\.01 s"):
        async with AsyncLimit(0.01):
            await asyncio.Event().wait()


async def test_what_is_in_time_and_what_fails_by_itself_is_left_alone():
    async with AsyncLimit(60):
        await asyncio.sleep(0)
    with pytest.raises(KeyError):
        async with AsyncLimit(60):
            raise KeyError


async def test_a_cancellation_stays_one():
    async def wait() -> None:
        async with AsyncLimit(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("greets", [True, False])
async def test_a_silent_server_is_given_up_on(monkeypatch: pytest.MonkeyPatch, greets: bool):
    monkeypatch.setattr("redflow.driver.single._async.ANSWER_SECONDS", 0.05)
    heard: list[bytes] = []
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            heard.append(data)
            if greets and b"EVALSHA" not in data:
                writer.write(b"+PONG\r\n")
        writer.close()
        await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        driver = RedisConnector(f"redis://127.0.0.1:{port}").async_driver()
        with pytest.raises(Unavailable, match=r"no answer within 0\.05 s") as caught:
            await driver.run(op_of("return 1"), deadline=None)
        assert caught.value.ambiguous is greets
        assert any(b"EVALSHA" in words for words in heard) is greets
        await driver.close()
        await over.wait()


async def test_the_real_timers_run():
    for timer in (Timer(), AsyncTimer()):
        assert timer.now() <= timer.now()
        assert 0 <= timer.random() < 1
    Timer().sleep(0)
    await AsyncTimer().sleep(0)
