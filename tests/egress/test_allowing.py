"""Allow lists at work: for hosts in the definition only, and the refusal says what to add."""

import re

import pytest

from redflow.egress import Egress, EgressDenied
from redflow.egress.addresses import TABLE, classify
from redflow.egress.allow import allow_from
from tests.egress.kit import Dials, Names, StubServer, request


@pytest.mark.parametrize(
    ("rule", "url", "dialled"),
    [
        ("private.example.com", "http://private.example.com/", ("10.1.2.3", 80)),
        ("private.example.com", "http://PRIVATE.example.com.:443/", ("10.1.2.3", 443)),
        ("private.example.com:8080", "http://private.example.com:8080/", ("10.1.2.3", 8080)),
        ("*.example.com:8080", "http://private.example.com:8080/", ("10.1.2.3", 8080)),
        ("10.1.0.0/16", "http://private.example.com/", ("10.1.2.3", 80)),
        ("10.1.0.0/16:8080", "http://private.example.com:8080/", ("10.1.2.3", 8080)),
        ("10.1.2.3", "http://10.1.2.3/", ("10.1.2.3", 80)),
        ("10.1.2.3:8080", "http://0x0a010203:8080/", ("10.1.2.3", 8080)),
        ("10.1.2.3", "http://[::ffff:10.1.2.3]/", ("10.1.2.3", 80)),
        ("[fd12::1]:8080", "http://[fd12::1]:8080/", ("fd12::1", 8080)),
        ("127.0.0.0/8:9000", "http://localhost:9000/", ("127.0.0.1", 9000)),
        ("api.example.com:8443", "http://api.example.com:8443/", ("1.2.3.4", 8443)),
        ("10.0.0.0/8", "http://mixed.example.com/", ("1.2.3.4", 80)),
    ],
)
async def test_a_rule_lets_a_written_host_pass_and_no_host_from_data(
    egress_of, dials: Dials, rule: str, url: str, dialled: tuple[str, int]
):
    egress = egress_of(allow={"default": [rule]})
    with pytest.raises(EgressDenied, match="host that comes from data"):
        await egress.send(request(url, written=False))
    reply = await egress.send(request(url))
    assert (reply.status, dials.made) == (200, [dialled])


@pytest.mark.parametrize(
    ("rule", "url", "reason"),
    [
        ("private.example.com", "http://private.example.com:8080/", "port"),
        ("private.example.com:8080", "http://private.example.com/", "private"),
        ("10.1.0.0/16", "http://10.2.0.1/", "private"),
        ("10.1.0.0/16:8080", "http://10.1.2.3/", "private"),
        ("10.1.0.0/16:8080", "http://api.example.com:8080/", "port"),
        ("*.example.com", "http://example.com/", "private"),
        ("other.example.com", "http://private.example.com/", "private"),
        ("0.0.0.0/0", "http://169.254.169.254/", "metadata"),
        ("::/0", "http://[fd00:ec2::254]/", "metadata"),
        ("meta.example.com", "http://meta.example.com/", "metadata"),
        ("metadata.google.internal", "http://metadata.google.internal/", "metadata"),
        ("teredo.example.com", "http://teredo.example.com/", "translated"),
    ],
)
async def test_what_a_rule_does_not_name(
    egress_of, dials: Dials, names: Names, rule: str, url: str, reason: str
):
    names.table |= {"example.com": ["10.9.9.9"], "teredo.example.com": ["2001::a9fe:a9fe"]}
    with pytest.raises(EgressDenied) as caught:
        await egress_of(allow={"default": [rule]}).send(request(url))
    assert caught.value.reason == reason
    assert dials.made == []


@pytest.mark.parametrize("row", [row for row in TABLE if row.never], ids=lambda r: str(r.network))
async def test_an_allowed_name_never_leads_to_these(egress_of, dials: Dials, names: Names, row):
    last = row.network[-1]
    names.table["lured.example.com"] = [str(last)]
    with pytest.raises(EgressDenied) as caught:
        await egress_of(allow={"*": ["lured.example.com"]}).send(
            request("http://lured.example.com/")
        )
    assert (caught.value.reason, caught.value.hint) == (classify(last), "")
    assert dials.made == []


async def test_rules_are_of_one_namespace_and_of_all(egress_of, dials: Dials):
    egress = egress_of(allow={"shop": ["10.0.0.1"], "*": ["10.0.0.2"]})
    for url, namespace in [
        ("http://10.0.0.1/", "shop"),
        ("http://10.0.0.2/", "shop"),
        ("http://10.0.0.2/", "other"),
    ]:
        await egress.send(request(url, namespace=namespace))
    with pytest.raises(EgressDenied):
        await egress.send(request("http://10.0.0.1/", namespace="other"))
    assert [address for address, _ in dials.made] == ["10.0.0.1", "10.0.0.2", "10.0.0.2"]


@pytest.mark.parametrize(
    "url", ["http://10.1.2.3:8080/", "http://private.example.com/", "http://[fd12::1]:81/"]
)
async def test_the_refusal_prints_the_line_that_helps(egress_of, dials: Dials, url: str):
    """It holds what was allowed before, so it can replace the line that is there."""
    with pytest.raises(EgressDenied) as caught:
        await egress_of(allow={"shop-eu": ["a.internal"]}).send(request(url, namespace="shop-eu"))
    line = re.search(r"set (\w+)=(\S+) for the workers", str(caught.value))
    assert line, str(caught.value)
    allow = allow_from({line[1]: line[2]})
    await egress_of(allow=allow).send(request(url, namespace="shop-eu"))
    assert (allow["shop-eu"][0], len(dials.made)) == ("a.internal", 1)


async def test_what_can_never_be_allowed_gets_no_such_line(egress: Egress):
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://169.254.169.254/"))
    assert "REDFLOW_EGRESS_ALLOW" not in str(caught.value)


async def test_a_real_round_trip_to_loopback(server: StubServer):
    """No seam is used: the system's resolver, the real dialler, the environment."""
    line = f"localhost:{server.port}"
    egress = Egress.from_env({"REDFLOW_EGRESS_ALLOW__DEFAULT": line})
    reply = await egress.send(request(f"http://localhost:{server.port}/a?b=%20c"))
    with pytest.raises(EgressDenied):
        await egress.send(request(f"http://127.0.0.1:{server.port}/"))
    await egress.aclose()
    assert (reply.status, reply.body) == (200, b'{"ok": true}')
    assert [one.path for one in server.received] == ["/a?b=%20c"]
