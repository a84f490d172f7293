"""What requests may say: one struct for each body and each query; unknown fields are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from redflow.cron.decision import CatchUp, Overlap
from redflow.defaults import SLOTS, WEBHOOK_BYTES, WEBHOOK_RATE
from redflow.model.status import ExecutionStatus, WorkflowStatus
from redflow.model.webhook import SchemeOptions, WebhookScheme

Id = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,128}$")]
Node = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
Duration = Annotated[float, Meta(ge=0)] | str
Version = Annotated[int, Meta(ge=1, le=2**31)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Text = Annotated[str, Meta(max_length=4096)]
Label = Annotated[str, Meta(pattern=r"^[^:]+:")]
Moment = Annotated[datetime, Meta(tz=True)]


class Start(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An execution to start. Durations are seconds, or texts such as "5m".

    Idempotent by `id`, or by the header Idempotency-Key which stands for one.
    """

    workflow: Id
    input: Any = None
    id: Id | None = None
    at: Moment | None = None
    delay: Duration | None = None
    timeout: Duration | None = None
    version: Version | None = None
    labels: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    on_conflict: Literal["error", "return"] = "error"


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why something is done; it is kept and shown."""

    reason: Text = ""


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an execution is failed from outside."""

    message: Text


class Rerun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an ended execution is run again; with `dry_run` nothing is, and the plan is answered."""

    from_node: Node | None = None
    input: Any | UnsetType = UNSET
    version: Version | None = None
    compensation: bool = False
    dry_run: bool = False


class Skip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The output that settles a step in place of a worker; `label` is the branch it takes."""

    output: Any = None
    label: str | None = None


class Activate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version that new executions shall run."""

    version: Version


class SetStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a workflow takes new executions."""

    status: WorkflowStatus


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which executions are listed; `label` is `key:value` and may be repeated.

    `since` goes by the start of unfinished ones and by the end of others.
    """

    workflow: Id | None = None
    status: ExecutionStatus | None = None
    label: tuple[Label, ...] = ()
    since: Moment | None = None
    cursor: str | None = None
    limit: Limit = 50


class VersionsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions are listed."""

    cursor: Annotated[str, Meta(pattern="^[1-9][0-9]{0,9}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class ExplainQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is explained: the execution, or one of its nodes."""

    node: str | None = None


class AutoscaleQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose load is asked for; `concurrency` is how many steps one worker runs at once."""

    queue: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,63}$")] = "default"
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = SLOTS


class FeedQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events of a namespace are sent; all of them without `workflow` and `type`."""

    workflow: Id | None = None
    type: tuple[str, ...] = ()


class PutSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a schedule starts, and when: `cron` has five fields, or six with seconds last."""

    workflow: Id
    cron: Annotated[str, Meta(max_length=256)]
    input: Any = None
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    overlap: Overlap = "allow"
    catch_up: CatchUp = "last"
    jitter: Annotated[float, Meta(ge=0)] = 0.0
    labels: dict[str, str] = {}
    metadata: dict[str, Any] = {}


class NextQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many ticks are told."""

    count: Annotated[int, Meta(ge=1, le=100)] = 5


class PutWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may start a workflow from outside; `secrets` are the names of one or two.

    `path` may be the workflow's id, which everybody can guess; without it the path is random.
    """

    workflow: Id
    scheme: WebhookScheme = WebhookScheme.STANDARD
    secrets: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    path: Id | None = None
    rate: Annotated[int, Meta(ge=1, le=100_000)] | None = WEBHOOK_RATE
    body_limit: Annotated[int, Meta(ge=1, le=WEBHOOK_BYTES)] = WEBHOOK_BYTES
    headers: tuple[str, ...] = ()
    options: SchemeOptions | None = None
    input: Any = None
    allow_unsigned: bool = False


class RotateWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name of the secret that counts from now on; with `path`, a new random path as well."""

    secret: str | None = None
    path: bool = False
