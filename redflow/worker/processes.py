"""Runs CPU-bound functions in child processes; one past its deadline is killed."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import cache, reduce
from importlib import import_module
from typing import Any

from pebble import ProcessPool

from redflow.errors import RedflowError
from redflow.model import codec
from redflow.model.decorators import NodeFunction
from redflow.model.outcome import Branch, ErrorInfo, Fail, OutcomeReason, Retry
from redflow.nodes.base import UnfitInput
from redflow.nodes.binding import How, bound_in_child

Finished = Callable[[Any, BaseException | None], None]
Answer = tuple[str, Any, Any]
"""What comes back, as plain values: `output`, bytes and label; or the kind of an error (`error`,
`fail`, `retry`; `input_error`, `output_error`), its stored form, the delay that was asked for."""


class DeadlinePassed(Exception):
    """The child was killed at the deadline of its attempt."""


class ChildDied(RedflowError):
    """The child process ended before its function did."""


class RaisedInChild(Exception):
    """What a function raised in a child, as it is stored: exceptions themselves may not travel."""

    def __init__(self, kind: str, info: ErrorInfo, after: float | None) -> None:
        super().__init__(info.message)
        self.kind = kind
        self.info = info
        self.after = after


class Processes:
    """`size` children, each started when first needed; values cross over as MessagePack.

    Every child has a pool of its own: one that dies takes nobody else's work with it. Ask `free`
    before starting.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.busy = 0
        self._loop = asyncio.get_running_loop()
        # spawn: a fork would take over the loop, the connections and every thread's locks.
        self._context = multiprocessing.get_context("spawn")
        self._idle: list[ProcessPool] = []
        self._pools: set[ProcessPool] = set()

    @property
    def free(self) -> int:
        """Children without work, counting those not started yet."""
        return self.size - self.busy

    def start(
        self,
        function: Callable[..., Any],
        value: Any,
        timeout: float | None,
        finished: Finished,
    ) -> Callable[[], object]:
        """Call `function(value)` in a child, `finished` on the loop; the answer kills the child."""
        name = f"{function.__module__}:{function.__qualname__}"
        arguments = [name, codec.encode(value), getattr(function, "how", None)]
        pool = self._take()
        try:
            future = pool.schedule(call_in_child, args=arguments, timeout=timeout)
        except BaseException:
            self._drop(pool)
            raise
        self.busy += 1

        def ended(future: Future[Answer]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(settle, future)

        def settle(future: Future[Answer]) -> None:
            self.busy -= 1
            if pool in self._pools:
                self._idle.append(pool)
            finished(*_result(name, future))

        future.add_done_callback(ended)
        return future.cancel

    def close(self) -> None:
        """Kill the children; may take seconds for one that is deep in C code."""
        for pool in self._pools:
            pool.stop()
        for pool in self._pools:
            pool.join()
        self._pools.clear()
        self._idle.clear()

    def _take(self) -> ProcessPool:
        """A pool without work; one whose child died at rest is replaced."""
        while self._idle:
            pool = self._idle.pop()
            if pool.active:
                return pool
            self._drop(pool)
        pool = ProcessPool(max_workers=1, context=self._context)
        self._pools.add(pool)
        return pool

    def _drop(self, pool: ProcessPool) -> None:
        self._pools.discard(pool)
        pool.stop()
        self._loop.run_in_executor(None, pool.join)


def _result(name: str, future: Future[Answer]) -> tuple[Any, BaseException | None]:
    try:
        kind, first, second = future.result()
    except CancelledError:
        return None, asyncio.CancelledError()
    except TimeoutError:
        return None, DeadlinePassed()
    except BaseException as error:
        code = getattr(error, "exitcode", None)
        how = "" if code is None else f" with exit code {code}"
        return None, ChildDied(
            f"the child process died{how} while it ran {name}",
            hint="look for a crash in C code, or the kernel's out-of-memory killer",
        )
    if kind == "output":
        output = codec.decode(first)
        return (output if second is None else Branch(second, output)), None
    return None, RaisedInChild(kind, ErrorInfo.from_value(first), second)


def call_in_child(name: str, data: bytes, how: How | None = None) -> Answer:
    """What a child runs: answers plain values, whatever the function does."""
    try:
        result = _found(name, how)(codec.decode(data))
    except BaseException as error:
        if isinstance(error, UnfitInput):
            info = ErrorInfo.from_exception(error, reason=OutcomeReason.INVALID_INPUT)
            return "input_error", info.to_value(), None
        if isinstance(error, Fail):
            return "fail", ErrorInfo.from_exception(error).to_value(), None
        after = error.after if isinstance(error, Retry) else None
        kind = "error" if after is None else "retry"
        return kind, ErrorInfo.from_exception(error).to_value(), after
    label, output = (result.label, result.output) if isinstance(result, Branch) else (None, result)
    try:
        return "output", codec.encode(output), label
    except Exception as error:
        info = ErrorInfo.from_exception(error, reason=OutcomeReason.INVALID_OUTPUT)
        return "output_error", info.to_value(), None


@cache
def _found(name: str, how: How | None) -> Callable[[Any], Any]:
    """Import a function and look up its annotations, once per child."""
    module, _, path = name.partition(":")
    function: Any = reduce(getattr, path.split("."), import_module(module))
    call = function.call if isinstance(function, NodeFunction) else function
    return bound_in_child(call, how)
