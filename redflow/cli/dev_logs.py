"""Logs of `redflow dev`: lines for people, or JSON if that is wanted."""

from __future__ import annotations

from redflow import logs
from redflow.cli.base import State
from redflow.cli.output import wants_json


def configure(state: State, level: str) -> None:
    """Send the logs of this process to standard error: for a reader, or JSON if that is wanted."""
    logs.configure(level=level, format="json" if wants_json(state) else "console")
