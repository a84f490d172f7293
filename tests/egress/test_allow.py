"""Allow lists: the forms of a rule, the environment, and what no list may hold."""

import pytest

from redflow.egress.addresses import TABLE
from redflow.egress.allow import EVERY, allow_from, line_to_add, parse_allow, parse_rule
from redflow.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "host", "network", "port"),
    [
        ("api.internal", "api.internal", None, None),
        ("API.internal.:8443", "api.internal", None, 8443),
        ("*.example.internal", "*.example.internal", None, None),
        ("*.example.internal:81", "*.example.internal", None, 81),
        ("10.1.0.0/16", "", "10.1.0.0/16", None),
        ("10.1.0.0/16:8080", "", "10.1.0.0/16", 8080),
        ("10.1.2.3", "", "10.1.2.3/32", None),
        ("0x0a010203:9000", "", "10.1.2.3/32", 9000),
        ("fd12::/16", "", "fd12::/16", None),
        ("[fd12::/16]:8080", "", "fd12::/16", 8080),
        ("fd12::1", "", "fd12::1/128", None),
        ("[::1]:8080", "", "::1/128", 8080),
        ("[::ffff:10.0.0.1]", "", "10.0.0.1/32", None),
    ],
)
def test_the_forms_of_a_rule(text, host, network, port):
    rule = parse_rule(text)
    assert (rule.host, rule.network and str(rule.network), rule.port) == (host, network, port)


@pytest.mark.parametrize(
    "text",
    [
        *"* a.*.b *.10.0.0.1 10.1.2.3/16 10.0.0.0/33 api:0 api:65536 api:x user@api".split(),
        *"http://api.internal api.internal/path [::1 [::1]x api:".split(),
        "",
        "a b",
    ],
)
def test_what_is_no_rule(text):
    with pytest.raises(InvalidInput, match="is no rule"):
        parse_rule(text)


@pytest.mark.parametrize("row", [row for row in TABLE if row.never], ids=lambda r: str(r.network))
def test_no_list_holds_what_is_never_allowed(row):
    with pytest.raises(InvalidInput, match="never allowed"):
        parse_allow({"default": [str(row.network)]})


def test_a_list_is_a_list():
    with pytest.raises(InvalidInput, match="not a list"):
        parse_allow({"default": "api.internal"})


def test_a_namespace_is_a_namespace():
    with pytest.raises(InvalidInput, match="namespace"):
        parse_allow({"No Name": []})


def test_a_wildcard_covers_what_is_below_it_only():
    rule = parse_rule("*.example.internal")
    hosts = ["a.example.internal", "a.b.example.internal", "example.internal", "xexample.internal"]
    assert [rule.names(host) for host in hosts] == [True, True, False, False]


def test_the_environment():
    environ = {
        "REDFLOW_EGRESS_ALLOW": "shared.internal",
        "REDFLOW_EGRESS_ALLOW__DEFAULT": "api.internal:8443, 10.1.0.0/16",
        "REDFLOW_EGRESS_ALLOW__SHOP_EU": "*.shop.internal",
        "REDFLOW_EGRESS_ALLOW__EMPTY": "",
        "REDFLOW_EGRESS_ALLOWED": "no.internal",
        "REDFLOW_EGRESS_PROXY": "http://proxy.internal:3128",
    }
    assert allow_from(environ) == {
        EVERY: ["shared.internal"],
        "default": ["api.internal:8443", "10.1.0.0/16"],
        "shop-eu": ["*.shop.internal"],
        "empty": [],
    }


def test_the_line_to_add_can_be_read_again():
    own = [parse_rule("a.internal")]
    line = line_to_add("shop-eu", own, "fd12::1", 8443)
    assert "REDFLOW_EGRESS_ALLOW__SHOP_EU=a.internal,[fd12::1]:8443 " in line
    assert 'Egress(allow={"shop-eu": ["a.internal", "[fd12::1]:8443"]})' in line
    assert parse_rule("[fd12::1]:8443").port == 8443
