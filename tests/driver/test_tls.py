"""TLS 1.3 in both colours, against a server of a few lines that answers every command."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import hiredis
import pytest

from redflow.driver import RedisConnector
from redflow.errors import Misconfigured

PAIR = Path(__file__).with_name("localhost.pem")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Return the port of a server that speaks TLS and answers PONG to whatever it is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PAIR)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    handlers: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        commands = hiredis.Reader()
        while data := await reader.read(1000):
            commands.feed(data)
            while commands.gets():
                writer.write(b"+PONG\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(handler for handler in handlers if handler))


@pytest.mark.parametrize("options", [f"ssl_ca_certs={PAIR}", "ssl_cert_reqs=none"])
async def test_both_colours_speak_tls(port: int, options: str):
    connector = RedisConnector(f"rediss://127.0.0.1:{port}?{options}")
    driver, sync_driver = connector.async_driver(), connector.driver()
    for _ in range(2):
        assert await driver.raw("ECHO") == b"PONG"
        assert await asyncio.to_thread(sync_driver.raw, "ECHO") == b"PONG"
    await driver.close()
    sync_driver.close()


async def test_a_certificate_that_nobody_trusts_is_refused(port: int):
    connector = RedisConnector(f"rediss://127.0.0.1:{port}")
    driver, sync_driver = connector.async_driver(), connector.driver()
    with pytest.raises(Misconfigured, match="does not agree with the URL about TLS"):
        await driver.raw("ECHO")
    with pytest.raises(Misconfigured, match="does not agree with the URL about TLS"):
        await asyncio.to_thread(sync_driver.raw, "ECHO")
    await driver.close()
    sync_driver.close()
