"""Certificates are checked by the name of the URL, though an address is dialled."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from redflow.egress import EgressFailed
from tests.egress.kit import Dials, StubServer, request

PAIR = Path(__file__).parents[1] / "driver" / "localhost.pem"


@pytest.fixture
async def tls_server() -> AsyncIterator[StubServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PAIR)
    made = StubServer()
    await made.start(context)
    yield made
    await made.stop()


async def test_a_trusted_certificate_of_the_name(
    egress_of, tls_server: StubServer, monkeypatch: pytest.MonkeyPatch
):
    """SSL_CERT_FILE is where the system's authorities are read from."""
    monkeypatch.setenv("SSL_CERT_FILE", str(PAIR))
    dials = Dials(tls_server.port)
    egress = egress_of(connect=dials, allow={"default": ["localhost"]})
    reply = await egress.send(request("https://localhost/"))
    assert (reply.status, dials.made) == (200, [("127.0.0.1", 443)])
    assert tls_server.received[0].headers["host"] == "localhost"


@pytest.mark.parametrize(
    ("trusted", "url", "text"),
    [
        (False, "https://localhost/", "self-signed certificate"),
        (True, "https://api.example.com/", "Hostname mismatch"),
    ],
)
async def test_another_certificate_is_refused_for_good(
    egress_of, tls_server: StubServer, monkeypatch, trusted: bool, url: str, text: str
):
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(PAIR))
    egress = egress_of(connect=Dials(tls_server.port), allow={"default": ["localhost"]})
    with pytest.raises(EgressFailed, match=text) as caught:
        await egress.send(request(url))
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
    assert tls_server.received == []


async def test_a_server_that_speaks_no_tls(egress_of):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as plain:
        dials = Dials(plain.sockets[0].getsockname()[1])
        with pytest.raises(EgressFailed, match=r"no TLS with api\.example\.com: ") as caught:
            await egress_of(connect=dials).send(request("https://api.example.com/"))
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
