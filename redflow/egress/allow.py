"""Reads the rules of allow and deny lists, from code or from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from redflow.egress.addresses import TABLE, Address, Network, unwrap
from redflow.egress.hosts import WEB_PORTS, literal, normal_host, place
from redflow.errors import InvalidInput
from redflow.model.ids import check_namespace

VARIABLE = "REDFLOW_EGRESS_ALLOW"
EVERY = "*"
"""The key of rules that hold in every namespace."""

FORMS = "host, host:port, *.domain, address, network/bits, each with :port if it is not 80 or 443"
_PORT = re.compile(r"(.*?)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a list: a name (`*.` covers every name below) or a network; a port or none."""

    text: str
    host: str = ""
    network: Network | None = None
    port: int | None = None

    def names(self, host: str) -> bool:
        """Whether a normal host is this name, or below it."""
        if self.host.startswith("*."):
            return host.endswith(self.host[1:])
        return bool(self.host) and host == self.host

    def holds(self, address: Address) -> bool:
        """Whether an address is in this network; one in IPv6 clothing counts as what it is."""
        return self.network is not None and unwrap(address) in self.network

    def covers(self, host: str) -> bool:
        """Whether a normal host, be it a name or an address, is meant without resolving it."""
        address = literal(host)
        return self.names(host) if address is None else self.holds(address)

    def on_any(self, port: int) -> bool:
        """Whether a port is meant, if a rule without a port means all of them."""
        return self.port is None or port == self.port

    def on_web(self, port: int) -> bool:
        """Whether a port is meant, if a rule without a port means 80 and 443."""
        return port in WEB_PORTS if self.port is None else port == self.port


def parse_rule(text: str, *, field: str = "allow") -> Rule:
    """Read one rule; raises InvalidInput naming the text and the forms there are."""
    try:
        return _parsed(text.strip())
    except ValueError as error:
        raise InvalidInput(
            f"{field} holds {text[:80]!a}, which is no rule: {error}",
            field=field,
            hint=f"write {FORMS}",
        ) from None


def parse_allow(allow: Mapping[str, Sequence[str]]) -> dict[str, tuple[Rule, ...]]:
    """Read the rules of every namespace; raises InvalidInput, also for what is never allowed."""
    read = {}
    for namespace, texts in allow.items():
        if namespace != EVERY:
            check_namespace(namespace)
        if isinstance(texts, str):
            raise InvalidInput(f"allow[{namespace!r}] is a text, not a list of them", field="allow")
        read[namespace] = tuple(_openable(parse_rule(text)) for text in texts)
    return read


def allow_from(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Read `REDFLOW_EGRESS_ALLOW` and `REDFLOW_EGRESS_ALLOW__<NAMESPACE>`; `_` stands for `-`."""
    allow = {}
    for name, value in environ.items():
        head, separator, tail = name.partition("__")
        if head == VARIABLE and (tail or not separator):
            namespace = tail.lower().replace("_", "-") or EVERY
            allow[namespace] = value.replace(",", " ").split()
    return allow


def line_to_add(namespace: str, own: Sequence[Rule], host: str, port: int) -> str:
    """Say what to set so that a namespace may reach a host: both ways, ready to be copied."""
    rules = [*(rule.text for rule in own), place(host, port, *WEB_PORTS)]
    name = namespace.upper().replace("-", "_")
    listed = ", ".join(f'"{rule}"' for rule in rules)
    return (
        f"to allow it, set {VARIABLE}__{name}={','.join(rules)} for the workers, "
        f'or Egress(allow={{"{namespace}": [{listed}]}})'
    )


def _parsed(text: str) -> Rule:
    host, port = _host_and_port(text)
    if "/" in host:
        return Rule(text, network=ip_network(host), port=port)
    star = "*." if host.startswith("*.") else ""
    name = normal_host(host.removeprefix(star))
    address = literal(name)
    if address is None:
        return Rule(text, host=star + name, port=port)
    if star:
        raise ValueError("nothing is below an address")
    return Rule(text, network=ip_network(unwrap(address)), port=port)


def _host_and_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("a bracket is not closed")
        port: str | None = rest[1:] if rest else None
    elif text.count(":") > 1:
        host, port = text, None  # an IPv6 address or network without brackets
    else:
        parts = _PORT.fullmatch(text)
        host, port = (parts[1], parts[2]) if parts else (text, None)
    if port is None:
        return host, None
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError("the port is not one from 1 to 65535")
    return host, int(port)


def _openable(rule: Rule) -> Rule:
    row = next((row for row in TABLE if rule.network and _within(rule.network, row.network)), None)
    if row and row.never:
        raise InvalidInput(
            f"allow holds {rule.text!r}, which is {row.name}: that is never allowed",
            field="allow",
            hint="take it out of the list",
        )
    return rule


def _within(inner: Network, outer: Network) -> bool:
    """Whether a network is inside another; those of different versions are not."""
    return inner.network_address in outer and inner.broadcast_address in outer
