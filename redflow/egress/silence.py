"""Keeps the debug log of httpcore out of our requests: it holds every header of a reply.

Other users of httpcore in the process keep their log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.proxy")

_ours: ContextVar[bool] = ContextVar("redflow_egress", default=False)


def _is_foreign(_: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_is_foreign)


@contextmanager
def silence() -> Iterator[None]:
    """Let httpcore say nothing in here."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)
