"""redflow: durable workflows on the Redis you already run.

A map, from the bottom up. `model` says what a workflow means and touches nothing; `auth` says who
may ask for what; `nodes` is what a step does; `store` says how it is asked of Redis, as values,
beside the Lua scripts in `lua/`; `driver` asks; `client` is the producer's handle, `worker` runs
steps, `engine` is both in one object; `cli` is the command line. Imports go down only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from redflow.version import VERSION as __version__

if TYPE_CHECKING:
    from redflow.api.settings import ApiSettings as ApiSettings
    from redflow.auth.principal import Principal as Principal
    from redflow.auth.principal import identity as identity
    from redflow.auth.provider import AuthProvider as AuthProvider
    from redflow.auth.roles import RoleProvider as RoleProvider
    from redflow.client import AsyncClient as AsyncClient
    from redflow.client import AsyncHandle as AsyncHandle
    from redflow.client import Client as Client
    from redflow.client import Handle as Handle
    from redflow.client.cron import CronManager as CronManager
    from redflow.cron.schedule import Schedule as Schedule
    from redflow.crypto.crypto import Crypto as Crypto
    from redflow.crypto.keys import Key as Key
    from redflow.crypto.keys import KeyProvider as KeyProvider
    from redflow.egress import Egress as Egress
    from redflow.engine import Engine as Engine
    from redflow.errors import AccessDenied as AccessDenied
    from redflow.errors import Conflict as Conflict
    from redflow.errors import DecryptionFailed as DecryptionFailed
    from redflow.errors import ExecutionCancelled as ExecutionCancelled
    from redflow.errors import ExecutionFailed as ExecutionFailed
    from redflow.errors import InputTooLarge as InputTooLarge
    from redflow.errors import InvalidInput as InvalidInput
    from redflow.errors import InvalidWorkflow as InvalidWorkflow
    from redflow.errors import KeyMissing as KeyMissing
    from redflow.errors import LeaseLost as LeaseLost
    from redflow.errors import Misconfigured as Misconfigured
    from redflow.errors import NotFound as NotFound
    from redflow.errors import OutOfMemory as OutOfMemory
    from redflow.errors import PayloadDamaged as PayloadDamaged
    from redflow.errors import PayloadMissing as PayloadMissing
    from redflow.errors import PayloadTooLarge as PayloadTooLarge
    from redflow.errors import Problem as Problem
    from redflow.errors import RedflowError as RedflowError
    from redflow.errors import StoreError as StoreError
    from redflow.errors import Unauthenticated as Unauthenticated
    from redflow.errors import Unavailable as Unavailable
    from redflow.errors import VersionMismatch as VersionMismatch
    from redflow.events.bus import EventBus as EventBus
    from redflow.events.event import Event as Event
    from redflow.metrics import Metrics as Metrics
    from redflow.model.access import ApiKeyInfo as ApiKeyInfo
    from redflow.model.access import AuditRecord as AuditRecord
    from redflow.model.access import NewApiKey as NewApiKey
    from redflow.model.execution import Execution as Execution
    from redflow.model.execution import ExecutionSummary as ExecutionSummary
    from redflow.model.execution import Page as Page
    from redflow.model.execution import Step as Step
    from redflow.model.execution import StepReason as StepReason
    from redflow.model.execution import WorkflowInfo as WorkflowInfo
    from redflow.model.execution import WorkflowVersion as WorkflowVersion
    from redflow.model.explain import Reason as Reason
    from redflow.model.explain import ReasonCode as ReasonCode
    from redflow.model.operations import KeyUse as KeyUse
    from redflow.model.operations import Pause as Pause
    from redflow.model.operations import QueueInfo as QueueInfo
    from redflow.model.operations import WorkerInfo as WorkerInfo
    from redflow.model.outcome import AwaitingSignal as AwaitingSignal
    from redflow.model.outcome import Branch as Branch
    from redflow.model.outcome import Fail as Fail
    from redflow.model.outcome import Retry as Retry
    from redflow.model.outcome import Sleeping as Sleeping
    from redflow.model.outcome import StartingChild as StartingChild
    from redflow.model.rerun import RerunPlan as RerunPlan
    from redflow.model.retry import RetryPolicy as RetryPolicy
    from redflow.model.status import ExecutionStatus as ExecutionStatus
    from redflow.model.status import Phase as Phase
    from redflow.model.status import StepStatus as StepStatus
    from redflow.model.status import WorkflowStatus as WorkflowStatus
    from redflow.model.undo import Undo as Undo
    from redflow.model.workflow import Edge as Edge
    from redflow.model.workflow import Node as Node
    from redflow.model.workflow import Workflow as Workflow
    from redflow.nodes.base import NodeConfig as NodeConfig
    from redflow.nodes.base import NodeType as NodeType
    from redflow.nodes.context import Context as Context
    from redflow.nodes.registry import Registry as Registry
    from redflow.payloads.files import FileStore as FileStore
    from redflow.payloads.payloads import Payloads as Payloads
    from redflow.payloads.s3 import S3Store as S3Store
    from redflow.payloads.store import PayloadStore as PayloadStore
    from redflow.secrets.reference import Secret as Secret
    from redflow.worker.settings import WorkerSettings as WorkerSettings
    from redflow.worker.worker import Worker as Worker

# Where each public name lives: `import redflow` imports none of them.
_HOMES = {
    "AccessDenied": "redflow.errors",
    "ApiKeyInfo": "redflow.model.access",
    "ApiSettings": "redflow.api.settings",
    "AsyncClient": "redflow.client",
    "AsyncHandle": "redflow.client",
    "AuditRecord": "redflow.model.access",
    "AuthProvider": "redflow.auth.provider",
    "AwaitingSignal": "redflow.model.outcome",
    "Branch": "redflow.model.outcome",
    "Client": "redflow.client",
    "Conflict": "redflow.errors",
    "Context": "redflow.nodes.context",
    "CronManager": "redflow.client.cron",
    "Crypto": "redflow.crypto.crypto",
    "DecryptionFailed": "redflow.errors",
    "Edge": "redflow.model.workflow",
    "Egress": "redflow.egress",
    "Engine": "redflow.engine",
    "Event": "redflow.events.event",
    "EventBus": "redflow.events.bus",
    "Execution": "redflow.model.execution",
    "ExecutionCancelled": "redflow.errors",
    "ExecutionFailed": "redflow.errors",
    "ExecutionStatus": "redflow.model.status",
    "ExecutionSummary": "redflow.model.execution",
    "Fail": "redflow.model.outcome",
    "FileStore": "redflow.payloads.files",
    "Handle": "redflow.client",
    "InputTooLarge": "redflow.errors",
    "InvalidInput": "redflow.errors",
    "InvalidWorkflow": "redflow.errors",
    "Key": "redflow.crypto.keys",
    "KeyMissing": "redflow.errors",
    "KeyProvider": "redflow.crypto.keys",
    "KeyUse": "redflow.model.operations",
    "LeaseLost": "redflow.errors",
    "Metrics": "redflow.metrics",
    "Misconfigured": "redflow.errors",
    "NewApiKey": "redflow.model.access",
    "Node": "redflow.model.workflow",
    "NodeConfig": "redflow.nodes.base",
    "NodeType": "redflow.nodes.base",
    "NotFound": "redflow.errors",
    "OutOfMemory": "redflow.errors",
    "Page": "redflow.model.execution",
    "Pause": "redflow.model.operations",
    "PayloadDamaged": "redflow.errors",
    "PayloadMissing": "redflow.errors",
    "PayloadStore": "redflow.payloads.store",
    "PayloadTooLarge": "redflow.errors",
    "Payloads": "redflow.payloads.payloads",
    "Phase": "redflow.model.status",
    "Principal": "redflow.auth.principal",
    "Problem": "redflow.errors",
    "QueueInfo": "redflow.model.operations",
    "Reason": "redflow.model.explain",
    "ReasonCode": "redflow.model.explain",
    "RedflowError": "redflow.errors",
    "Registry": "redflow.nodes.registry",
    "RerunPlan": "redflow.model.rerun",
    "Retry": "redflow.model.outcome",
    "RetryPolicy": "redflow.model.retry",
    "RoleProvider": "redflow.auth.roles",
    "S3Store": "redflow.payloads.s3",
    "Schedule": "redflow.cron.schedule",
    "Secret": "redflow.secrets.reference",
    "Sleeping": "redflow.model.outcome",
    "StartingChild": "redflow.model.outcome",
    "Step": "redflow.model.execution",
    "StepReason": "redflow.model.execution",
    "StepStatus": "redflow.model.status",
    "StoreError": "redflow.errors",
    "Unauthenticated": "redflow.errors",
    "Unavailable": "redflow.errors",
    "Undo": "redflow.model.undo",
    "VersionMismatch": "redflow.errors",
    "Worker": "redflow.worker.worker",
    "WorkerInfo": "redflow.model.operations",
    "WorkerSettings": "redflow.worker.settings",
    "Workflow": "redflow.model.workflow",
    "WorkflowInfo": "redflow.model.execution",
    "WorkflowStatus": "redflow.model.status",
    "WorkflowVersion": "redflow.model.execution",
    "identity": "redflow.auth.principal",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - the table is the one place


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'redflow' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
