# GENERATED from redflow/client/_async/audit_log.py by tests/tools/unasync.py: change that file.
"""The audit of a namespace: who changed what, or was to, newest first."""

from redflow.client._sync.guard import guarded
from redflow.client._sync.namespace import Namespace
from redflow.client.arguments import check_audit_place, check_limit, check_text
from redflow.model.access import AuditRecord
from redflow.model.execution import Page
from redflow.store.audit_log import read_audit


@guarded
class AuditLog:
    """Reads the records that calls leave, and takes those of what other parts have judged."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    def list(self, *, cursor: str | None = None, limit: int = 50) -> Page[AuditRecord]:
        """Return records, newest first; the namespace keeps about 100,000."""
        before = "+" if cursor is None else f"({check_audit_place(cursor)}"
        op = read_audit(self._namespace.space(), before=before, count=check_limit(limit))
        found = self._namespace.driver.run(op)
        more = found[-1][0] if len(found) == limit else None
        return Page(tuple(record for _, record in found), more)

    def record(self, action: str, resource: str, *, allowed: bool = True) -> None:
        """Leave a record of what was judged elsewhere, of whoever acts here; raises StoreError."""
        decision = "allowed" if allowed else "denied"
        self._door.record(check_text(action, "action"), check_text(resource, "resource"), decision)
