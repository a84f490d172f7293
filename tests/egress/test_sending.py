"""What the server receives and what comes back; nothing of the environment takes part."""

import os
from dataclasses import replace

import pytest

from redflow.egress import Egress, EgressDenied
from redflow.egress.message import METHODS, OWN_HEADERS
from redflow.errors import InvalidInput
from redflow.version import VERSION
from tests.egress.kit import Dials, StubServer, answer, request


async def test_a_request_arrives_as_it_was_written(egress: Egress, server: StubServer):
    await egress.send(
        request(
            "http://api.example.com/orders/1?q=a%2Fb&x=\u00e4 b",
            method="post",
            headers=[("Content-Type", "application/json"), ("X-Name", "J\u00f6rg\tx")],
            content=b'{"a": 1}',
        )
    )
    (seen,) = server.received
    assert seen.line == "POST /orders/1?q=a%2Fb&x=%C3%A4%20b HTTP/1.1"
    assert seen.body == b'{"a": 1}'
    assert seen.headers == {
        "host": "api.example.com",
        "accept": "*/*",
        "accept-encoding": "deflate, gzip",
        "user-agent": f"redflow/{VERSION}",
        "content-type": "application/json",
        "content-length": "8",
        "x-name": "J\u00f6rg\tx".encode().decode("latin-1"),
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://API.example.com.:443/", "api.example.com:443"),
        ("http://[2A00::1]/", "[2a00::1]"),
        ("http://0x1020304/", "1.2.3.4"),
    ],
)
async def test_the_host_header_is_the_host_that_was_judged(
    egress: Egress, server: StubServer, url: str, host: str
):
    await egress.send(request(url))
    assert server.received[0].headers["host"] == host


async def test_headers_of_the_request_stand_before_the_usual_ones(
    egress: Egress, server: StubServer
):
    headers = [("User-Agent", "shop/1"), ("ACCEPT", "text/csv")]
    await egress.send(request("http://api.example.com/", headers=headers))
    seen = server.received[0].headers
    assert (seen["user-agent"], seen["accept"]) == ("shop/1", "text/csv")


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 404, 429, 500, 503])
async def test_every_status_is_a_reply(egress: Egress, server: StubServer, status: int):
    body = b"" if status == 204 else b"x"
    server.answers["/"] = answer(status, body, retry_after="7", location="/elsewhere")
    reply = await egress.send(request("http://api.example.com/"))
    assert (reply.status, reply.body, reply.header("Retry-After")) == (status, body, "7")
    assert reply.url == "http://api.example.com/"


async def test_headers_of_a_reply_come_in_lower_case_and_in_order(
    egress: Egress, server: StubServer
):
    server.answers["/"] = (
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-b: 2\r\nX-a: 3\r\nContent-Length: 0\r\n\r\n"
    )
    reply = await egress.send(request("http://api.example.com/"))
    assert reply.headers == (("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("content-length", "0"))
    assert reply.header("x-A") == "1"
    assert reply.header("missing", "none") == "none"


async def test_no_cookie_is_kept(egress: Egress, server: StubServer):
    """One client serves all namespaces: a jar would carry sessions from one to another."""
    server.answers["/"] = answer(set_cookie="session=1; Path=/")
    for _ in range(2):
        await egress.send(request("http://api.example.com/"))
    assert ["cookie" in one.headers for one in server.received] == [False, False]


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_methods(egress: Egress, server: StubServer, method: str):
    server.answers["/"] = answer(200, b"")
    await egress.send(request("http://api.example.com/", method=method.lower()))
    assert server.received[0].line == f"{method} / HTTP/1.1"


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "", "GET /x", "GET\r\nX: y", "PROPFIND"])
async def test_other_methods_are_refused(egress: Egress, dials: Dials, method: str):
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.example.com/", method=method))
    assert caught.value.reason == "method"
    assert dials.made == []


@pytest.mark.parametrize(
    "header",
    [
        *((name.title(), "x") for name in sorted(OWN_HEADERS)),
        *(("X", value) for value in ("1\r\nX-B: 2", "1\nX-B: 2", "1\r", "\x00", "\x7f", "\udc80")),
        *((name, "1") for name in ("X A", "X-A:", "", "X\r\nY", "X\u00e4")),
    ],
    ids=ascii,
)
async def test_headers_that_bend_a_request_are_refused(egress: Egress, dials: Dials, header):
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.example.com/", headers=[header]))
    assert caught.value.reason == "header"
    assert dials.made == []


async def test_the_environment_takes_no_part(
    egress: Egress, dials: Dials, server: StubServer, monkeypatch, tmp_path
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
        monkeypatch.setenv(name.lower(), "http://10.0.0.1:3128")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login me password hunter2")
    os.chmod(netrc, 0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    await egress.send(request("http://api.example.com/"))
    assert dials.made == [("1.2.3.4", 80)]
    assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", 0),
        ("timeout", -1.0),
        ("timeout", float("inf")),
        ("timeout", float("nan")),
        ("redirects", -1),
        ("redirects", 4),
        ("max_bytes", 0),
    ],
)
def test_limits_that_make_no_sense(field, value):
    with pytest.raises(InvalidInput) as caught:
        request("http://api.example.com/", **{field: value})
    assert caught.value.field == field


def test_no_text_form_shows_a_url_or_a_body():
    asked = request("http://api.example.com/?token=hunter2", content=b"hunter2")
    assert "hunter2" not in repr(asked)
    assert "hunter2" not in repr(replace(asked, method="POST"))
