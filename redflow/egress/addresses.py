"""Which addresses are no place on the public internet: one dated table, and who is in it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

AS_OF: Final = "2025-10-09"
"""State of the IANA special-purpose address registries that the table holds in full.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""


@dataclass(frozen=True, slots=True)
class Range:
    """A refused range; `never` means that no allow list opens it."""

    network: Network
    reason: str
    name: str
    never: bool = False


_NEVER: Final = True

# The first row that holds an address counts, so single addresses stand before their surroundings.
# Blocks that IANA calls globally reachable (AS112, AMT) are refused too: no API is served there.
TABLE: Final = tuple(
    Range(ip_network(network), reason, name, bool(never))
    for network, reason, name, *never in (
        ("169.254.0.0/16", "metadata", "link local, metadata of most clouds", _NEVER),
        ("100.100.100.200/32", "metadata", "metadata of Alibaba Cloud", _NEVER),
        ("168.63.129.16/32", "metadata", "platform address of Azure", _NEVER),
        ("192.0.0.192/32", "metadata", "metadata of Oracle Cloud Classic", _NEVER),
        ("0.0.0.0/8", "reserved", "this host on this network", _NEVER),
        ("10.0.0.0/8", "private", "private use"),
        ("100.64.0.0/10", "private", "shared address space (carrier-grade NAT)"),
        ("127.0.0.0/8", "loopback", "loopback"),
        ("172.16.0.0/12", "private", "private use"),
        ("192.0.0.0/24", "reserved", "IETF protocol assignments"),
        ("192.0.2.0/24", "reserved", "documentation"),
        ("192.31.196.0/24", "reserved", "AS112"),
        ("192.52.193.0/24", "reserved", "AMT"),
        ("192.88.99.0/24", "translated", "6to4 relay anycast", _NEVER),
        ("192.168.0.0/16", "private", "private use"),
        ("192.175.48.0/24", "reserved", "AS112 direct delegation"),
        ("198.18.0.0/15", "private", "benchmarking"),
        ("198.51.100.0/24", "reserved", "documentation"),
        ("203.0.113.0/24", "reserved", "documentation"),
        ("224.0.0.0/4", "multicast", "multicast", _NEVER),
        ("255.255.255.255/32", "multicast", "limited broadcast", _NEVER),
        ("240.0.0.0/4", "reserved", "reserved for future use"),
        ("fd00:ec2::/32", "metadata", "metadata and platform services of AWS", _NEVER),
        ("fd20:ce::254/128", "metadata", "metadata of Google Cloud", _NEVER),
        ("fd00:42::42/128", "metadata", "metadata of Scaleway", _NEVER),
        ("::1/128", "loopback", "loopback"),
        ("::/128", "reserved", "unspecified address", _NEVER),
        ("64:ff9b:1::/48", "translated", "NAT64 for local use", _NEVER),
        ("100::/64", "reserved", "discard only", _NEVER),
        ("100:0:0:1::/64", "reserved", "dummy prefix", _NEVER),
        ("2001::/32", "translated", "Teredo", _NEVER),
        ("2001::/23", "reserved", "IETF protocol assignments", _NEVER),
        ("2001:db8::/32", "reserved", "documentation"),
        ("2002::/16", "translated", "6to4", _NEVER),
        ("2620:4f:8000::/48", "reserved", "AS112 direct delegation"),
        ("3fff::/20", "reserved", "documentation"),
        ("5f00::/16", "reserved", "segment routing", _NEVER),
        ("fc00::/7", "private", "unique local"),
        ("fe80::/10", "link_local", "link local", _NEVER),
        ("fec0::/10", "private", "site local (deprecated)"),
        ("ff00::/8", "multicast", "multicast", _NEVER),
        ("::/3", "reserved", "outside of global unicast 2000::/3", _NEVER),
        ("4000::/2", "reserved", "outside of global unicast 2000::/3", _NEVER),
        ("8000::/1", "reserved", "outside of global unicast 2000::/3", _NEVER),
    )
)

NAT64: Final = IPv6Network("64:ff9b::/96")
"""Where DNS64 puts every IPv4 address: judged by it, else IPv6-only pods would reach nothing."""


def unwrap(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped or NAT64 one, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def range_of(address: Address) -> Range | None:
    """Return the refused range that an address is in; None for a public one."""
    inner = unwrap(address)
    return next((row for row in TABLE if inner in row.network), None)


def classify(address: Address) -> str | None:
    """Say why an address is refused, as one of `errors.REASONS`; None for a public one."""
    row = range_of(address)
    return row.reason if row else None
