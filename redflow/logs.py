"""Structured logs by the standard library: JSON lines or lines for people.

Fields of the step, the trace and the request are bound by context variables, so they are on every
line that is logged in its coroutine, its tasks and its thread.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import IO, Any, Protocol


class Bound(Protocol):
    """Whatever knows the fields of the step that runs here."""

    def log_fields(self) -> dict[str, Any]:
        """Fields for every line logged while it is bound."""


current: ContextVar[Bound | None] = ContextVar("redflow_step", default=None)
"""The step or the request of this context: its coroutine, its tasks and its thread."""


def bind(bound: Bound) -> None:
    """Have this context run a step, within its span if it has one; for a context that ends with it.

    Called once for every step.
    """
    current.set(bound)
    enter: Callable[[], object] | None = getattr(bound, "enter", None)
    if enter is not None:
        enter()


def request_id() -> str:
    """The request that is served here, or that started the execution; "" for none."""
    bound = current.get()
    return "" if bound is None else str(bound.log_fields().get("request_id", ""))


def bound_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Fields of the step that a record names as `step`, else of the one that runs here."""
    own = getattr(record, "step", None)
    bound: Bound | None = own if hasattr(own, "log_fields") else current.get()
    return {} if bound is None else bound.log_fields()


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, event, what is bound, then `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; values JSON does not know are written as text."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "ts": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(bound_fields(record))
        extra = (item for item in vars(record).items() if item[0] not in _STANDARD)
        line.update((name, value) for name, value in extra if not hasattr(value, "log_fields"))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=_text, ensure_ascii=False)


def _text(value: object) -> str:
    """A value JSON does not know; one whose own text cannot be had must not cost the line."""
    try:
        return str(value)
    except Exception as error:
        return f"({type(value).__name__} whose text raised {type(error).__name__})"


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, execution and step, message; the level where it is above INFO."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, with the traceback of its exception below."""
        parts = [self.formatTime(record, "%H:%M:%S")]
        if record.levelno > logging.INFO:
            parts.append(record.levelname)
        fields = bound_fields(record)
        where = " ".join(fields[name] for name in ("execution_id", "step_id") if name in fields)
        if where:
            parts.append(f"{where}:")
        parts.append(record.getMessage())
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


FORMATS: dict[str, type[logging.Formatter]] = {"json": JsonFormatter, "console": ConsoleFormatter}


def configure(*, level: str = "INFO", stream: IO[str] | None = None, format: str = "json") -> None:
    """Send all logs of this process to a stream, by default standard error.

    `format` is `json` or `console`. For programs, not libraries.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATS[format]())
    logging.basicConfig(level=level, handlers=[handler], force=True)
