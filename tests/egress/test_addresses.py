"""The table of refused ranges: complete against the standard library, edges, wrapped addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.egress.addresses import TABLE, classify, range_of, unwrap
from redflow.egress.errors import REASONS


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.network))
def test_the_edges_of_every_range_are_refused(row):
    edges = row.network[0], row.network[-1]
    assert all(classify(address) in REASONS for address in edges)
    assert row.reason in REASONS


@pytest.mark.parametrize(
    "address",
    [
        "1.2.3.4",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2000::",
        "2001:200::1",
        "2003::1",
        "2a00::1",
        "3ffe:ffff::1",
        "64:ff9b::1.2.3.4",
        "::ffff:1.2.3.4",
    ],
)
def test_what_lies_beside_the_ranges_is_public(address):
    assert classify(ip_address(address)) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("10.0.0.1", "private"),
        ("100.64.0.1", "private"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("169.254.169.254", "metadata"),
        ("192.0.0.192", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::23", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("fd12:3456::1", "private"),
        ("fe80::1%eth0", "link_local"),
        ("0.0.0.0", "reserved"),
        ("::", "reserved"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "multicast"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("64:ff9b::169.254.169.254", "metadata"),
        ("64:ff9b:1::1.2.3.4", "translated"),
        ("2002:7f00:1::", "translated"),
        ("2001:0:102:304::", "translated"),
        ("::127.0.0.1", "reserved"),
        ("::ffff:0:127.0.0.1", "reserved"),
    ],
)
def test_what_an_address_is(address, reason):
    assert classify(ip_address(address)) == reason


@given(st.ip_addresses())
def test_nothing_passes_that_the_standard_library_calls_not_global(address):
    inner = unwrap(address)
    assert inner.is_global or classify(address) is not None


@given(st.ip_addresses(v=6).filter(lambda address: address not in ip_network("2000::/3")))
def test_only_global_unicast_passes(address):
    assert isinstance(unwrap(address), IPv4Address) or classify(address) is not None


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address):
    wrapped = [IPv6Address(f"{head}{address}") for head in ("::ffff:", "64:ff9b::")]
    assert [range_of(one) for one in wrapped] == [range_of(address)] * 2


def test_metadata_can_never_be_allowed():
    assert all(row.never for row in TABLE if row.reason == "metadata")
