"""The tracing of this process: whatever OpenTelemetry it has set up."""

from __future__ import annotations

import os
import sys
from typing import Any

from redflow.extras import extra
from redflow.tracing.mode import VARIABLE, TraceMode, trace_mode
from redflow.tracing.spans import Tracing

MODULE = "opentelemetry.trace"


class _Process:
    """What was configured, and the tracing made of the provider that was met last."""

    mode: TraceMode | None = None
    provider: Any = None
    made: Tracing | None = None


_process = _Process()


def configure(*, mode: TraceMode | str | None = None, provider: Any = None) -> None:
    """Choose what a trace holds, and a tracer provider other than OpenTelemetry's global one.

    Without it the mode is that of REDFLOW_TRACE_MODE, else `execution`. Counts for what is started
    from now on, and for workers that start from now on. Raises Misconfigured for an unknown mode,
    and for a provider without the extra `otel`.
    """
    if provider is not None:
        extra(MODULE, "otel", "tracing")
    _process.mode = None if mode is None else trace_mode(str(mode))
    _process.provider, _process.made = provider, None


def tracing() -> Tracing | None:
    """The tracing of this process; None while nothing in it has set up OpenTelemetry.

    Cheap: without OpenTelemetry it looks up one name.
    """
    api = sys.modules.get(MODULE)
    if api is None:
        return None
    provider = _process.provider or api.get_tracer_provider()
    if isinstance(provider, api.ProxyTracerProvider):
        return None  # the API alone: nobody has said where spans go
    made = _process.made
    if made is None or made.provider is not provider:
        mode = _process.mode or trace_mode(os.environ.get(VARIABLE) or TraceMode.EXECUTION)
        _process.made = made = Tracing(provider, mode)
    return made
