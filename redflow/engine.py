"""The engine: a client that also knows functions and node types, and runs workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from redflow.api import create_app
from redflow.auth.provider import AuthProvider
from redflow.client import AsyncClient
from redflow.client.cron import CronManager
from redflow.crypto.crypto import Crypto
from redflow.driver import (
    AsyncDriver,
    Connector,
    Driver,
    EmbeddedServer,
    MemoryConnector,
    RedisConnector,
)
from redflow.egress import Egress
from redflow.errors import InvalidInput, Misconfigured, Problem
from redflow.events.bus import EventBus
from redflow.metrics import Metrics, default_metrics
from redflow.model.decorators import FlowBuilder
from redflow.model.execution import WorkflowVersion
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from redflow.nodes.services import APPRISE_VARIABLE
from redflow.payloads.payloads import Store
from redflow.secrets import SecretProvider
from redflow.secrets.chain import providers_from
from redflow.store.keys import DEFAULT_PREFIX
from redflow.store.space import Space
from redflow.webhooks import Receiver, WebhookApp
from redflow.worker.outfit import Outfit
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker

if TYPE_CHECKING:  # the app's packages are an extra
    from redflow.api.app import Api

URL_VARIABLE = "REDFLOW_URL"

P = ParamSpec("P")
T = TypeVar("T")


def _with_included(
    start: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Let what starts executions register first what the engine has included."""

    @wraps(start)
    async def started(engine: Engine, /, *args: P.args, **kwargs: P.kwargs) -> T:
        await engine.register_included()
        return await start(engine, *args, **kwargs)

    return started


class Engine(AsyncClient):
    """What an application holds: register functions and workflows, execute them, run workers.

    `url` defaults to the environment's REDFLOW_URL; raises Misconfigured when neither is given.
    Connects when first used; `async with` closes it, and an embedded server with it.
    """

    def __init__(
        self,
        url: str | Connector | None = None,
        registry: Registry | None = None,
        *,
        namespace: str = "default",
        prefix: str = DEFAULT_PREFIX,
        metrics: Metrics | None = None,
        crypto: Crypto | None = None,
        egress: Egress | None = None,
        secrets: Sequence[SecretProvider] = (),
        payloads: Store | None = None,
        auth: AuthProvider | None = None,
    ) -> None:
        """`egress` is the way out of its workers' nodes, by default as REDFLOW_EGRESS_ALLOW says.

        `secrets` are asked before the environment, files and Redis: see docs/secrets.md. Large
        values go to `payloads`, by default as REDFLOW_PAYLOADS says: see docs/payloads.md. `auth`
        is asked about every call, but not about what its workers do: see docs/auth.md.
        """
        self.connector = _connector(url)
        self.prefix = prefix
        self.registry = registry if registry is not None else Registry()
        self.function = self.registry.function
        """Decorator: `@engine.function`, or `@engine.function("name", retry=3)`."""
        self.metrics = metrics if metrics is not None else default_metrics()
        self._egress = egress
        self._secrets = secrets
        self._flows: dict[str, FlowBuilder[Workflow] | Workflow] = {}
        self._due = False
        super().__init__(
            self.connector,
            namespace=namespace,
            prefix=prefix,
            on_started=self._count_started,
            crypto=crypto,
            payloads=payloads,
            auth=auth,
        )
        self._door.gate.on_decision = self.metrics.count_decision
        self.cron = CronManager(self)
        """Schedules: `engine.cron.add_schedule(...)`."""
        self.events = EventBus(self, metrics=self.metrics)
        """Handlers of events: `engine.events.register_handler("workflow.completed", handler)`."""

    @classmethod
    def local(cls, path: str | Path | None = None, **options: Any) -> Self:
        """An engine on an embedded Valkey: it starts with the first use and ends with this process.

        With `path` its data is kept in that directory.
        """
        return cls(EmbeddedConnector(path), **options)

    @classmethod
    def memory(cls, **options: Any) -> Self:
        """An engine on an in-process fake of Redis, for unit tests; needs the extra `testing`."""
        return cls(MemoryConnector(), **options)

    def elsewhere(self, server: str | Connector, namespace: str) -> Engine:
        """The same application on another server or namespace, with all it was given and includes.

        Both share functions, metrics, keys, the way out and the provider that is asked.
        """
        moved = Engine(
            server,
            self.registry,
            namespace=namespace,
            prefix=self.prefix,
            metrics=self.metrics,
            crypto=self._namespace.crypto,
            egress=self._egress,
            secrets=self._secrets,
            payloads=self._namespace.values.payloads,
            auth=self._door.gate.provider,
        )
        moved.events.take_over(self.events)
        for one in self.included:
            moved.include(one)
        return moved

    async def register_workflow(
        self,
        workflow: Workflow | FlowBuilder[Workflow],
        *,
        partitions: int | None = None,
        check: Callable[[Workflow], Sequence[Problem]] | None = None,
    ) -> WorkflowVersion:
        """Register a workflow for new executions; idempotent by content.

        Nodes take labels, timeout, retry and queue they leave open from their function. Of a flow
        that is not built yet, the decorated functions are registered here as well. Raises
        InvalidWorkflow with every problem. `partitions` counts when this creates the namespace;
        `check` replaces the registry's own checks.
        """
        return await super().register_workflow(
            self.registry.complete(self._taken_in(workflow)),
            partitions=partitions,
            check=check or self.registry.problems,
        )

    def include(self, flow: FlowBuilder[Workflow] | Workflow) -> Workflow:
        """Take in a flow: its decorated functions now, its workflow before it is first needed.

        That is when a worker of this engine starts, when this engine starts an execution, and when
        `redflow workflow register -A` is told to; whatever was added to the flow by then counts. A
        workflow that is built already may be included as well. Answers the workflow; raises
        InvalidWorkflow with every problem of its graph, InvalidInput when its id is taken.
        """
        workflow = self._taken_in(flow)
        known = self._flows.setdefault(workflow.id, flow)
        if known is not flow and self._taken_in(known).content_hash != workflow.content_hash:
            raise InvalidInput(
                f"another workflow {workflow.id!r} is included already",
                field="flow",
                hint="give one of them another id",
            )
        self._due = True
        return workflow

    @property
    def included(self) -> tuple[Workflow, ...]:
        """The workflows of the flows that were included, as they stand now."""
        return tuple(map(self._taken_in, self._flows.values()))

    def _taken_in(self, flow: FlowBuilder[Workflow] | Workflow) -> Workflow:
        return self.registry.include(flow) if isinstance(flow, FlowBuilder) else flow

    async def register_included(self) -> None:
        """Register what was included, unless this engine has; what failed is tried again."""
        if self._due:
            with self._door.inside():  # the application's own, whoever is the first to need it
                for workflow in self.included:
                    await self.register_workflow(workflow)
            self._due = False

    execute = _with_included(AsyncClient.execute)
    execute_many = _with_included(AsyncClient.execute_many)

    def worker(self, **settings: Any) -> Worker:
        """A worker in this process, for `async with`; settings are those of WorkerSettings."""
        return Worker(
            self.connector,
            self._space,
            self.registry,
            WorkerSettings(**settings),
            self.metrics,
            outfit=self._outfit(),
        )

    def receiver(self) -> Receiver:
        """What takes in deliveries to `engine.webhooks`, for an application of your own."""
        return Receiver(
            self, secrets=self._secrets, metrics=self.metrics, prepare=self.register_included
        )

    def webhook_app(self) -> WebhookApp:
        """An ASGI application that takes in deliveries, to be served alone or mounted."""
        return WebhookApp(self.receiver())

    def _outfit(self) -> Outfit:
        """What its workers have: one way out for all of them."""
        if self._egress is None:
            self._egress = Egress.from_env(
                os.environ, deny=self._own_addresses(), denied=self.metrics.count_denied
            )
        secrets = [*self._secrets, *providers_from(os.environ)]
        apprise = os.environ.get(APPRISE_VARIABLE) == "1"
        crypto, rights = self._namespace.crypto, self._door
        stored = self._namespace.values.payloads
        return Outfit(crypto, self._egress, secrets, apprise, stored, self.events, rights)

    def _own_addresses(self) -> tuple[str, ...]:
        """The servers of this engine, which no node may reach."""
        return self.connector.addresses if isinstance(self.connector, RedisConnector) else ()

    async def start_worker(self, worker_id: str, **settings: Any) -> None:
        """Run a worker under this id until it is cancelled or fails; no two may share an id."""
        await self.worker(worker_id=worker_id, **settings).run()

    def api(self, **options: Any) -> Api:
        """The HTTP API as an ASGI app, to be mounted or served: see docs/api.md.

        Options are those of `redflow.api.app.Api`: without `authenticators` it asks nobody who they
        are. Raises Misconfigured when the extra `api` is not installed.
        """
        own = {
            "registry": self.registry,
            "metrics": self.metrics,
            "receiver": partial(Receiver, secrets=self._secrets, metrics=self.metrics),
        }
        return create_app(self, **(own | options))

    async def close(self) -> None:
        """Close every connection, and the embedded server."""
        await super().close()
        if self._egress is not None:
            await self._egress.aclose()
        self._due = bool(self._flows)  # an embedded server may have ended with what it held
        if isinstance(self.connector, EmbeddedConnector):
            self.connector.close()

    async def _space(self) -> Space:
        """The namespace, with what was included registered in it."""
        await self.register_included()
        return await self._namespace.space()

    def _count_started(self, workflow: str, count: int) -> None:
        label = self.metrics.workflow_label(workflow)
        self.metrics.started.labels(self.namespace, label, "api").inc(count)


class EmbeddedConnector:
    """Connects to an embedded server that is started with the first driver."""

    where = "the embedded server"

    def __init__(self, path: str | Path | None = None) -> None:
        self._server = EmbeddedServer(path)
        self.lasting = path is not None

    def async_driver(self) -> AsyncDriver:
        """Make a driver; starts the server."""
        return self._connector().async_driver()

    def driver(self) -> Driver:
        """Make a synchronous driver; starts the server."""
        return self._connector().driver()

    def heartbeat_driver(self) -> Driver:
        """Make a synchronous driver with one connection; starts the server."""
        return self._connector().heartbeat_driver()

    def close(self) -> None:
        """End the server."""
        self._server.close()

    def _connector(self) -> RedisConnector:
        return RedisConnector(self._server.start().url)


def _connector(url: str | Connector | None) -> Connector:
    if url is None:
        url = os.environ.get(URL_VARIABLE)
    if not url:
        raise Misconfigured(
            f"no Redis URL: neither an argument nor {URL_VARIABLE} is set",
            hint='write Engine("redis://localhost:6379/0"), or Engine.local()',
        )
    return RedisConnector(url) if isinstance(url, str) else url
