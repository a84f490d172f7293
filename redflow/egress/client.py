"""`Egress`: sends a request where it may go, and says what to set where it may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Self

from redflow.egress import dialling
from redflow.egress.allow import EVERY, allow_from, line_to_add, parse_allow, parse_rule
from redflow.egress.dialling import Connect, Resolve
from redflow.egress.errors import EgressDenied, EgressFailed
from redflow.egress.hops import Hop, first_hop, next_hop
from redflow.egress.hosts import WEB_PORTS, place
from redflow.egress.message import Credential, EgressReply, EgressRequest, header_lines
from redflow.egress.policy import Policy
from redflow.egress.proxy import parse_proxy

if TYPE_CHECKING:
    from redflow.egress.sending import Sender

PROXY_VARIABLE = "REDFLOW_EGRESS_PROXY"
FROM_DATA = (
    "a host that comes from data may only be a public one on port 80 or 443; "
    "write the host in the definition, then it can be allowed"
)


class Egress:
    """The HTTP client of nodes; one is shared by all namespaces of an event loop.

    `allow` names hosts by namespace ("*" for all), `deny` those that no rule opens: the servers of
    this process. `denied` is called with namespace and reason for every refusal. Raises
    InvalidInput for a rule or proxy that cannot be read.
    """

    def __init__(
        self,
        allow: Mapping[str, Sequence[str]] | None = None,
        *,
        deny: Sequence[str] = (),
        proxy: str | None = None,
        denied: Callable[[str, str], None] | None = None,
        resolve: Resolve = dialling.resolve,
        connect: Connect | None = None,
    ) -> None:
        self._allow = parse_allow(allow or {})
        self._deny = tuple(parse_rule(text, field="deny") for text in deny)
        self._proxy = parse_proxy(proxy) if proxy else None
        self._denied = denied
        self._resolve = resolve
        self._connect = connect
        self._senders: dict[Policy, Sender] = {}

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str],
        *,
        deny: Sequence[str] = (),
        denied: Callable[[str, str], None] | None = None,
    ) -> Self:
        """Read `REDFLOW_EGRESS_ALLOW`, those of single namespaces, and `REDFLOW_EGRESS_PROXY`."""
        proxy = environ.get(PROXY_VARIABLE) or None
        return cls(allow_from(environ), deny=deny, proxy=proxy, denied=denied)

    async def send(self, request: EgressRequest) -> EgressReply:
        """Send a request and return the reply, whatever its status.

        Raises EgressDenied before anything is sent to a host that is not allowed, EgressFailed
        when no complete reply came in time.
        """
        try:
            return await self._in_time(request, first_hop(request))
        except EgressDenied as error:
            if self._denied is not None:
                self._denied(request.namespace, error.reason)
            raise

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        senders, self._senders = self._senders, {}
        for sender in senders.values():
            await sender.aclose()

    async def _in_time(self, request: EgressRequest, hop: Hop) -> EgressReply:
        try:
            async with asyncio.timeout(request.timeout):
                return await self._follow(request, hop)
        except TimeoutError:
            host = hop.target.host
            raise EgressFailed(
                f"no complete answer from {host} within {request.timeout:g} s",
                kind="timeout",
                host=host,
                hint="give the node a longer timeout if the server needs it",
            ) from None

    async def _follow(self, request: EgressRequest, hop: Hop) -> EgressReply:
        for _ in range(request.redirects + 1):
            reply = await self._exchange(request, hop)
            onward = next_hop(hop, reply) if request.redirects else None
            if onward is None:
                return reply
            hop = onward
        raise EgressFailed(
            f"more than {request.redirects} redirects, the next one to {hop.target.host}",
            kind="redirects",
            host=hop.target.host,
        )

    async def _exchange(self, request: EgressRequest, hop: Hop) -> EgressReply:
        host, port = hop.target.host, hop.target.port
        policy = self._policy(request.namespace, hop.written)
        try:
            policy.check_host(host, port, resolves=self._proxy is None)
            _check_credentials(hop)
            lines = list(header_lines(hop.headers))
            return await self._sender(policy).send(hop, lines, request.max_bytes)
        except EgressDenied as error:
            if error.allowable:
                error.hint = self._advice(request.namespace, hop)
            raise

    def _policy(self, namespace: str, written: bool) -> Policy:
        if not written:
            return Policy(deny=self._deny)
        return Policy(self._allow.get(EVERY, ()) + self._allow.get(namespace, ()), self._deny)

    def _sender(self, policy: Policy) -> Sender:
        """The pool of connections of a policy; there are at most as many as namespaces with rules.

        Kept apart because a connection that one namespace may open another may not use.
        """
        if policy not in self._senders:
            # httpx takes a tenth of a second to import, and most workers never send a request.
            module = import_module("redflow.egress.sending")
            self._senders[policy] = module.Sender(policy, self._resolve, self._connect, self._proxy)
        return self._senders[policy]

    def _advice(self, namespace: str, hop: Hop) -> str:
        if not hop.written:
            return FROM_DATA
        own = self._allow.get(namespace, ())
        return line_to_add(namespace, own, hop.target.host, hop.target.port)


def _check_credentials(hop: Hop) -> None:
    """Refuse a request that would take a credential to a host it is not bound to."""
    host, port = hop.target.host, hop.target.port
    for _, value in hop.headers:
        if isinstance(value, Credential) and not value.may_go_to(host, port):
            bound = ", ".join(value.hosts) or "no host"
            raise EgressDenied(
                f"the secret {value.name!r} may not go to {place(host, port, *WEB_PORTS)}: "
                f"it is bound to {bound}",
                reason="credential",
                host=host,
                hint="add the host to those of the secret, if it is to go there",
            )
