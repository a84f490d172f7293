"""What secrets are called and which hosts they name; a wrong text is refused and never guessed."""

import pytest

from redflow.errors import InvalidInput
from redflow.secrets.names import MOST_HOSTS, check_hosts, check_secret_name, read_hosts


@pytest.mark.parametrize("name", ["a", "stripe-key", "API_KEY", "_x", "7", "x" * 63])
def test_names(name):
    assert check_secret_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", "a.b", "a/b", "..", "a b", "x" * 64, "a\n", "é", "${x}", 7, None, b"a", []]
)
def test_what_is_no_name(name):
    with pytest.raises(InvalidInput, match="A-Z a-z 0-9 _ -") as caught:
        check_secret_name(name, field="name")
    assert caught.value.field == "name"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "api.example.com",
        "api.example.com:8443",
        "*.example.com",
        "*.example.com:443",
        "_dmarc.example.com",
        "192.0.2.1",
        "192.0.2.1:80",
        "[2001:db8::1]",
        "[2001:db8::1]:65535",
        "1.example",
    ],
)
def test_hosts(host):
    assert check_hosts([host]) == (host,)


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "*",
        "*.com",
        "a.*.com",
        "*.*.example.com",
        "https://api.example.com",
        "api.example.com/v1",
        "u@api.example.com",
        "api.example.com:",
        "api.example.com:0",
        "api.example.com:65536",
        "api.example.com:80:81",
        "api.example.com:८०",
        "api.example.com.",
        "a..b",
        "-a.example",
        "x" * 64,
        ".".join(["x" * 60] * 5),
        "127.1",
        "256.1.1.1",
        "2001:db8::1",
        "[2001:db8::g]",
        "[192.0.2.1]",
        "[::1",
        "[::1]x",
        "é.example",
        None,
        7,
        b"a",
    ],
)
def test_what_is_no_host(host):
    with pytest.raises(InvalidInput) as caught:
        check_hosts([host])
    assert caught.value.field == "hosts"


def test_a_host_is_kept_once_and_in_lower_case():
    assert check_hosts(["API.example.com", "b", "api.example.com"]) == ("api.example.com", "b")


@pytest.mark.parametrize("hosts", ["api.example.com", 7, None])
def test_a_text_is_not_taken_for_its_letters(hosts):
    with pytest.raises(InvalidInput, match="not a list"):
        check_hosts(hosts)


def test_there_is_a_bound():
    many = [f"h{number}" for number in range(MOST_HOSTS + 1)]
    assert len(check_hosts(many[1:])) == MOST_HOSTS
    with pytest.raises(InvalidInput, match=f"over {MOST_HOSTS}"):
        check_hosts(many)


def test_a_text_of_hosts_has_commas_or_blanks():
    assert read_hosts(" a.example, b.example\nc.example,\n", field="x") == (
        "a.example",
        "b.example",
        "c.example",
    )
    assert read_hosts("", field="x") == ()
