"""Which executions a list shows, and which indexes hold them."""

from collections.abc import Mapping
from dataclasses import dataclass

from redflow.client.cursors import Place, Source
from redflow.client.views import labels_of, readable, status_of
from redflow.model.status import ExecutionStatus
from redflow.store.records import RawExecution

_UNFINISHED = ("live",)
_INDEXES = {
    ExecutionStatus.PENDING: _UNFINISHED,
    ExecutionStatus.RUNNING: _UNFINISHED,
    ExecutionStatus.COMPLETED: ("completed",),
    ExecutionStatus.FAILED: ("failed",),
    ExecutionStatus.CANCELLED: ("cancelled",),
}
_ALL = ("live", "completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; `since` is milliseconds, of the start or, once finished, of the end."""

    workflow: str | None
    status: ExecutionStatus | None
    labels: Mapping[str, str]
    since: int

    @property
    def selective(self) -> bool:
        """Whether more is left out than the indexes leave out already."""
        unfinished = self.status is not None and not self.status.terminal
        return self.workflow is not None or bool(self.labels) or unfinished

    def sources(self, partitions: int, behind: Place | None) -> list[Source]:
        """Return the indexes to be read, from the newest entry or behind a place."""
        indexes = _ALL if self.status is None else _INDEXES[self.status]
        return [Source(number, index, behind) for number in range(partitions) for index in indexes]

    def matches(self, raw: RawExecution) -> bool:
        """Say whether an execution is asked for."""
        if self.workflow is not None and raw.workflow != self.workflow:
            return False
        with readable(raw.id):
            if self.status not in (None, status_of(raw)):
                return False
        if not self.labels:
            return True
        given = labels_of(raw)
        return all(given.get(key) == value for key, value in self.labels.items())
