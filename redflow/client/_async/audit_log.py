"""The audit of a namespace: who changed what, or was to, newest first."""

from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.client.arguments import check_audit_place, check_limit, check_text
from redflow.model.access import AuditRecord
from redflow.model.execution import Page
from redflow.store.audit_log import read_audit


@guarded
class AsyncAuditLog:
    """Reads the records that calls leave, and takes those of what other parts have judged."""

    def __init__(self, namespace: AsyncNamespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    async def list(self, *, cursor: str | None = None, limit: int = 50) -> Page[AuditRecord]:
        """Return records, newest first; the namespace keeps about 100,000."""
        before = "+" if cursor is None else f"({check_audit_place(cursor)}"
        op = read_audit(await self._namespace.space(), before=before, count=check_limit(limit))
        found = await self._namespace.driver.run(op)
        more = found[-1][0] if len(found) == limit else None
        return Page(tuple(record for _, record in found), more)

    async def record(self, action: str, resource: str, *, allowed: bool = True) -> None:
        """Leave a record of what was judged elsewhere, of whoever acts here; raises StoreError."""
        decision = "allowed" if allowed else "denied"
        await self._door.record(
            check_text(action, "action"), check_text(resource, "resource"), decision
        )
