"""Structured logs: JSON lines by the standard library, step fields bound by a context variable."""

from __future__ import annotations

import json
import logging
import time
from contextvars import ContextVar
from typing import IO, Any, Protocol


class Bound(Protocol):
    """Whatever knows the fields of the step that runs here."""

    def log_fields(self) -> dict[str, Any]:
        """Fields for every line logged while it is bound."""


current: ContextVar[Bound | None] = ContextVar("redflow_step", default=None)
"""The step that runs in this context: its coroutine, its tasks and its thread."""

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, event, the bound step, then `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; values JSON does not know are written as text."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "ts": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        own = getattr(record, "step", None)
        bound = own if hasattr(own, "log_fields") else current.get()
        if bound is not None:
            line.update(bound.log_fields())
        extra = (item for item in vars(record).items() if item[0] not in _STANDARD)
        line.update((name, value) for name, value in extra if value is not bound)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=_text, ensure_ascii=False)


def _text(value: object) -> str:
    """A value JSON does not know; one whose own text cannot be had must not cost the line."""
    try:
        return str(value)
    except Exception as error:
        return f"({type(value).__name__} whose text raised {type(error).__name__})"


def configure(*, level: str = "INFO", stream: IO[str] | None = None) -> None:
    """Send all logs of this process to a stream as JSON lines; for programs, not libraries."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
