"""What all requests of one app share: clients, logins, the watch over Redis, limits, counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from starlette.types import Scope

from redflow.api.live import Live
from redflow.api.login import Failures, Login
from redflow.api.namespaces import Namespaces, no_namespace
from redflow.api.problems import Refused
from redflow.api.pulse import Pulse
from redflow.api.settings import LOOPBACK_NAMES, ApiSettings
from redflow.auth import Authenticator, Principal, RoleProvider, identity
from redflow.auth.principal import EVERY_NAMESPACE
from redflow.client import AsyncClient
from redflow.errors import InvalidInput, NotFound, Problem
from redflow.expressions.analysis import every_problem
from redflow.metrics import Metrics
from redflow.model.ids import check_namespace
from redflow.model.workflow import Workflow
from redflow.store.explaining import read_time
from redflow.webhooks import Receiver

if TYPE_CHECKING:
    from redflow.api.call import Call

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

MakeReceiver = Callable[[AsyncClient], Receiver]
"""Makes what takes in the deliveries of a client's namespace, with the secrets to verify them."""


class Checker(Protocol):
    """Knows node types and functions: an engine's registry."""

    def complete(self, workflow: Workflow) -> Workflow:
        """Fill in what nodes take from their functions."""
        ...

    def problems(self, workflow: Workflow) -> Sequence[Problem]:
        """Answer every problem of a workflow."""
        ...


class Service:
    """Made once for an app."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        authenticators: Sequence[Authenticator],
        metrics: Metrics,
        registry: Checker | None,
        receiver: MakeReceiver | None,
        settings: ApiSettings,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.registry = registry
        self.login = Login(authenticators, settings.networks(), Failures(settings.failed_logins))
        provider = RoleProvider() if authenticators else None
        self.namespaces = Namespaces(client, settings.namespaces, provider)
        self.pulse = Pulse(self.ping)
        self.live = Live(settings, metrics)
        self.draining = False
        self._make_receiver = receiver or partial(Receiver, metrics=metrics)
        self._receivers: WeakKeyDictionary[AsyncClient, Receiver] = WeakKeyDictionary()

    async def ping(self) -> None:
        """Ask Redis for a sign of life, once."""
        await self.namespaces.home._namespace.driver.run(read_time(), deadline=None)

    def check_host(self, scope: Scope) -> None:
        """Refuse a host that is not ours: who is not asked to log in is found by name alone."""
        hosts = self.settings.hosts
        if "*" in hosts or (not hosts and self.login.required):
            return
        found = [value for name, value in scope["headers"] if name == b"host"]
        name = host_name(found[0].decode("latin-1")) if len(found) == 1 else ""
        if name not in (hosts or LOOPBACK_NAMES):
            raise Refused(
                421,
                "MisdirectedRequest",
                "this server does not answer for the host that the request names",
                hint="add it to the allowed hosts: redflow serve --allowed-host NAME",
            )

    def identity(self, principal: Principal | None, request: str) -> AbstractContextManager[Any]:
        """Act as a principal; without one, as whoever the application says acts."""
        return nullcontext() if principal is None else identity(principal, request=request)

    async def enter(self, call: Call) -> AsyncClient:
        """Return the client of the namespace in the path; the same 404 where it is not there, and
        where it is somebody else's.
        """
        name = call.path["namespace"]
        if not enters(call.principal, name):
            raise no_namespace(name)
        return await self.namespaces.client(name, founds=call.endpoint.founds)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        name = method if method in METHODS else "other"
        self.metrics.requests.labels(route, name, f"{status // 100}xx").observe(seconds)

    def completed(self, workflow: Workflow) -> Workflow:
        """Return a workflow with what its nodes take from functions, as far as those are known."""
        return workflow if self.registry is None else self.registry.complete(workflow)

    def problems(self, workflow: Workflow) -> Sequence[Problem]:
        """Answer every problem of a workflow, those of node types where they are known."""
        check = every_problem if self.registry is None else self.registry.problems
        return check(workflow)

    async def receiver(self, namespace: str) -> Receiver | None:
        """Return what takes in deliveries to a namespace; None where there is no such namespace."""
        try:
            client = await self.namespaces.client(check_namespace(namespace))
        except (NotFound, InvalidInput):
            return None
        known = self._receivers.get(client)
        if known is None:
            known = self._receivers[client] = self._make_receiver(client)
        return known

    def drain(self) -> None:
        """Be ready no more, and let event streams end: their clients come again elsewhere."""
        self.draining = True
        self.live.close()

    async def close(self) -> None:
        """Let event streams end, and close what was opened here."""
        self.drain()
        await self.pulse.close()
        await self.namespaces.close()


def enters(principal: Principal | None, namespace: str) -> bool:
    """Say whether a principal may enter a namespace at all; the gate says what it may do there.

    One that names no namespace leaves that to the provider.
    """
    if principal is None:
        return True
    scoped = {role.rpartition(":")[0] for role in principal.roles if ":" in role}
    known = {*principal.namespaces, *scoped}
    return not known or namespace in known or EVERY_NAMESPACE in known


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
