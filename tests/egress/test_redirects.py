"""Every hop of a redirect is judged again, as a host that comes from data."""

import pytest

from redflow.egress import Egress, EgressDenied, EgressFailed
from tests.egress.kit import OTHER, PUBLIC, Dials, StubServer, answer, request


async def test_none_is_followed_unless_asked_for(egress: Egress, server: StubServer):
    server.answers["/a"] = answer(302, location="/b")
    reply = await egress.send(request("http://api.example.com/a"))
    assert (reply.status, reply.header("location"), len(server.received)) == (302, "/b", 1)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("//169.254.169.254/", "metadata"),
        ("http://meta.example.com/", "metadata"),
        ("http://0xa9fea9fe/", "metadata"),
        ("http://127.0.0.1/", "loopback"),
        ("http://private.example.com/", "private"),
        ("http://api.example.com:6379/", "port"),
        ("http://user:password@other.example.com/", "userinfo"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:6379/_x", "scheme"),
        ("http://127.0.0.1\\@api.example.com/", "url"),
    ],
)
async def test_a_redirect_leads_nowhere_that_a_request_may_not_go(
    egress: Egress, server: StubServer, dials: Dials, location: str, reason: str
):
    server.answers["/a"] = answer(302, location=location)
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.example.com/a", redirects=3))
    assert caught.value.reason == reason
    assert dials.made == [(PUBLIC, 80)]


async def test_a_chain_that_ends_at_metadata(egress: Egress, server: StubServer, dials: Dials):
    server.answers |= {
        "/a": answer(301, location="http://other.example.com/b"),
        "/b": answer(307, location="/c"),
        "/c": answer(302, location="http://169.254.169.254/"),
    }
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.example.com/a", redirects=3))
    assert caught.value.reason == "metadata"
    assert dials.made == [(PUBLIC, 80), (OTHER, 80)]


async def test_an_allow_list_does_not_hold_for_where_a_redirect_leads(
    egress_of, server: StubServer, dials: Dials
):
    server.answers["/a"] = answer(302, location="http://private.example.com/")
    egress = egress_of(allow={"default": ["private.example.com"]})
    with pytest.raises(EgressDenied, match="comes from data"):
        await egress.send(request("http://api.example.com/a", redirects=1))
    assert dials.made == [(PUBLIC, 80)]


async def test_within_an_allowed_origin_it_does(egress_of, server: StubServer, dials: Dials):
    server.answers["/a"] = answer(302, location="b?c")
    egress = egress_of(allow={"default": ["private.example.com:8080"]})
    reply = await egress.send(request("http://private.example.com:8080/a", redirects=1))
    assert (reply.status, reply.url) == (200, "http://private.example.com:8080/b?c")
    assert dials.made == [("10.1.2.3", 8080)]


@pytest.mark.parametrize("redirects", [1, 2, 3])
async def test_too_many(egress: Egress, server: StubServer, redirects: int):
    server.answers["/a"] = answer(302, location="/a")
    with pytest.raises(EgressFailed) as caught:
        await egress.send(request("http://api.example.com/a", redirects=redirects))
    assert (caught.value.kind, caught.value.retryable) == ("redirects", False)
    assert len(server.received) == redirects + 1


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("PUT", 302, "PUT"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("DELETE", 308, "DELETE"),
    ],
)
async def test_the_method_after_a_redirect(
    egress: Egress, server: StubServer, method: str, status: int, then: str
):
    server.answers |= {"/a": answer(status, b"", location="/b"), "/b": answer(200, b"")}
    body = None if method == "HEAD" else b"x"
    await egress.send(
        request(
            "http://api.example.com/a",
            method=method,
            content=body,
            headers=[("Content-Type", "text/plain")],
            redirects=1,
        )
    )
    seen = server.received[1]
    assert seen.line == f"{then} /b HTTP/1.1"
    assert seen.body == (b"" if then in ("GET", "HEAD") else b"x")
    assert ("content-type" in seen.headers) is (then != "GET")


async def test_a_body_is_not_sent_to_another_origin(
    egress: Egress, server: StubServer, dials: Dials
):
    server.answers["/a"] = answer(307, location="http://other.example.com/b")
    with pytest.raises(EgressDenied) as caught:
        await egress.send(
            request("http://api.example.com/a", method="POST", content=b"x", redirects=1)
        )
    assert caught.value.reason == "redirect"
    assert dials.made == [(PUBLIC, 80)]


@pytest.mark.parametrize("status", [300, 304, 305, 399])
async def test_other_statuses_are_replies(egress: Egress, server: StubServer, status: int):
    server.answers["/a"] = answer(status, b"", location="/b")
    reply = await egress.send(request("http://api.example.com/a", redirects=3))
    assert reply.status == status


async def test_a_redirect_without_a_location_is_a_reply(egress: Egress, server: StubServer):
    server.answers["/a"] = answer(302)
    reply = await egress.send(request("http://api.example.com/a", redirects=3))
    assert reply.status == 302
