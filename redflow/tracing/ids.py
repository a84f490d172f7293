"""Ids of spans that anybody can work out who knows what the span is of.

A step links to spans that other workers have made: those of its predecessors, of the attempt
before, of the execution that started its own. Nothing is stored for that. An id is a hash of the
run it is of, and the tracer of redflow gets it from here instead of by chance.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Any


def _hashed(size: int, *words: object) -> int:
    text = "\0".join(map(str, words)).encode()
    found = int.from_bytes(hashlib.blake2b(text, digest_size=size, person=b"redflow").digest())
    return found or 1  # 0 is no id


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a step: an attempt, as often as it was delivered or given back.

    A run that went on after a wait is told by its token: the same attempt may wait several times.
    """

    execution: str
    step: int
    attempt: int = 1
    deliveries: int = 0
    releases: int = 0
    resumed: str = ""

    @property
    def span_id(self) -> int:
        """The id of its span."""
        counts = (self.attempt, self.deliveries, self.releases)
        return _hashed(8, self.execution, self.step, *counts, self.resumed)


def sent_id(execution: str) -> int:
    """The id of the span in which a step started this execution."""
    return _hashed(8, execution, "send")


def trace_of(*words: object) -> int:
    """The id of a trace that begins without a parent."""
    return _hashed(16, *words)


class ChosenIds:
    """The id generator of redflow's tracer: hands out what was chosen, else what it replaces does.

    A tracer belongs to one name, so no other instrumentation gets its ids from here. Threads do not
    meet: what one chooses only its own next span gets.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._next = threading.local()

    def choose(self, span_id: int, trace_id: int = 0) -> None:
        """Have the next span of this thread get these ids; its trace's only if it is a root."""
        self._next.span, self._next.trace = span_id, trace_id

    def generate_span_id(self) -> int:
        """The id of a new span."""
        chosen: int = getattr(self._next, "span", 0)
        self._next.span = self._next.trace = 0
        return chosen or int(self._inner.generate_span_id())

    def generate_trace_id(self) -> int:
        """The id of a new trace; asked before that of its first span."""
        chosen: int = getattr(self._next, "trace", 0)
        return chosen or int(self._inner.generate_trace_id())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
