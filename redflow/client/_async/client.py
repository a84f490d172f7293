"""The client: registers workflows, starts executions and asks about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from redflow.client._async.handle import AsyncHandle
from redflow.client._async.listing import AsyncLister
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.plans import AsyncPlans
from redflow.client._async.reading import AsyncReader
from redflow.client._async.registry import AsyncRegistry, Check
from redflow.client._async.single import AsyncSingle
from redflow.client._async.starting import AsyncStarter
from redflow.client._async.waiting import AsyncWaiting
from redflow.client.answers import naming, raise_first
from redflow.client.arguments import (
    check_hash,
    check_labels,
    check_limit,
    check_since,
    check_status,
    check_version,
)
from redflow.client.cursors import place_of
from redflow.client.filters import Filter
from redflow.client.requests import (
    OnConflict,
    OnStarted,
    meta_of,
    options_of,
    request_of,
    requests_of,
)
from redflow.driver import Connector
from redflow.model.execution import (
    Execution,
    ExecutionSummary,
    Page,
    Step,
    WorkflowInfo,
    WorkflowVersion,
)
from redflow.model.ids import check_execution_id, check_workflow_id
from redflow.model.plan import Plan
from redflow.model.status import ExecutionStatus
from redflow.model.workflow import Workflow
from redflow.store.keys import DEFAULT_PREFIX
from redflow.store.space import Limits


class AsyncClient:
    """Talks to one namespace; connects when first used. Close it, or use it as a context."""

    def __init__(
        self,
        server: str | Connector,
        *,
        namespace: str = "default",
        prefix: str = DEFAULT_PREFIX,
        limits: Limits | None = None,
        on_started: OnStarted | None = None,
    ) -> None:
        """`server` is a URL or a connector; `limits` bound one script call (tests lower them).

        `on_started` is told the workflow and the number of executions this client has started.
        """
        self._namespace = AsyncNamespace(server, namespace, prefix, limits or Limits())
        self._plans = AsyncPlans(self._namespace)
        self._registry = AsyncRegistry(self._namespace, self._plans)
        self._starter = AsyncStarter(self._namespace, self._plans, on_started)
        self._single = AsyncSingle(self._starter)
        self._reader = AsyncReader(self._namespace, self._plans)
        self._lister = AsyncLister(self._namespace, self._reader)
        self._waiting = AsyncWaiting(self._namespace)

    @property
    def namespace(self) -> str:
        """The namespace it talks to."""
        return self._namespace.name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        await self._waiting.close()
        await self._namespace.close()

    # Workflows

    async def create_namespace(self, partitions: int | None = None) -> int:
        """Create the namespace if it is missing and return its number of partitions (16).

        Raises Conflict when it exists with another number: that is fixed for good.
        """
        return (await self._namespace.create(partitions)).keys.partitions

    async def register_workflow(
        self, workflow: Workflow, *, partitions: int | None = None, check: Check | None = None
    ) -> WorkflowVersion:
        """Register a workflow, in a namespace that is created if it is missing.

        Content equal to an earlier version answers that version; doing it again repairs partitions
        that an interrupted registration missed. `check` replaces the checks of the graph alone.
        Raises InvalidWorkflow with every problem, before anything is written.
        """
        return await self._registry.register(workflow, partitions, check)

    async def get_workflow(self, workflow: str, version: int | None = None) -> WorkflowVersion:
        """Return a version of a workflow, by default the latest; raises NotFound."""
        number = None if version is None else check_version(version)
        return await self._registry.get(check_workflow_id(workflow), number)

    async def list_workflows(self) -> list[WorkflowInfo]:
        """Return all workflows, in the order they were first registered."""
        return await self._registry.all()

    async def get_plan(self, content_hash: str) -> Plan:
        """Return a compiled workflow by its content hash; raises NotFound."""
        return await self._plans.get(check_hash(content_hash))

    # Executions

    async def execute(
        self,
        workflow: str,
        input: Any = None,
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
        version: int | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
    ) -> AsyncHandle:
        """Start an execution of a workflow; in one round trip once the workflow is known.

        Idempotent by `id`, or by `idempotency_key` which stands for one: with the same workflow and
        input the first execution is returned, else Conflict is raised (`on_conflict="return"`
        returns it all the same). Raises NotFound, InvalidInput, PayloadTooLarge.
        """
        options = options_of(workflow, version, on_conflict)
        meta = meta_of(labels, metadata)
        request = request_of(options, self.namespace, input, id=id, key=idempotency_key, meta=meta)
        with naming([request]):
            await self._single.start(options, request)
        return self._handle(request.id)

    async def execute_many(
        self,
        workflow: str,
        inputs: Iterable[Any],
        *,
        ids: Sequence[str] | None = None,
        version: int | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
    ) -> list[AsyncHandle]:
        """Start one execution for each input, many in one round trip; not atomic.

        All inputs are checked before the first is sent. Give `ids` to be able to repeat the call.
        """
        options = options_of(workflow, version, on_conflict)
        meta = meta_of(labels, metadata)
        requests = requests_of(options, self.namespace, inputs, ids=ids, meta=meta)
        if requests:
            with naming(requests):
                raise_first(await self._starter.start(options, requests), len(requests))
        return [self._handle(request.id) for request in requests]

    def handle(self, id: str) -> AsyncHandle:
        """Return a handle of an execution that was started before; asks nothing."""
        return self._handle(check_execution_id(id, field="id"))

    async def get_execution(self, id: str) -> Execution:
        """Return an execution with its values; raises NotFound."""
        return await self.handle(id).execution()

    async def get_execution_steps(self, id: str) -> list[Step]:
        """Return the steps of an execution, parents first; raises NotFound."""
        return await self.handle(id).steps()

    async def list_executions(
        self,
        workflow: str | None = None,
        *,
        status: ExecutionStatus | str | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[ExecutionSummary]:
        """Return executions, newest first: unfinished by their start, finished by their end.

        `since` goes by the same times. At most 1,000 executions are examined by one call, so with
        filters a page may be short: as long as `more` is true, go on with its cursor.
        """
        wanted = Filter(
            None if workflow is None else check_workflow_id(workflow),
            check_status(status),
            check_labels(labels),
            check_since(since),
        )
        behind = None if cursor is None else place_of(cursor)
        return await self._lister.page(wanted, behind, check_limit(limit))

    def _handle(self, id: str) -> AsyncHandle:
        return AsyncHandle(id, self._reader, self._waiting)
