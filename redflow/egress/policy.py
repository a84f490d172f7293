"""Judges hosts and addresses: pure, the same at the first look and at the moment of dialling."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from redflow.egress.addresses import Address, range_of, unwrap
from redflow.egress.allow import Rule
from redflow.egress.errors import EgressDenied
from redflow.egress.hosts import METADATA_NAMES, WEB_PORTS, literal, place


@dataclass(frozen=True, slots=True)
class Policy:
    """Where requests may go: public addresses on 80 and 443, and what `allow` names beside them.

    `deny` beats `allow`: it holds the servers this process lives on.
    """

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    def check_host(self, host: str, port: int, *, resolves: bool = True) -> None:
        """Judge a normal host before anything is resolved; raises EgressDenied.

        With `resolves=False` its addresses will not be seen here, so networks allow no name.
        """
        if host in METADATA_NAMES:
            raise _refused(host, port, "metadata", "it serves the credentials of this machine")
        if any(rule.covers(host) and rule.on_any(port) for rule in self.deny):
            raise _infrastructure(host, port)
        address = literal(host)
        if address is not None:
            self.check_addresses(host, port, [host])
        elif not self._may_pass(host, port, resolves):
            raise _refused(host, port, "port", "its port is neither 80 nor 443", allowable=True)

    def check_addresses(
        self, host: str, port: int, texts: Sequence[str], barred: Collection[Address] = ()
    ) -> list[str]:
        """Return the addresses of a host if every one of them may be dialled; else EgressDenied.

        One bad address refuses all: it is how a name is made to look public. `barred` are the
        addresses that the names in `deny` have now.
        """
        for text in texts:
            address = ip_address(text)
            self._check_address(host, port, address, {unwrap(one) for one in barred})
        return list(dict.fromkeys(texts))

    def denied_names(self, port: int) -> list[str]:
        """Return the names in `deny` whose addresses matter for a port."""
        names = (rule.host for rule in self.deny if rule.on_any(port))
        return [name for name in names if name and not name.startswith("*.")]

    def _check_address(
        self, host: str, port: int, address: Address, barred: Collection[Address]
    ) -> None:
        denied = any(rule.holds(address) and rule.on_any(port) for rule in self.deny)
        if denied or unwrap(address) in barred:
            raise _infrastructure(host, port)
        row = range_of(address)
        if row and row.never:
            raise _refused(host, port, row.reason, f"it is at {address}, {row.name}")
        if any(
            (rule.names(host) or rule.holds(address)) and rule.on_web(port) for rule in self.allow
        ):
            return
        if row:
            raise _refused(
                host, port, row.reason, f"it is at {address}, {row.name}", allowable=True
            )
        if port not in WEB_PORTS:
            raise _refused(host, port, "port", "its port is neither 80 nor 443", allowable=True)

    def _may_pass(self, host: str, port: int, resolves: bool) -> bool:
        return port in WEB_PORTS or any(
            rule.on_web(port) and (rule.names(host) or (resolves and rule.network is not None))
            for rule in self.allow
        )


def _refused(
    host: str, port: int, reason: str, what: str, *, allowable: bool = False
) -> EgressDenied:
    return EgressDenied(
        f"no request may go to {place(host, port, *WEB_PORTS)}: {what}",
        reason=reason,
        host=host,
        allowable=allowable,
    )


def _infrastructure(host: str, port: int) -> EgressDenied:
    return _refused(host, port, "infrastructure", "it is a server that redflow itself uses")
