"""With a proxy only the proxy is dialled; what can be judged by the URL still is."""

import base64

import pytest

from redflow.egress import Egress, EgressDenied
from redflow.egress.proxy import parse_proxy
from redflow.errors import InvalidInput
from tests.egress.kit import Dials, Names, StubServer, answer, request

PROXY = "http://me:hunter%322@proxy.internal:3128"


@pytest.fixture
def proxied(egress_of, names: Names) -> Egress:
    names.table["proxy.internal"] = ["10.0.0.9"]
    return egress_of(proxy=PROXY, allow={"default": ["10.1.0.0/16:8080", "db.internal:8443"]})


async def test_the_proxy_is_dialled_and_resolves_the_name(
    proxied: Egress, dials: Dials, names: Names, server: StubServer
):
    server.answers["http://api.example.com/a"] = answer(200, b"by proxy")
    reply = await proxied.send(request("http://api.example.com/a?b"))
    assert reply.body == b"by proxy"
    assert (dials.made, names.asked) == ([("10.0.0.9", 3128)], ["proxy.internal"])
    login = base64.b64encode(b"me:hunter22").decode()
    assert server.received[0].headers["proxy-authorization"] == f"Basic {login}"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/", "metadata"),
        ("http://metadata.google.internal/", "metadata"),
        ("http://0x7f.1/", "loopback"),
        ("http://api.example.com:22/", "port"),
        ("http://api.example.com:8080/", "port"),
        ("http://10.2.0.1:8080/", "private"),
        ("http://10.0.0.9:3128/", "private"),
    ],
)
async def test_urls_are_judged_before(proxied: Egress, dials: Dials, url: str, reason: str):
    """A rule with a network allows no name here: where the name leads is not seen."""
    with pytest.raises(EgressDenied) as caught:
        await proxied.send(request(url))
    assert caught.value.reason == reason
    assert dials.made == []


@pytest.mark.parametrize("url", ["http://10.1.2.3:8080/", "http://db.internal:8443/"])
async def test_allowed_hosts_go_through_it(proxied: Egress, dials: Dials, url: str):
    reply = await proxied.send(request(url))
    assert (reply.status, dials.made) == (200, [("10.0.0.9", 3128)])


def test_a_proxy_from_the_environment():
    egress = Egress.from_env({"REDFLOW_EGRESS_PROXY": PROXY})
    assert "hunter" not in repr(vars(egress))


@pytest.mark.parametrize(
    "url",
    """proxy.internal:3128 http://proxy.internal socks5://proxy.internal:1080 http://:1
    http://[::1:3128 http://pro_xy!:1 http://proxy:99999 http://u:hunter2@:1""".split(),
)
def test_what_is_no_proxy(url):
    with pytest.raises(InvalidInput) as caught:
        parse_proxy(url)
    assert "hunter2" not in str(caught.value)
