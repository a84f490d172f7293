"""Runs coroutines: inline as long as they do not suspend, then in a task that was kept ready.

A step that only computes costs no task. The first stretch runs as if it already were inside the
task that will carry the rest (`asyncio.current_task()`, timeouts and task groups see that one), and
always in the step's own context, so context variables survive.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine
from sys import getrefcount
from typing import Any

from redflow import logs

Finished = Callable[[Any, BaseException | None], None]


class _Carrier(Coroutine[Any, Any, None]):
    """What the kept task runs: nothing yet, then the rest of a coroutine that has yielded once.

    Not a coroutine function: a task that is cancelled before it has begun never enters one, and
    whoever cancels the task during the first stretch means the step that it will carry.
    """

    __slots__ = ("_box", "_context", "_coroutine", "_finished", "_waiting", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._box: asyncio.Future[None] = loop.create_future()
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._waiting: Any = None
        self._context: contextvars.Context | None = None
        self._finished: Finished | None = None
        self.task = loop.create_task(self)

    @property
    def disturbed(self) -> bool:
        """Whether a step that ended in its first stretch had cancelled the task it saw."""
        return self._box.done() or self.task.cancelling() > 0 or self.task._must_cancel  # type: ignore[attr-defined]

    def hand(
        self,
        coroutine: Coroutine[Any, Any, Any],
        waiting: Any,
        context: contextvars.Context,
        finished: Finished,
    ) -> asyncio.Task[None]:
        """Carry a coroutine that waits for `waiting`; only the caller keeps the task."""
        self._coroutine, self._waiting = coroutine, waiting
        self._context, self._finished = context, finished
        if not self._box.done():
            self._box.set_result(None)
        task = self.task
        del self.task
        return task

    def send(self, value: Any, /) -> Any:
        if self._coroutine is None:
            return next(self._box.__await__())
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            return waiting
        return self._step(self._coroutine.send, value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        error = kind if value is None else value
        if self._coroutine is None:
            raise error  # let go of
        waiting, self._waiting = self._waiting, None
        if asyncio.isfuture(waiting) and waiting.cancel():
            return waiting  # as in any task: what it waits for hears of it first
        return self._step(self._coroutine.throw, error)

    def close(self) -> None:
        if self._coroutine is not None:
            self._coroutine.close()

    def __await__(self) -> Any:
        raise TypeError("a carrier is run by its own task")

    def _step(self, resume: Callable[[Any], Any], sent: Any) -> Any:
        assert self._context is not None
        try:
            return self._context.run(resume, sent)
        except StopIteration as stop:
            self._end(stop.value, None)
        except KeyboardInterrupt as error:
            self._end(None, error)
            raise
        except BaseException as error:
            self._end(None, error)
        raise StopIteration

    def _end(self, value: Any, error: BaseException | None) -> None:
        finished, self._finished, self._coroutine = self._finished, None, None
        assert finished is not None
        finished(value, error)


class Coroutines:
    """Starts coroutines on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._base = contextvars.copy_context()
        self._carrier = _Carrier(self._loop)

    def start(
        self, coroutine: Coroutine[Any, Any, Any], bound: logs.Bound, finished: Finished
    ) -> asyncio.Task[None] | None:
        """Run a coroutine; None when it has finished already, else the task that carries it on.

        `finished(value, error)` is called exactly once, at once or from the task.
        """
        context, carrier, loop = self._base.copy(), self._carrier, self._loop
        task, value, failure = carrier.task, None, None
        references = getrefcount(task)
        outer = asyncio.current_task()
        if outer is not None:
            _leave_task(loop, outer)
        _enter_task(loop, task)
        try:
            waiting = context.run(_first_stretch, coroutine, bound)
        except StopIteration as stop:
            value = stop.value
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failure = error
        else:
            self._carrier = _Carrier(loop)
            return carrier.hand(coroutine, waiting, context, finished)
        finally:
            _leave_task(loop, task)
            if outer is not None:
                _enter_task(loop, outer)
        # A task that its step has cancelled, or keeps hold of, is not for the next step.
        if carrier.disturbed or getrefcount(task) > references:
            task.cancel()
            self._carrier = _Carrier(loop)
        finished(value, failure)
        return None

    def close(self) -> None:
        """Let go of the task kept ready."""
        self._carrier.task.cancel()


def _first_stretch(coroutine: Coroutine[Any, Any, Any], bound: logs.Bound) -> Any:
    logs.bind(bound)
    return coroutine.send(None)
