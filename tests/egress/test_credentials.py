"""A credential goes to the hosts it is bound to, and nowhere else."""

import pickle

import pytest

from redflow.egress import Credential, Egress, EgressDenied
from tests.egress.kit import Dials, StubServer, answer, request

VALUE = "Bearer hunter2"


def bound_to(*hosts: str) -> tuple[str, Credential]:
    return "Authorization", Credential(VALUE, hosts, "shop-api")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("api.example.com", "http://api.example.com/"),
        ("API.example.com.", "http://api.EXAMPLE.com/"),
        ("api.example.com", "http://api.example.com:443/"),
        ("api.example.com:443", "http://api.example.com:443/"),
        ("*.example.com", "http://api.example.com/"),
        ("1.2.3.4", "http://1.2.3.4/"),
    ],
)
async def test_it_goes_to_its_hosts(egress: Egress, server: StubServer, host: str, url: str):
    await egress.send(request(url, headers=[bound_to("elsewhere.example", host)]))
    assert server.received[0].headers["authorization"] == VALUE


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ((), "http://api.example.com/"),
        (("other.example.com",), "http://api.example.com/"),
        (("api.example.com:443",), "http://api.example.com/"),
        (("example.com",), "http://api.example.com/"),
        (("*.example.com",), "http://1.2.3.4/"),
        (("1.2.3.4",), "http://api.example.com/"),
    ],
)
async def test_it_goes_nowhere_else_and_nothing_is_dialled(
    egress: Egress, dials: Dials, hosts: tuple[str, ...], url: str
):
    with pytest.raises(EgressDenied, match="shop-api") as caught:
        await egress.send(request(url, headers=[bound_to(*hosts)]))
    assert caught.value.reason == "credential"
    assert "hunter2" not in str(caught.value)
    assert dials.made == []


async def test_a_redirect_within_its_origin_keeps_it(egress: Egress, server: StubServer):
    server.answers["/a"] = answer(302, location="/b")
    await egress.send(
        request("http://api.example.com/a", redirects=1, headers=[bound_to("api.example.com")])
    )
    assert [one.headers.get("authorization") for one in server.received] == [VALUE, VALUE]


@pytest.mark.parametrize(
    "location",
    ["http://other.example.com/b", "http://api.example.com:443/b", "//other.example.com/b"],
)
async def test_a_redirect_to_another_origin_drops_it(
    egress: Egress, server: StubServer, location: str
):
    """Even if it is bound to the second host as well: a server does not choose where it goes."""
    server.answers["/a"] = answer(302, location=location)
    headers = [
        ("X-Api-Key", Credential("hunter2", ("api.example.com", "other.example.com"), "key")),
        ("Authorization", "written in the definition"),
        ("Cookie", "session=1"),
        ("X-Other", "stays"),
    ]
    await egress.send(request("http://api.example.com/a", redirects=1, headers=headers))
    first, second = (one.headers for one in server.received)
    assert {"x-api-key", "authorization", "cookie", "x-other"} <= set(first)
    assert {"x-api-key", "authorization", "cookie"} & set(second) == set()
    assert second["x-other"] == "stays"


def test_no_text_form_shows_its_value():
    _, credential = bound_to("api.example.com")
    asked = request("http://api.example.com/", headers=[bound_to("api.example.com")])
    assert "hunter2" not in repr(credential) + str(credential) + repr(asked)


async def test_a_value_that_would_bend_the_request_is_refused_without_being_shown(
    egress: Egress, dials: Dials
):
    bent = Credential("hunter2\r\nX: y", ("api.example.com",), "key")
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://api.example.com/", headers=[("X-Api-Key", bent)]))
    assert "hunter2" not in str(caught.value)
    assert dials.made == []


async def test_errors_survive_another_process(egress: Egress):
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://10.0.0.1/"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason, again.host) == (str(caught.value), "private", "10.0.0.1")
