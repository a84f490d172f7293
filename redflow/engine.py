"""The engine: a client that also knows functions and node types, and runs workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from redflow.client import AsyncClient
from redflow.driver import (
    AsyncDriver,
    Connector,
    Driver,
    EmbeddedServer,
    MemoryConnector,
    RedisConnector,
)
from redflow.errors import Misconfigured, Problem
from redflow.metrics import Metrics, default_metrics
from redflow.model.execution import WorkflowVersion
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from redflow.store.keys import DEFAULT_PREFIX
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker

URL_VARIABLE = "REDFLOW_URL"


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
    ) -> None:
        self.connector = _connector(url)
        self.prefix = prefix
        self.registry = registry if registry is not None else Registry()
        self.function = self.registry.function
        """Decorator: `@engine.function`, or `@engine.function("name", retry=3)`."""
        self.metrics = metrics if metrics is not None else default_metrics()
        super().__init__(
            self.connector, namespace=namespace, prefix=prefix, on_started=self._count_started
        )

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

    async def register_workflow(
        self,
        workflow: Workflow,
        *,
        partitions: int | None = None,
        check: Callable[[Workflow], Sequence[Problem]] | None = None,
    ) -> WorkflowVersion:
        """Register a workflow for new executions; idempotent by content.

        Nodes take labels, timeout, retry and queue they leave open from their function. Raises
        InvalidWorkflow with every problem. `partitions` counts when this creates the namespace;
        `check` replaces the registry's own checks.
        """
        return await super().register_workflow(
            self.registry.complete(workflow),
            partitions=partitions,
            check=check or self.registry.problems,
        )

    def worker(self, **settings: Any) -> Worker:
        """A worker in this process, for `async with`; settings are those of WorkerSettings."""
        return Worker(
            self.connector,
            self._namespace.space,
            self.registry,
            WorkerSettings(**settings),
            self.metrics,
        )

    async def start_worker(self, worker_id: str, **settings: Any) -> None:
        """Run a worker under this id until it is cancelled or fails; no two may share an id."""
        await self.worker(worker_id=worker_id, **settings).run()

    async def close(self) -> None:
        """Close every connection, and the embedded server."""
        await super().close()
        if isinstance(self.connector, EmbeddedConnector):
            self.connector.close()

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
