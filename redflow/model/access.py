"""What is shown of access: API keys without their secrets, and records of the audit."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyInfo:
    """An API key as lists show it; `used_at` is exact to a minute."""

    id: str
    role: str
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey(ApiKeyInfo):
    """An API key that was just made; `key` is shown here and never again, nor by printing this."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One call that changed something, or was to: who made it, and whether it was allowed.

    `subject` is "" for somebody nobody had named. It says that a call was allowed, not that it
    succeeded, and never what was in it.
    """

    at: datetime
    decision: str
    subject: str = ""
    tenant: str = ""
    method: str = ""
    action: str = ""
    resource: str = ""
    request: str = ""
