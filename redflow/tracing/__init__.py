"""Traces of executions by OpenTelemetry, which is an extra and never imported from here.

A process that has set up OpenTelemetry has imported it; in any other one there is nothing to do.
`tracing()` answers the tracing of this process or None; `mode.py` says what one trace holds,
`part.py` how a trace travels in the headers of an execution, `ids.py` how spans find each other
without being stored, `spans.py` makes them. May import the model. Read `spans.py` first.
"""

from redflow.tracing.mode import TraceMode
from redflow.tracing.part import Sent, read_sent
from redflow.tracing.process import configure, tracing
from redflow.tracing.spans import Tracing

__all__ = ["Sent", "TraceMode", "Tracing", "configure", "read_sent", "tracing"]
