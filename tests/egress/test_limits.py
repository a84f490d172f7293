"""A reply has an end: in decoded bytes and in time; and what breaks on the way is named."""

import asyncio
import gzip
import tracemalloc
import zlib

import pytest

from redflow.egress import Egress, EgressFailed
from redflow.egress.sending import SLICE
from tests.egress.kit import StubServer, answer, request

MIB = 1024 * 1024


async def test_a_body_up_to_the_limit(egress: Egress, server: StubServer):
    server.answers["/"] = answer(200, b"x" * 1000)
    reply = await egress.send(request("http://api.example.com/", max_bytes=1000))
    assert len(reply.body) == 1000


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit(egress: Egress, server: StubServer, chunked: bool):
    server.answers["/"] = in_chunks(b"x" * 1001) if chunked else answer(200, b"x" * 1001)
    with pytest.raises(EgressFailed, match=r"api\.example\.com has more than 1000") as caught:
        await egress.send(request("http://api.example.com/", max_bytes=1000))
    assert (caught.value.kind, caught.value.retryable) == ("too_large", False)


async def test_a_body_without_end_is_cut(egress: Egress, server: StubServer):
    server.answers["/"] = endless
    with pytest.raises(EgressFailed, match="more than"):
        await egress.send(request("http://api.example.com/", max_bytes=MIB))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked(egress: Egress, server: StubServer, coding: str):
    bomb = bytes(64 * MIB)
    packed = gzip.compress(bomb, 9, mtime=0) if coding == "gzip" else zlib.compress(bomb, 9)
    del bomb
    server.answers["/"] = answer(200, packed, content_encoding=coding)
    tracemalloc.start()
    with pytest.raises(EgressFailed) as caught:
        await egress.send(request("http://api.example.com/", max_bytes=MIB))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.kind == "too_large"
    assert peak < 16 * MIB


def test_a_slice_decodes_to_little():
    bomb = zlib.compress(bytes(64 * MIB), 9)
    assert len(zlib.decompressobj().decompress(bomb[:SLICE])) < 5 * MIB


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("GZIP", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("identity", b"hello"),
    ],
)
async def test_bodies_are_decoded(egress: Egress, server: StubServer, coding: str, packed: bytes):
    server.answers["/"] = answer(200, packed, content_encoding=coding)
    reply = await egress.send(request("http://api.example.com/"))
    assert reply.body == b"hello"


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip,identity", "x"])
async def test_codings_that_were_not_asked_for(egress: Egress, server: StubServer, coding: str):
    server.answers["/"] = answer(200, b"hello", content_encoding=coding)
    with pytest.raises(EgressFailed) as caught:
        await egress.send(request("http://api.example.com/"))
    assert (caught.value.kind, caught.value.retryable) == ("encoding", False)


async def test_a_body_that_is_not_what_its_coding_says(egress: Egress, server: StubServer):
    server.answers["/"] = answer(200, b"hello", content_encoding="gzip")
    with pytest.raises(EgressFailed, match="Content-Encoding") as caught:
        await egress.send(request("http://api.example.com/"))
    assert caught.value.kind == "encoding"


async def test_a_head_has_no_body_to_decode(egress: Egress, server: StubServer):
    server.answers["/"] = answer(200, b"", content_encoding="br")
    reply = await egress.send(request("http://api.example.com/", method="HEAD"))
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("when", ["before", "within", "drip"])
async def test_the_time_is_for_everything(egress: Egress, server: StubServer, when: str):
    server.answers["/"] = {"before": silent, "within": half, "drip": dripping}[when]
    with pytest.raises(EgressFailed, match=r"api\.example\.com within 0\.05 s") as caught:
        await egress.send(request("http://api.example.com/", timeout=0.05))
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


@pytest.mark.parametrize("seam", ["resolve", "connect"])
async def test_also_for_the_name_and_the_connection(egress_of, seam: str):
    async def never(*_: object):
        await asyncio.Event().wait()

    with pytest.raises(EgressFailed) as caught:
        await egress_of(**{seam: never}).send(request("http://api.example.com/", timeout=0.02))
    assert caught.value.kind == "timeout"


async def test_also_over_redirects(egress: Egress, server: StubServer):
    server.answers |= {"/a": answer(302, location="/b"), "/b": silent}
    with pytest.raises(EgressFailed) as caught:
        await egress.send(request("http://api.example.com/a", timeout=0.05, redirects=1))
    assert caught.value.kind == "timeout"


async def test_a_request_after_one_that_was_given_up(egress: Egress, server: StubServer):
    server.answers["/slow"] = silent
    with pytest.raises(EgressFailed):
        await egress.send(request("http://api.example.com/slow", timeout=0.02))
    reply = await egress.send(request("http://api.example.com/"))
    assert reply.status == 200


async def test_cancelling_is_not_turned_into_an_error(egress: Egress, server: StubServer):
    asked = asyncio.Event()

    async def told(stub: StubServer, _: asyncio.StreamWriter) -> None:
        asked.set()
        await stub.silence.wait()

    server.answers["/"] = told
    task = asyncio.create_task(egress.send(request("http://api.example.com/")))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "given",
    [b"", b"SMTP ready\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"],
    ids=["nothing", "no HTTP", "half a body"],
)
async def test_what_is_no_answer(egress: Egress, server: StubServer, given: bytes):
    async def hang_up(_: StubServer, writer: asyncio.StreamWriter) -> None:
        writer.write(given)
        writer.close()

    server.answers["/"] = hang_up
    with pytest.raises(EgressFailed, match=r"api\.example\.com") as caught:
        await egress.send(request("http://api.example.com/?token=hunter2"))
    assert caught.value.kind in ("protocol", "connect")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


def in_chunks(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


async def silent(server: StubServer, _: asyncio.StreamWriter) -> None:
    await server.silence.wait()


async def half(server: StubServer, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, b"x" * 100)[:-50])
    await server.silence.wait()


async def dripping(server: StubServer, writer: asyncio.StreamWriter) -> None:
    """Send a byte every few milliseconds: each read is quick, the whole is not."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing() and not server.silence.is_set():
        writer.write(b"x")
        await writer.drain()
        await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.005))})


async def endless(server: StubServer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n%b\r\n" % bytes(0x10000))
        await writer.drain()
