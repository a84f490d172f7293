"""What executions are given to carry with them when they are started, and the span of the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from redflow import logs
from redflow.auth.principal import principal_part
from redflow.client.requests import Request
from redflow.model.headers import REQUEST, TRACE, encode_headers
from redflow.model.outcome import type_name
from redflow.tracing import Tracing, tracing

LONGEST_REQUEST = 128


class Sending:
    """Gives the executions of one call their headers; a context around the call.

    All share one span, `send {workflow}`, which fails as the call does. Where nothing has to travel
    they are as they came.
    """

    __slots__ = ("_namespace", "_requests", "_span", "_tracing", "_workflow")

    def __init__(self, namespace: str, workflow: str, requests: Sequence[Request]) -> None:
        self._namespace = namespace
        self._workflow = workflow
        self._requests = requests
        self._tracing: Tracing | None = tracing()
        self._span: Any = None

    def __enter__(self) -> Sequence[Request]:
        parts = parts_now()
        if self._tracing is not None:
            self._span = self._tracing.begin_send(self._workflow, self._attributes())
            parts[TRACE] = self._tracing.sent_by(self._span).part()
        if not parts:
            return self._requests
        headers = encode_headers(parts)
        return [replace(request, headers=headers) for request in self._requests]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._tracing is not None and self._span is not None:
            self._tracing.end(self._span, None, {}, "" if kind is None else type_name(kind))

    def _attributes(self) -> dict[str, str | int]:
        """Attributes of the span: of one execution its id, of many how many."""
        known: dict[str, str | int] = {
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "redflow.namespace": self._namespace,
            "redflow.workflow": self._workflow,
        }
        if len(self._requests) == 1:
            known["redflow.execution.id"] = self._requests[0].id
        else:
            known["messaging.batch.message_count"] = len(self._requests)
        return known


def parts_now() -> dict[str, Any]:
    """The parts that what is started here carries, but for its trace."""
    request = logs.request_id()
    return ({REQUEST: request[:LONGEST_REQUEST]} if request else {}) | principal_part()
