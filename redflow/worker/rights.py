"""Whether somebody may still start what is started on their behalf: children, and due schedules."""

from __future__ import annotations

from typing import Protocol


class Rights(Protocol):
    """What an application with an auth provider lends its workers; a client's door is one."""

    async def may_start(self, headers: bytes | None, workflow: str, method: str) -> None:
        """Return if whoever the headers name may start a workflow now; else raise AccessDenied."""
