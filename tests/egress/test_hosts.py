"""Reading a URL: one reader, and every form of an address becomes the usual one."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.egress import EgressDenied
from redflow.egress.hosts import normal_host, parse_target


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F000001", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7f.0.0.0x1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("010.0.0.1", "8.0.0.1"),
        ("::FFFF:127.0.0.1", "127.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("API.Example.COM.", "api.example.com"),
        ("my_service", "my_service"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_host_has_one_form(written, normal):
    assert normal_host(written) == normal


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "..",
        "-a.example",
        "a" * 64 + ".example",
        "a." * 127 + "aa",
        "256.256.256.256",
        "1.2.3.4.5",
        "1.2.3.400",
        "4294967296",
        "example.1",
        "08.0.0.1",
        "127%2e0.0.1",
        "exa mple.com",
        "fe80::1%eth0",
        ":::",
        "\uff11\uff12\uff17.0.0.1",
        "b\u00fccher.example",
        "example\u3002com",
        "127.0.0.1\u200b",
    ],
)
def test_what_is_no_host(host):
    with pytest.raises(ValueError):
        normal_host(host)


@given(st.ip_addresses(v=4), st.sampled_from([str, int, hex]))
def test_addresses_are_read_as_the_system_reads_them(address, form):
    text = form(address) if form is str else form(int(address))
    assert normal_host(str(text)) == socket.inet_ntoa(socket.inet_aton(str(text)))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://api.example.com", ("http", "api.example.com", 80, "/")),
        ("HTTPS://API.example.com:443/a?b=c#d", ("https", "api.example.com", 443, "/a?b=c")),
        (
            "http://api.example.com?x=http://u@h/",
            ("http", "api.example.com", 80, "/?x=http://u@h/"),
        ),
        ("http://[2A00::1]:8080/", ("http", "2a00::1", 8080, "/")),
        ("http://[::ffff:7f00:1]/", ("http", "127.0.0.1", 80, "/")),
    ],
)
def test_the_parts_of_a_url(url, parts):
    target = parse_target(url)
    assert (target.scheme, target.host, target.port, target.path) == parts


@pytest.mark.parametrize(
    "url",
    ["http://api.example.com/a?b", "https://[2a00::1]:8443/", "http://127.0.0.1:81/x//y"],
)
def test_a_url_is_put_together_as_it_was_read(url):
    assert parse_target(url).url == url
    assert parse_target(parse_target(url).url) == parse_target(url)


def test_an_error_never_repeats_a_url():
    with pytest.raises(EgressDenied) as caught:
        parse_target("http://user:hunter2@api.example.com/?token=hunter2")
    assert "hunter2" not in str(caught.value)
