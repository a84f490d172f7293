"""Calls a handler: a coroutine function on the loop, a plain one in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from redflow.events.event import Event

Handler = Callable[[Event], Any]
"""Takes an event; what it returns is awaited if it can be, and forgotten."""


class _Job(NamedTuple):
    event: Event
    variables: contextvars.Context
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[None]


class Caller:
    """Calls one handler, one event at a time; a thread that hangs holds up no other handler."""

    def __init__(self, handler: Handler, name: str) -> None:
        self._handler = handler
        self._name = name
        call = getattr(handler, "__call__", None)  # noqa: B004 - of an object with an async one
        self._async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
        self._jobs: queue.SimpleQueue[_Job] | None = None

    async def call(self, event: Event, timeout: float | None) -> None:
        """Call it and wait; raises what it raises, TimeoutError after so many seconds.

        A thread cannot be ended: the next call waits until it has returned.
        """
        async with asyncio.timeout(timeout):
            if self._async:
                await self._handler(event)
            else:
                await self._in_thread(event)

    async def _in_thread(self, event: Event) -> None:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(
                target=self._work, args=(self._jobs,), name=f"redflow-{self._name}", daemon=True
            ).start()
        loop = asyncio.get_running_loop()
        job = _Job(event, contextvars.copy_context(), loop, loop.create_future())
        self._jobs.put(job)
        await job.answer

    def _work(self, jobs: queue.SimpleQueue[_Job]) -> None:
        while True:
            job = jobs.get()
            if job.answer.cancelled():  # nobody waits any more, and it will be asked again
                continue
            error: BaseException | None = None
            try:
                job.variables.run(self._handler, job.event)
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed
                job.loop.call_soon_threadsafe(_answer, job.answer, error)
            del job, error


def _answer(answer: asyncio.Future[None], error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    elif isinstance(error, StopIteration | KeyboardInterrupt | SystemExit):
        answer.set_exception(RuntimeError(f"the handler raised {type(error).__name__}"))
    else:
        answer.set_exception(error)
