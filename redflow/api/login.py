"""Who sends a request: asks the authenticators, and slows down whoever guesses."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.types import Scope

from redflow.api.problems import Refused
from redflow.api.settings import Network
from redflow.auth import Authenticator, Credentials, Principal
from redflow.errors import Unauthenticated

WINDOW = 60.0
ADDRESSES = 10_000
"""Addresses whose failures are kept in mind; the oldest are forgotten first."""


class Failures:
    """Failed logins by address, within a minute from the first."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def check(self, address: str) -> None:
        """Refuse an address that has failed too often; right or wrong, it has to wait."""
        since, count = self._seen.get(address, (0.0, 0))
        left = since + WINDOW - self._now()
        if count >= self._most and left > 0:
            wait = b"%d" % max(1, round(left))
            raise Refused(
                429,
                "TooManyRequests",
                f"{count} logins from this address have failed within a minute",
                hint=f"wait {wait.decode()} s",
                headers=((b"retry-after", wait),),
            )

    def count(self, address: str) -> None:
        """Remember a failure."""
        since, count = self._seen.pop(address, (0.0, 0))
        now = self._now()
        self._seen[address] = (now, 1) if now - since >= WINDOW else (since, count + 1)
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)


class Login:
    """Recognises principals; without authenticators everybody is let in as nobody."""

    def __init__(
        self,
        authenticators: Sequence[Authenticator],
        proxies: Sequence[Network],
        failures: Failures,
    ) -> None:
        self._authenticators = tuple(authenticators)
        self._proxies = proxies
        self._failures = failures

    @property
    def required(self) -> bool:
        """Whether anybody has to say who they are."""
        return bool(self._authenticators)

    async def principal(self, scope: Scope, headers: Mapping[str, str]) -> Principal | None:
        """Return who asks, None where nobody has to say; raises Unauthenticated, Refused."""
        if not self._authenticators:
            return None
        address = address_of(scope, headers, self._proxies)
        self._failures.check(address)
        try:
            return await self.recognise(Credentials(headers, _query(scope), address))
        except Unauthenticated:
            if "authorization" in headers or "cookie" in headers:
                self._failures.count(address)
            raise

    async def again(self, scope: Scope, headers: Mapping[str, str]) -> Principal | None:
        """Recognise whoever was recognised before, whose failure now is no attempt at guessing."""
        if not self._authenticators:
            return None
        address = address_of(scope, headers, self._proxies)
        return await self.recognise(Credentials(headers, _query(scope), address))

    async def recognise(self, credentials: Credentials) -> Principal:
        """Ask every authenticator in turn; raises Unauthenticated when none knows them."""
        refused: Unauthenticated | None = None
        for one in self._authenticators:
            try:
                principal = await one.authenticate(credentials)
            except Unauthenticated as error:  # another one may know them: keys of two namespaces
                refused = refused or error
                continue
            if principal is not None:
                return principal
        raise refused or Unauthenticated(
            "the request carries no credentials that are known here",
            hint="send Authorization: Bearer <API key or token>",
        )


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def address_of(scope: Scope, headers: Mapping[str, str], proxies: Sequence[Network]) -> str:
    """Return the address a request comes from: the last one that is no trusted proxy."""
    client = scope.get("client")
    address: str = client[0] if client else ""
    for said in reversed(headers.get("x-forwarded-for", "").split(",")):
        if not _is_trusted(address, proxies) or not said.strip():
            break
        address = said.strip()
    return address


def _is_trusted(address: str, proxies: Sequence[Network]) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in proxies)
