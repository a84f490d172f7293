"""What a step sees of its execution."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from redflow.errors import InvalidInput, LeaseLost, Misconfigured
from redflow.model.headers import REQUEST, TRACE, decode_headers
from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus
from redflow.secrets.masking import Mask

if TYPE_CHECKING:
    from redflow.nodes.services import Services
    from redflow.secrets.values import SecretValue

LOGGER = logging.getLogger("redflow.step")

ENDINGS = {
    "lost": ("its lease was lost", "end now: another worker may run this step already"),
    "timeout": ("it timed out", "end now: that is recorded; allow more time, or do less at once"),
    "stop": ("its execution stops", "end now: the step is recorded as cancelled"),
    "shutdown": ("its worker stops", "end now: the step runs again, this attempt is not charged"),
}
"""Why an attempt is ended from outside, and what its function should do."""


@dataclass(frozen=True, slots=True)
class StepInfo:
    """What all attempts of one step of a workflow version share; `timeout` is seconds."""

    namespace: str
    workflow: str
    version: int
    node_id: str
    worker_id: str
    timeout: float | None
    services: Services | None = None
    """What steps reach the outside by."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The node's config as it is written, with templates in it."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How the execution that a step had started ended; `error` unless it COMPLETED."""

    id: str
    status: ExecutionStatus
    output: Any = None
    error: ErrorInfo | None = None


Resume = (
    tuple[Literal["timer", "timeout"]]
    | tuple[Literal["signal"], Any]
    | tuple[Literal["child"], ChildEnd]
)
"""What a step has waited for: its time, a signal or that none came, its child."""


class Context:
    """One attempt of one step; made by the worker, the same object in all its tasks and threads."""

    __slots__ = (
        "_headers",
        "_info",
        "_scope",
        "_started",
        "_token",
        "attempt",
        "ended_by",
        "enter",
        "execution_id",
        "input",
        "mask",
        "resume",
    )

    def __init__(
        self,
        info: StepInfo,
        execution_id: str,
        attempt: int,
        token: str,
        input: Any,
        *,
        resume: Resume | None = None,
        scope: Mapping[str, Any] | None = None,
        headers: bytes | None = None,
    ) -> None:
        self._info = info
        self._headers = headers
        self._scope = scope
        self._token = token
        self._started = time.time()
        self.execution_id = execution_id
        self.attempt = attempt
        self.input = input
        self.resume = resume
        """What this attempt has waited for, once it has: see Resume."""
        self.mask: Mask | None = None
        """The secrets this attempt has resolved, to be hidden in what it leaves."""
        self.ended_by = ""
        """What ended the attempt from outside: timeout, lost, stop, shutdown; "" while it runs."""
        self.enter: Callable[[], object] | None = None
        """Makes the span of the attempt current in the context that it runs in; None without."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """What expressions see: input, steps, vars, execution, workflow; no more than they read."""
        if self._scope is not None:
            return {"input": self.input, **self._scope}
        info = self._info
        return {
            "input": self.input,
            "steps": {},
            "vars": {},
            "execution": {"id": self.execution_id, "namespace": info.namespace},
            "workflow": {"id": info.workflow, "version": info.version},
        }

    @property
    def cancelled(self) -> bool:
        """Whether the step should end: it timed out, its execution stops, or its lease is lost."""
        return bool(self.ended_by)

    def check(self) -> None:
        """Raise LeaseLost once the attempt was ended from outside; call it before outside writes.

        Works in coroutines and threads, and asks nobody. LeaseLost is never recorded as a failure,
        and what a function returns after a lost lease or a timeout is not recorded either. No
        context reaches a child process: it is killed.
        """
        if self.ended_by:
            cause, then = ENDINGS[self.ended_by]
            raise LeaseLost(
                f"attempt {self.attempt} of node {self.node_id!r} of execution"
                f" {self.execution_id!r} is over: {cause}",
                hint=then,
            )

    @property
    def namespace(self) -> str:
        """Namespace of the execution."""
        return self._info.namespace

    @property
    def workflow(self) -> str:
        """Id of the workflow."""
        return self._info.workflow

    @property
    def version(self) -> int:
        """Version of the workflow the execution is pinned to."""
        return self._info.version

    @property
    def node_id(self) -> str:
        """Id of this step's node."""
        return self._info.node_id

    @property
    def worker_id(self) -> str:
        """The worker that runs this attempt."""
        return self._info.worker_id

    @property
    def config(self) -> Mapping[str, Any]:
        """The node's config as its workflow has it, before anything was filled in."""
        return self._info.config

    @property
    def services(self) -> Services:
        """Egress and secrets; raises Misconfigured where the worker lends none."""
        if self._info.services is None:
            raise Misconfigured(
                f"node {self.node_id!r} needs egress and secrets, and its worker has none",
                hint="run it by an Engine, or give the Worker an Outfit with egress",
            )
        return self._info.services

    async def secret(self, name: str) -> SecretValue:
        """Look up a secret of the namespace; what this step leaves behind will not show it.

        Raises SecretNotFound; Misconfigured where the worker has no secrets.
        """
        if self.mask is None:
            self.mask = Mask()
        return await self.services.secrets.masked_by(self.mask).resolve(self.namespace, name)

    @property
    def deadline(self) -> datetime | None:
        """When this attempt times out."""
        timeout = self._info.timeout
        return None if timeout is None else datetime.fromtimestamp(self._started + timeout, UTC)

    @property
    def fence(self) -> int:
        """Grows with every delivery of this step: refuse outside writes with a lower one."""
        milliseconds, _, sequence = self._token.partition("-")
        return (int(milliseconds) << 20) + int(sequence)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step: give it to outside systems that deduplicate."""
        return f"{self.execution_id}:{self._info.node_id}"

    @property
    def headers(self) -> dict[str, Any]:
        """What travels with the execution beside its input: see redflow/model/headers.py."""
        return decode_headers(self._headers)

    @property
    def logger(self) -> logging.Logger:
        """A logger whose lines carry the fields of this step."""
        return LOGGER

    def log_fields(self) -> dict[str, Any]:
        """Fields bound to every line logged from this step; none fails for damaged headers."""
        fields = {
            "namespace": self._info.namespace,
            "workflow": self._info.workflow,
            "execution_id": self.execution_id,
            "step_id": self._info.node_id,
            "attempt": self.attempt,
            "worker_id": self._info.worker_id,
        }
        if self._headers:
            with suppress(InvalidInput):
                fields |= _log_fields_of(decode_headers(self._headers))
        return fields


def _log_fields_of(headers: Mapping[str, Any]) -> dict[str, str]:
    """The trace and the request, as far as the headers name them."""
    fields = {}
    trace, request = headers.get(TRACE), headers.get(REQUEST)
    if isinstance(trace, Mapping) and isinstance(trace.get("p"), str):
        fields["trace_id"] = trace["p"][3:35]
    if isinstance(request, str):
        fields["request_id"] = request
    return fields
