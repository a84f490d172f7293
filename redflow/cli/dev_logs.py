"""Logs of `redflow dev` for a reader: time, message and step in a line."""

from __future__ import annotations

import logging

from redflow import logs
from redflow.cli.base import State
from redflow.cli.output import wants_json


class ReadableFormatter(logging.Formatter):
    """A line for each record; what is worse than INFO says so, and a step says which it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, with the traceback of its exception below."""
        parts = [self.formatTime(record, "%H:%M:%S")]
        if record.levelno > logging.INFO:
            parts.append(record.levelname)
        own = getattr(record, "step", None)
        bound = own if hasattr(own, "log_fields") else logs.current.get()
        if bound is not None:
            fields = bound.log_fields()
            parts.append(f"{fields.get('execution_id')} {fields.get('step_id')}:")
        parts.append(record.getMessage())
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(state: State, level: str) -> None:
    """Send the logs of this process to standard error: for a reader, or JSON if that is wanted."""
    if wants_json(state):
        logs.configure(level=level)
        return
    handler = logging.StreamHandler()
    handler.setFormatter(ReadableFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
