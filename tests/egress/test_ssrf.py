"""URLs that must not go out: nothing is dialled, whatever form the host has."""

import pytest

from redflow.egress import Egress, EgressDenied
from tests.egress.kit import PUBLIC, PUBLIC6, Dials, request

LOOPBACK = """
http://127.0.0.1/ http://127.8.9.1/ http://localhost/ http://LOCALHOST./ http://2130706433/
http://0x7f000001/ http://0x7F.1/ http://0177.0.0.1/ http://017700000001/ http://127.1/
http://127.0.1/ http://127.0.0.1./ http://[::1]/ http://[0:0:0:0:0:0:0:1]/
http://[::ffff:127.0.0.1]/ http://[::FFFF:7f00:1]/ http://[64:ff9b::7f00:1]/
https://127.0.0.1/ http://127.0.0.1:443/ http://0x7f000001.:80/
""".split()
PRIVATE = """
http://10.0.0.1/ http://172.16.0.1/ http://172.31.255.255/ http://192.168.1.1/ http://100.64.0.1/
http://198.18.0.1/ http://0xa000001/ http://167772161/ http://012.0.0.1/ http://[fd12::1]/
http://[fec0::1]/ http://[::ffff:10.0.0.1]/ http://[64:ff9b::10.0.0.1]/
http://private.example.com/ http://mixed.example.com/
""".split()
METADATA = """
http://169.254.169.254/latest/meta-data/ http://169.254.170.2/ http://2852039166/
http://0xa9fea9fe/ http://0251.0376.0251.0376/ http://169.254.43518/
http://[::ffff:169.254.169.254]/ http://[::ffff:a9fe:a9fe]/ http://[64:ff9b::169.254.169.254]/
http://[fd00:ec2::254]/ http://[fd20:ce::254]/ http://100.100.100.200/ http://168.63.129.16/
http://192.0.0.192/ http://metadata.google.internal/computeMetadata/v1/
http://METADATA.GOOGLE.INTERNAL./ http://metadata/ http://instance-data/ http://metadata.goog/
http://meta.example.com/
""".split()
RESERVED = """
http://0.0.0.0/ http://0/ http://192.0.2.1/ http://198.51.100.1/ http://203.0.113.1/
http://240.0.0.1/ http://[::]/ http://[2001:db8::1]/ http://[3fff::1]/ http://[100::1]/
http://[::127.0.0.1]/ http://[::ffff:0:127.0.0.1]/ http://[5f00::1]/
""".split()
TRANSLATED = """
http://[2002:7f00:1::]/ http://[2002:a9fe:a9fe::1]/ http://[2001:0:102:304::]/
http://[64:ff9b:1::7f00:1]/ http://192.88.99.1/
""".split()
MULTICAST = ["http://224.0.0.1/", "http://255.255.255.255/", "http://[ff02::1]/"]
SCHEMES = """
file:///etc/passwd gopher://127.0.0.1:6379/_FLUSHALL ftp://api.example.com/ dict://127.0.0.1:11211/
ldap://api.example.com/ data:text/plain,x javascript:alert(1) ws://api.example.com/ jar:http://a!/
unix:///var/run/docker.sock redis://127.0.0.1/ http+unix://%2Fvar%2Frun%2Fdocker.sock/
""".split()
USERINFO = """
http://user@api.example.com/ http://user:password@api.example.com/
http://api.example.com@127.0.0.1/ http://127.0.0.1@api.example.com/ http://@api.example.com/
""".split()
PORTS = """
http://api.example.com:22/ http://api.example.com:6379/ http://api.example.com:8080/
https://api.example.com:8443/ http://1.2.3.4:25/ http://[2a00::1]:81/
""".split()
MALFORMED = [
    "",
    "http://",
    "http:///path",
    "//api.example.com/",
    "api.example.com",
    "/path",
    "http:api.example.com",
    "http:/api.example.com",
    "http://api.example.com:/",
    "http://api.example.com:0/",
    "http://api.example.com:65536/",
    "http://api.example.com:80:80/",
    "http://api.example.com:+80/",
    "http://api.example.com\\@127.0.0.1/",
    "http:\\\\127.0.0.1/",
    "http://api.example.com\r\nHost: 127.0.0.1/",
    "http://api.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "http://api.example.com/\x00",
    "http://api.example.com/\ud800",
    "http://127.0.0.1\t/",
    "\nhttp://127.0.0.1/",
    " http://127.0.0.1/",
    "http://127%2e0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://256.0.0.1/",
    "http://1.2.3.4.5/",
    "http://api.example..com/",
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://[v1.x]/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://127\u3002 0.0.1/",
    "http://loc\u0430lhost/",
    "http://b\u00fccher.example/",
    "http://127.0.0.1\u2044.api.example.com/",
    "http://*.example.com/",
    "http://a,b/",
    "http://api.example.com/" + "a" * 20_000,
]
REFUSED = {
    "loopback": LOOPBACK,
    "private": PRIVATE,
    "metadata": METADATA,
    "reserved": RESERVED,
    "translated": TRANSLATED,
    "multicast": MULTICAST,
    "link_local": ["http://[fe80::1]/"],
    "scheme": SCHEMES,
    "userinfo": USERINFO,
    "port": PORTS,
    "url": MALFORMED,
}
ROWS = [(url, reason) for reason, urls in REFUSED.items() for url in urls]


def test_the_table_is_long_enough():
    assert len({url for url, _ in ROWS}) >= 120


@pytest.mark.parametrize("written", [True, False], ids=["written", "data"])
@pytest.mark.parametrize(("url", "reason"), ROWS, ids=lambda value: ascii(value)[:60])
async def test_it_is_refused_and_nothing_is_dialled(
    egress: Egress, dials: Dials, url: str, reason: str, written: bool
):
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request(url, written=written))
    assert caught.value.reason == reason
    assert dials.made == []


@pytest.mark.parametrize("written", [True, False], ids=["written", "data"])
@pytest.mark.parametrize(
    ("url", "dialled"),
    [
        ("http://api.example.com/", (PUBLIC, 80)),
        ("http://API.EXAMPLE.COM./a?b=c#d", (PUBLIC, 80)),
        ("http://api.example.com:443/", (PUBLIC, 443)),
        ("http://1.2.3.4/", (PUBLIC, 80)),
        ("http://0x01020304/", (PUBLIC, 80)),
        ("http://16909060/", (PUBLIC, 80)),
        ("http://[::ffff:1.2.3.4]/", (PUBLIC, 80)),
        ("http://[2a00::1]/", (PUBLIC6, 80)),
        ("http://[64:ff9b::1.2.3.4]/", ("64:ff9b::102:304", 80)),
    ],
)
async def test_what_is_public_goes_out(
    egress: Egress, dials: Dials, url: str, dialled: tuple[str, int], written: bool
):
    reply = await egress.send(request(url, written=written))
    assert reply.status == 200
    assert dials.made == [dialled]


async def test_refusals_are_counted_by_namespace_and_reason(egress_of):
    seen = []
    egress = egress_of(denied=lambda *event: seen.append(event))
    for url in ("http://10.0.0.1/", "file:///x"):
        with pytest.raises(EgressDenied):
            await egress.send(request(url, namespace="shop"))
    await egress.send(request("http://api.example.com/"))
    assert seen == [("shop", "private"), ("shop", "scheme")]
