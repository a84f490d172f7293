"""Runs plain functions in threads; one past its deadline cannot be ended, so it is counted."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from redflow import logs
from redflow.nodes.context import Context

Finished = Callable[[Any, BaseException | None], None]


class _Job(NamedTuple):
    """A call, the context it runs in, and who hears of its end, in the thread."""

    call: Callable[[Context], Any]
    context: Context
    variables: contextvars.Context
    ended: Callable[[Any, BaseException | None], None]


class Threads:
    """A pool of `size` threads; ask `free` before starting.

    They are daemons: a function that never returns does not keep the process from ending.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.busy = 0
        self.stuck: dict[int, str] = {}
        self._loop = asyncio.get_running_loop()
        self._base = contextvars.copy_context()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = 0

    @property
    def free(self) -> int:
        """Threads without work; a stuck one is not free."""
        return self.size - self.busy

    def start(
        self, call: Callable[[Context], Any], context: Context, name: str, finished: Finished
    ) -> Callable[[], None]:
        """Run a function; `finished` is called on the loop. The answer marks it as stuck."""
        self.busy += 1
        if self._started < self.busy:
            self._started += 1
            threading.Thread(
                target=_work, args=(self._jobs,), name=f"redflow-step-{self._started}", daemon=True
            ).start()
        number = id(context)

        def ended(value: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(settle, value, error, context=self._base.copy())

        def settle(value: Any, error: BaseException | None) -> None:
            self.busy -= 1
            self.stuck.pop(number, None)
            finished(value, error)

        def mark_stuck() -> None:
            self.stuck[number] = name

        self._jobs.put(_Job(call, context, self._base.copy(), ended))
        return mark_stuck

    def too_many_stuck(self) -> bool:
        """Whether a quarter of the threads or more will not come back."""
        return len(self.stuck) * 4 >= self.size

    def close(self) -> None:
        """Start nothing more; threads under way end with their function or with the process."""
        for _ in range(self._started):
            self._jobs.put(None)


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    """What a thread does: one job after the other, until there is None."""
    while (job := jobs.get()) is not None:
        value, failure = None, None
        try:
            value = job.variables.run(_run, job.call, job.context)
        except BaseException as error:
            failure = error
        job.ended(value, failure)
        del job, value, failure  # a thread at rest keeps nothing alive


def _run(call: Callable[[Context], Any], context: Context) -> Any:
    logs.bind(context)
    return call(context)
