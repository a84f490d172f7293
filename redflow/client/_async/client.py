"""The client: registers workflows, starts executions and asks about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from redflow.auth.provider import AuthProvider
from redflow.client._async.guard import guarded
from redflow.client._async.handle import AsyncHandle
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.operating import AsyncOperating
from redflow.client._async.registry import Check
from redflow.client._async.rooms import AsyncRooms
from redflow.client._async.signalling import Delivery
from redflow.client.answers import naming, raise_first
from redflow.client.arguments import (
    check_asked_id,
    check_hash,
    check_labels,
    check_limit,
    check_since,
    check_status,
    check_step_id,
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
    timing_of,
)
from redflow.client.reruns import UNSET, rerun_options_of
from redflow.client.sending import Sending
from redflow.crypto.crypto import Crypto
from redflow.crypto.values import Values
from redflow.driver import Connector
from redflow.model.execution import (
    Execution,
    ExecutionSummary,
    Page,
    Step,
    WorkflowInfo,
    WorkflowVersion,
)
from redflow.model.explain import Reason
from redflow.model.ids import check_label, check_node_id, check_workflow_id
from redflow.model.plan import Plan
from redflow.model.rerun import RerunPlan
from redflow.model.status import ExecutionStatus
from redflow.model.workflow import Workflow
from redflow.payloads.payloads import Store
from redflow.store.keys import DEFAULT_PREFIX
from redflow.store.space import Limits


@guarded
class AsyncClient(AsyncOperating):
    """Talks to one namespace; connects when first used. Close it, or use it as a context."""

    def __init__(
        self,
        server: str | Connector,
        *,
        namespace: str = "default",
        prefix: str = DEFAULT_PREFIX,
        limits: Limits | None = None,
        on_started: OnStarted | None = None,
        crypto: Crypto | None = None,
        payloads: Store | None = None,
        auth: AuthProvider | None = None,
    ) -> None:
        """`server` is a URL or a connector; `limits` bound one script call (tests lower them).

        `on_started` is told the workflow and the number of executions this client has started.
        With `crypto` (else REDFLOW_CRYPTO_KEYS) values are encrypted before they leave this
        process; with `payloads` (else REDFLOW_PAYLOADS) large ones go to a payload store. With
        `auth` every call asks it first: see docs/auth.md.
        """
        bounds = limits or Limits()
        self._namespace = AsyncNamespace(
            server, namespace, prefix, bounds, crypto, payloads=payloads, auth=auth
        )
        self._door = self._namespace.door
        self._rooms = AsyncRooms(self._namespace, on_started)
        self.workflows = self._rooms.workflows
        """Versions, status and pauses of registered workflows."""
        self.queues = self._rooms.queues
        """What waits in each queue, and its pauses."""
        self.workers = self._rooms.workers
        """The workers that beat lately."""
        self.schedules = self._rooms.schedules
        """What is started when."""
        self.webhooks = self._rooms.webhooks
        """Who may start workflows from outside."""
        self.keyring = self._rooms.keyring
        """The keys that values are sealed with."""
        self.payloads = self._rooms.payloads
        """What is in the payload store."""
        self.api_keys = self._rooms.api_keys
        """The keys that callers of the HTTP API show."""
        self.audit = self._rooms.audit
        """Who changed what, where an auth provider is set."""

    @property
    def _values(self) -> Values:
        return self._namespace.values

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
        await self._rooms.waiting.close()
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
        return await self._rooms.registry.register(workflow, partitions, check)

    async def get_workflow(self, workflow: str, version: int | None = None) -> WorkflowVersion:
        """Return a version of a workflow, by default the latest; raises NotFound."""
        number = None if version is None else check_version(version)
        return await self._rooms.registry.get(check_workflow_id(workflow), number)

    async def list_workflows(self) -> list[WorkflowInfo]:
        """Return all workflows, in the order they were first registered."""
        return await self._rooms.registry.all()

    async def get_plan(self, content_hash: str) -> Plan:
        """Return a compiled workflow by its content hash; raises NotFound."""
        return await self._rooms.plans.get(check_hash(content_hash))

    # Executions

    async def execute(
        self,
        workflow: str,
        input: Any = None,
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
        at: datetime | None = None,
        delay: float | str | timedelta | None = None,
        timeout: float | str | timedelta | None = None,
        version: int | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
    ) -> AsyncHandle:
        """Start an execution of a workflow; in one round trip once the workflow is known.

        Idempotent by `id`, or by `idempotency_key` which stands for one: with the same workflow and
        input the first execution is returned, else Conflict is raised (`on_conflict="return"`
        returns it all the same). It begins `at` a time or after a `delay`, else now, and FAILS when
        it takes longer than `timeout` from then on; seconds, or "5m". Raises NotFound,
        InvalidInput, PayloadTooLarge.
        """
        options = options_of(workflow, version, on_conflict)
        meta, timing = meta_of(labels, metadata), timing_of(at, delay, timeout)
        request = request_of(
            options, self._values, input, id=id, key=idempotency_key, meta=meta, timing=timing
        )
        with naming([request]), Sending(self.namespace, workflow, [request]) as (sent,):
            await self._rooms.single.start(options, sent)
        return self._handle(request.id)

    async def execute_many(
        self,
        workflow: str,
        inputs: Iterable[Any],
        *,
        ids: Sequence[str] | None = None,
        at: datetime | None = None,
        delay: float | str | timedelta | None = None,
        timeout: float | str | timedelta | None = None,
        version: int | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
    ) -> list[AsyncHandle]:
        """Start one execution for each input, many in one round trip; not atomic.

        All inputs are checked before the first is sent. Give `ids` to be able to repeat the call.
        """
        options = options_of(workflow, version, on_conflict)
        meta, timing = meta_of(labels, metadata), timing_of(at, delay, timeout)
        requests = requests_of(options, self._values, inputs, ids=ids, meta=meta, timing=timing)
        if requests:
            with naming(requests), Sending(self.namespace, workflow, requests) as sent:
                raise_first(await self._rooms.starter.start(options, sent), len(requests))
        return [self._handle(request.id) for request in requests]

    def handle(self, id: str) -> AsyncHandle:
        """Return a handle of an execution that was started before; asks nothing."""
        return self._handle(check_asked_id(id))

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
        return await self._rooms.lister.page(wanted, behind, check_limit(limit))

    # Acting on executions

    async def cancel_execution(self, id: str, reason: str = "") -> None:
        """Cancel an execution: what waits ends at once, what runs is told to, then it is undone.

        Raises NotFound, and Conflict when it has ended or is failing.
        """
        await self.handle(id).cancel(reason)

    async def fail_execution(self, id: str, message: str) -> None:
        """Fail an execution from outside, as if a step had; raises NotFound, Conflict."""
        await self.handle(id).fail(message)

    async def signal_execution(
        self, id: str, node: str, data: Any = None, *, signal_id: str | None = None
    ) -> Delivery:
        """Send a signal to a node that waits for it, or will: its id, or the name it waits for.

        Repeated with one `signal_id` it counts once. Raises NotFound, InvalidInput; Conflict when
        the execution has ended, or keeps as many early signals as it may.
        """
        return await self.handle(id).signal(node, data, id=signal_id)

    async def pause_execution(self, id: str, reason: str = "") -> None:
        """Start no more steps of an execution; those that run may finish, timers go on.

        Raises NotFound, and Conflict when it has ended or is stopping.
        """
        await self.handle(id).pause(reason)

    async def resume_execution(self, id: str) -> None:
        """Let a paused execution go on; raises NotFound, Conflict."""
        await self.handle(id).resume()

    async def skip_step(
        self, id: str, node: str, output: Any = None, *, label: str | None = None
    ) -> None:
        """Settle a node that is ready, running or waiting with an output; `label` is its branch.

        Raises NotFound, InvalidInput; Conflict when it has ended or is not ready.
        """
        execution, known = check_asked_id(id), check_node_id(node, field="node")
        chosen = None if label is None else check_label(label)
        await self._rooms.skipping.skip(execution, known, output, chosen)

    async def rerun_execution(
        self,
        id: str,
        from_node: str | None = None,
        input: Any = UNSET,
        version: int | None = None,
        compensation: bool = False,
    ) -> AsyncHandle:
        """Run an ended execution again as a new one; completed steps are kept where they can be.

        From `from_node` on everything runs again; with another `input` and no node, all of it. With
        `compensation` only the compensations that failed run. Every call makes another rerun.
        Raises NotFound, InvalidInput; Conflict when it has not ended.
        """
        options = rerun_options_of(self._values, from_node, input, version, compensation)
        return self._handle(await self._rooms.rerunning.rerun(check_asked_id(id), options))

    async def plan_rerun(
        self,
        id: str,
        from_node: str | None = None,
        input: Any = UNSET,
        version: int | None = None,
        compensation: bool = False,
    ) -> RerunPlan:
        """Say what `rerun_execution` would keep and run; changes nothing, raises the same."""
        options = rerun_options_of(self._values, from_node, input, version, compensation)
        return await self._rooms.rerunning.plan(check_asked_id(id), options)

    async def explain(self, id: str, node: str | None = None) -> list[Reason]:
        """Say why an execution, or one node of it, does not go on: all reasons, in order.

        Without a node: of the execution itself and of every step that is ready, running or waiting.
        Raises NotFound, InvalidInput.
        """
        return await self._rooms.explaining.explain(
            check_asked_id(id), None if node is None else check_step_id(node)
        )

    def _handle(self, id: str) -> AsyncHandle:
        return AsyncHandle(id, self._rooms)
