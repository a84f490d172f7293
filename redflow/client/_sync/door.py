# GENERATED from redflow/client/_async/door.py by tests/tools/unasync.py: change that file.
"""The way into a namespace: every call is asked about, and one that changes something recorded."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from redflow.auth.actions import Rule
from redflow.auth.gate import Gate
from redflow.auth.metadata import NOTHING
from redflow.auth.principal import Principal, acting_for, current, request_id
from redflow.auth.provider import AuthProvider
from redflow.client.access import resource_of
from redflow.client.arguments import check_asked_id
from redflow.client.lanes import inside, is_inside
from redflow.errors import AccessDenied, InvalidInput, NotFound, StoreError
from redflow.model import codec
from redflow.model.headers import PRINCIPAL, decode_headers
from redflow.model.ids import check_workflow_id
from redflow.model.workflow import Workflow
from redflow.store.audit_log import append_audit
from redflow.store.steps import read_fields
from redflow.store.workflows import read_workflow

if TYPE_CHECKING:  # a namespace has a door
    from redflow.client._sync.namespace import Namespace

LOGGER = logging.getLogger("redflow.client")


class Door:
    """Asks the gate about calls; without a provider it stands open, and nothing is recorded."""

    def __init__(self, namespace: Namespace, provider: AuthProvider | None) -> None:
        self.gate = Gate(provider)
        self._namespace = namespace

    @property
    def open(self) -> bool:
        """Whether a call need not ask: nobody decides, or it is part of one that has asked."""
        return self.gate.open or is_inside(self)

    def inside(self) -> AbstractContextManager[None]:
        """Let what is called inside pass."""
        return inside(self)

    def check(self, resource: str, action: str) -> None:
        """Ask about something of an application's own; raises AccessDenied."""
        self.gate.check(resource, action, metadata=partial(self._metadata, resource, {}))

    def may_start(self, headers: bytes | None, workflow: str, method: str) -> None:
        """Ask whether somebody may still start what they had asked for: a child, a due schedule.

        Headers that name nobody were stored where no provider was asked, and need none now; damaged
        ones stand for somebody without rights. Raises AccessDenied.
        """
        try:
            stored = decode_headers(headers).get(PRINCIPAL)
        except InvalidInput:
            stored = {}
        if self.gate.provider is None or stored is None:
            return
        resource = f"workflow:{self._namespace.name}:{workflow}"
        with acting_for(Principal.from_stored(stored), method):
            self.check(resource, "execute")

    def enter(self, rule: Rule, values: Mapping[str, Any]) -> bool:
        """Ask whether a call may be made; answers whether values are to be left out.

        What changes something is recorded first, so nothing happens that is not. Raises
        AccessDenied; StoreError when it cannot be recorded.
        """
        resource = resource_of(rule.resource, self._namespace.name, values)
        metadata = partial(self._metadata, resource, values)
        try:
            self.gate.check(resource, rule.action, metadata=metadata)
        except AccessDenied:
            if rule.changes:
                self._record_denied(rule.action, resource)
            raise
        if rule.changes:
            self.record(rule.action, resource, "allowed")
        if not rule.payload:
            return False
        try:
            self.gate.check(resource, "view_payload", metadata=metadata)
        except AccessDenied:
            return True
        return False

    def record(self, action: str, resource: str, decision: str) -> None:
        """Leave a record in the audit of the namespace; raises StoreError."""
        who = current() or Principal(method="")
        op = append_audit(
            self._namespace.unknown_space(),
            uuid.uuid4().hex,
            decision=decision,
            subject=who.subject,
            tenant=who.tenant,
            method=who.method,
            action=action,
            resource=resource,
            request=request_id(),
        )
        self._namespace.driver.run(op)

    def _record_denied(self, action: str, resource: str) -> None:
        """Record what does not happen; when that fails it still does not."""
        try:
            self.record(action, resource, "denied")
        except StoreError as error:
            LOGGER.warning("a denied %s on %s could not be recorded: %s", action, resource, error)

    def _metadata(self, resource: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Read the metadata of the workflow meant, or of the execution's; empty without one."""
        kind, _, rest = resource.partition(":")
        id = rest.partition(":")[2]
        if kind not in ("workflow", "execution") or id in ("", "*"):
            return NOTHING
        try:
            space = self._namespace.space()
        except NotFound:
            return _given(values)
        driver = self._namespace.driver
        if kind == "execution":
            partition = space.keys.partition_of(check_asked_id(id))
            (start,) = driver.run(read_fields(partition, id, ("start",)))
            if start is None:
                return NOTHING
            id = start.decode().split(" ")[1]
        found = driver.run(read_workflow(space, check_workflow_id(id)))
        if "about" not in found:
            return _given(values)
        metadata: Mapping[str, Any] = codec.decode(found["about"])[3]
        return metadata


def _given(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata that a workflow is to have which is not registered yet."""
    workflow = values.get("workflow")
    return workflow.metadata if isinstance(workflow, Workflow) else NOTHING
