"""The span of each run of a step; a worker has none of these unless its process has tracing."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Any

from redflow.driver import AsyncDriver
from redflow.errors import InvalidInput, StoreError
from redflow.model.headers import TRACE, decode_headers
from redflow.model.outcome import Completed, Failed, Outcome, Released, StartingChild
from redflow.nodes.context import Context, Resume
from redflow.store.records import RawStep, read_step
from redflow.store.steps import read_fields
from redflow.tracing import Sent, Tracing, read_sent
from redflow.tracing.ids import Run
from redflow.tracing.spans import MOST_LINKS
from redflow.worker.claims import Held
from redflow.worker.plans import Prepared

LOGGER = logging.getLogger("redflow.worker")


class Spans:
    """Begins and ends spans of runs; those of one worker.

    A step that several others lead to links to each of them. Their records are read for that while
    it runs, in one call and only if it is sampled; its span ends when they are there, at the time
    at which the step did.
    """

    def __init__(self, tracing: Tracing, driver: AsyncDriver) -> None:
        self._tracing = tracing
        self._driver = driver
        self._linking: dict[Any, asyncio.Task[None]] = {}

    def begin(self, held: Held, prepared: Prepared, context: Context, came: Resume | None) -> Any:
        """Begin the span of a run; user code that has this context runs within it."""
        sent = _sent(held)
        run = _run(held)
        span = self._tracing.begin_process(
            sent,
            run,
            name=prepared.step.id,
            at=_ready_at(held.token),
            attributes=_attributes(held, prepared),
        )
        context.enter = partial(self._tracing.enter, span)
        if span.is_recording() and self._tracing.chosen is not None:
            self._link(span, held, prepared, sent, came)
        return span

    def end(self, span: Any, outcome: Outcome | None) -> None:
        """End the span of a run as it came out; None when its lease was lost."""
        if not span.is_recording():
            return
        error = outcome.error.type if isinstance(outcome, Failed) else ""
        words = {"redflow.outcome": _word(outcome)}
        end = partial(self._tracing.end, span, time.time_ns(), words, error)
        linking = self._linking.get(span)
        if linking is None or linking.done():
            end()
        else:
            linking.add_done_callback(lambda _: end())

    def started_child(self, held: Held, child: str, workflow: str) -> None:
        """Say that a run has started an execution, which its worker has recorded by now."""
        if held.span is not None:
            attributes = {"redflow.execution.id": child, "redflow.workflow": workflow}
            self._tracing.send_child(held.span, child, workflow, attributes)

    async def close(self) -> None:
        """Wait for spans that wait for their links."""
        await asyncio.gather(*self._linking.values(), return_exceptions=True)

    def _link(
        self, span: Any, held: Held, prepared: Prepared, sent: Sent | None, came: Resume | None
    ) -> None:
        if came is not None and came[0] == "child":
            self._tracing.link_child(span, sent, _run(held), _ready_at(held.token), came[1].id)
        parents = sorted({parent.step for parent in prepared.step.parents})
        if len(parents) > 1 and came is None:
            task = asyncio.create_task(self._link_parents(span, held, sent, parents))
            self._linking[span] = task
            task.add_done_callback(lambda _: self._linking.pop(span, None))

    async def _link_parents(
        self, span: Any, held: Held, sent: Sent | None, parents: list[int]
    ) -> None:
        parents = parents[:MOST_LINKS]
        execution = held.envelope.execution
        names = [f"{letter}{parent}" for letter in "sr" for parent in parents]
        try:
            found = await self._driver.run(read_fields(held.partition, execution, names))
            resumed = found[len(parents) :]
            runs = [
                run_of(execution, read_step(parent, record), resumed=bool(came))
                for parent, record, came in zip(parents, found, resumed, strict=False)
                if record is not None
            ]
        except (StoreError, ValueError) as error:
            LOGGER.debug("a span has no links, records could not be read: %s", error)
            return
        self._tracing.link(span, sent, [one for one in runs if one is not None])


def run_of(execution: str, raw: RawStep, *, resumed: bool) -> tuple[Run, int] | None:
    """The run that settled a step, and when it became ready; None if none did."""
    if not raw.token or not raw.attempt:
        return None
    token = raw.token if resumed else ""
    run = Run(execution, raw.step, raw.attempt, raw.deliveries, raw.releases, token)
    return run, raw.ready_at


def _run(held: Held) -> Run:
    envelope = held.envelope
    token = held.token if envelope.resume is not None else ""
    counts = (envelope.attempt, envelope.deliveries, envelope.releases)
    return Run(envelope.execution, envelope.step, *counts, token)


def _sent(held: Held) -> Sent | None:
    try:
        return read_sent(decode_headers(held.envelope.headers).get(TRACE))
    except InvalidInput:  # a trace must not cost a step
        return None


def _ready_at(token: str) -> int:
    return int(token.partition("-")[0])


def _attributes(held: Held, prepared: Prepared) -> dict[str, str | int]:
    envelope, info = held.envelope, prepared.info
    return {
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": held.queue,
        "messaging.message.id": held.token,
        "redflow.namespace": info.namespace,
        "redflow.workflow": info.workflow,
        "redflow.workflow.version": info.version,
        "redflow.execution.id": envelope.execution,
        "redflow.node.id": info.node_id,
        "redflow.node.type": prepared.step.type,
        "redflow.attempt": envelope.attempt,
        "redflow.deliveries": envelope.deliveries,
        "redflow.worker.id": info.worker_id,
    }


def _word(outcome: Outcome | None) -> str:
    """What came of a run, in one word."""
    if outcome is None:
        return "lost"
    if isinstance(outcome, Completed):
        return "completed"
    if isinstance(outcome, Failed):
        return "failed"
    if isinstance(outcome, Released):
        return "released"
    return "child" if isinstance(outcome, StartingChild) else "waiting"
