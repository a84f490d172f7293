"""The two spans there are: `send {workflow}` where an execution starts, `process {node}` for a run.

No payload gets into them, nor the text of an error, which may quote one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from redflow.tracing.ids import ChosenIds, Run, sent_id, trace_of
from redflow.tracing.mode import ERA, TraceMode
from redflow.tracing.part import Sent
from redflow.version import VERSION

Attributes = Mapping[str, str | int]

MOST_LINKS = 128
"""Of one span; the default limit of the SDK."""


class Tracing:
    """Makes spans by one provider. `chosen` is None where its tracer takes no ids from us: there
    are no links between steps then, since nobody could know where they lead.
    """

    def __init__(self, provider: Any, mode: TraceMode) -> None:
        self._api: Any = sys.modules["opentelemetry.trace"]
        self._attach: Callable[[Any], object] = sys.modules["opentelemetry.context"].attach
        self.provider = provider
        self.mode = mode
        self._tracer = provider.get_tracer("redflow", VERSION)
        self.chosen: ChosenIds | None = None
        ids = getattr(self._tracer, "id_generator", None)
        if ids is not None:
            self.chosen = ids if isinstance(ids, ChosenIds) else ChosenIds(ids)
            self._tracer.id_generator = self.chosen

    # Starting executions

    def begin_send(self, workflow: str, attributes: Attributes) -> Any:
        """Begin the span of a call that starts executions; end it when they have started."""
        context, links = None, []
        if self.mode is TraceMode.EXECUTION:
            caller = self._api.get_current_span().get_span_context()
            links = [self._api.Link(caller)] if caller.is_valid else []
            context = self._no_parent()
        return self._start(f"send {workflow}", "PRODUCER", context, attributes, links)

    def sent_by(self, span: Any) -> Sent:
        """What executions that this span starts carry."""
        context = span.get_span_context()
        flags, state = int(context.trace_flags), context.trace_state.to_header()
        at = round(time.time() * 1000)
        return Sent(context.trace_id, context.span_id, flags, state, self.mode, at)

    def send_child(self, parent: Any, child: str, workflow: str, attributes: Attributes) -> None:
        """Say that a step has started an execution: its steps are below this span."""
        if not parent.get_span_context().trace_flags & 1:
            return
        context = self._api.set_span_in_context(parent)
        if self.chosen is not None:
            self.chosen.choose(sent_id(child))
        self._start(f"send {workflow}", "PRODUCER", context, attributes, ()).end()

    # Running steps

    def begin_process(
        self, sent: Sent | None, run: Run, *, name: str, at: int, attributes: Attributes
    ) -> Any:
        """Begin the span of a run that became ready `at` (ms); what is not sampled records nothing.

        Without `sent` whoever started the execution had no tracing: the execution is the trace.
        """
        if sent is not None and not sent.sampled:
            return self._api.NonRecordingSpan(self._context(sent.trace_id, sent.span_id, sent))
        trace_id = self.trace_id(sent, run, at)
        links = self._own_links(sent, run, at)
        context = self._no_parent()
        if sent is not None and trace_id == sent.trace_id:
            parent = self._context(trace_id, self._parent_id(sent, run), sent)
            context = self._api.set_span_in_context(self._api.NonRecordingSpan(parent))
        elif sent is not None:
            links.insert(0, self._api.Link(self._context(sent.trace_id, sent.span_id, sent)))
        if self.chosen is not None:
            self.chosen.choose(run.span_id, trace_id)
        return self._start(f"process {name}", "CONSUMER", context, attributes, links)

    def trace_id(self, sent: Sent | None, run: Run, at: int) -> int:
        """The trace that a run belongs to which became ready `at` (ms)."""
        if sent is None:
            return trace_of(run.execution)
        if sent.mode is TraceMode.LINKED:
            return trace_of(sent.trace_id, run.span_id)
        era = max(0, at - sent.at) // ERA if sent.mode is TraceMode.EXECUTION else 0
        return trace_of(sent.trace_id, era) if era and self.chosen else sent.trace_id

    def link(self, span: Any, sent: Sent | None, runs: Iterable[tuple[Run, int]]) -> None:
        """Link a span to runs before it, each with the time at which it became ready."""
        for run, at in runs:
            span.add_link(self._context(self.trace_id(sent, run, at), run.span_id, sent))

    def link_child(self, span: Any, sent: Sent | None, run: Run, at: int, child: str) -> None:
        """Link a run that goes on to the span in which it had started an execution."""
        if self._is_of_first_era(sent, at):
            trace_id = self.trace_id(sent, before(run)[0], at)
            span.add_link(self._context(trace_id, sent_id(child), sent))

    def enter(self, span: Any) -> None:
        """Make a span the current one, here and in what this context starts."""
        self._attach(self._api.set_span_in_context(span))

    def end(self, span: Any, at: int | None, attributes: Attributes, error: str = "") -> None:
        """End a span at a time in ns, None for now; `error` is the type of what failed, or ""."""
        span.set_attributes(attributes)
        if error:
            span.set_attribute("error.type", error)
            span.set_status(self._api.Status(self._api.StatusCode.ERROR))
        span.end(end_time=at)

    # How

    def _start(
        self, name: str, kind: str, context: Any, attributes: Attributes, links: Sequence[Any]
    ) -> Any:
        given = {"messaging.system": "redis", **attributes}
        kinds = self._api.SpanKind
        return self._tracer.start_span(
            name, context=context, kind=kinds[kind], attributes=given, links=links
        )

    def _no_parent(self) -> Any:
        return self._api.set_span_in_context(self._api.INVALID_SPAN)

    def _context(self, trace_id: int, span_id: int, sent: Sent | None) -> Any:
        flags = self._api.TraceFlags(1 if sent is None else sent.flags)
        state = sent.state if sent is not None else ""
        states = self._api.TraceState.from_header([state]) if state else None
        return self._api.SpanContext(trace_id, span_id, True, flags, states)

    def _parent_id(self, sent: Sent, run: Run) -> int:
        """The span that started the execution: a step's, if it is a child or began as one."""
        chosen = self.chosen is not None and is_child(run.execution)
        return sent_id(run.execution) if chosen else sent.span_id

    def _is_of_first_era(self, sent: Sent | None, at: int) -> bool:
        """Whether what went before in the same step has surely the same trace."""
        return sent is None or sent.mode is not TraceMode.EXECUTION or at < sent.at + ERA

    def _own_links(self, sent: Sent | None, run: Run, at: int) -> list[Any]:
        """Links to the runs of the same step that went before, as far as they can be known."""
        if self.chosen is None or not self._is_of_first_era(sent, at):
            return []
        return [
            self._api.Link(self._context(self.trace_id(sent, one, at), one.span_id, sent))
            for one in before(run)
        ]


def is_child(execution: str) -> bool:
    """Whether a step has started it, by its id; ticks of schedules end in a number."""
    _, dot, last = execution.rpartition(".")
    return bool(dot) and not last.isdigit()


def before(run: Run) -> list[Run]:
    """The runs of the same step that led to this one; of an attempt before, its first."""
    own = (run.execution, run.step)
    if run.resumed:
        return [Run(*own, run.attempt, run.deliveries, run.releases)]
    if run.deliveries:
        return [Run(*own, run.attempt, run.deliveries - 1, run.releases)]
    if run.releases:
        return [Run(*own, run.attempt, run.deliveries, run.releases - 1)]
    return [Run(*own, run.attempt - 1)] if run.attempt > 1 else []
