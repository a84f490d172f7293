"""One worker in this process: signals, probes, metrics, and the fastest loop there is."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from redflow import defaults
from redflow.errors import InvalidInput
from redflow.worker.probes import Probes
from redflow.worker.settings import WorkerSettings

if TYPE_CHECKING:
    from redflow.engine import Engine
    from redflow.worker.worker import Worker

LOGGER = logging.getLogger("redflow.cli")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
BEATS_OF_A_LEASE = 3

EVERYWHERE = "0.0.0.0"
"""Probes come from the node and scrapes from a server: neither is on this host."""


def settings_of(
    *,
    concurrency: int | None,
    queues: tuple[str, ...],
    threads: int | None,
    lease: float | None,
    drain_timeout: float | None,
    keep_completed: float | None,
    keep_others: float | None,
) -> dict[str, object]:
    """Return the settings that were given; raises InvalidInput when they cannot work together."""
    given: dict[str, object] = {"queues": tuple(dict.fromkeys(queues)) or None, "lease": lease}
    given |= {"concurrency": concurrency, "threads": threads, "drain": drain_timeout}
    given |= {"retention_completed": keep_completed, "retention_others": keep_others}
    if lease is not None:
        given["beat"] = min(defaults.BEAT, lease / BEATS_OF_A_LEASE)
    settings = {name: value for name, value in given.items() if value is not None}
    WorkerSettings(**settings)  # type: ignore[arg-type]  # checked there
    return settings


def serve(
    engine: Engine,
    settings: dict[str, object],
    *,
    metrics_port: int | None = None,
    health_port: int | None = None,
    supervised: bool = False,
) -> None:
    """Run a worker until it is told to stop; raises what made it fail.

    `supervised`: the end of standard input, which a supervisor holds, means stop as well.
    """
    probes = Probes(engine.metrics)
    with contextlib.ExitStack() as served:
        ports = {"metrics_port": metrics_port, "health_port": health_port}
        if health_port == metrics_port:
            del ports["health_port"]
        for name, port in ports.items():
            if port is not None:
                served.enter_context(_listening(probes, name, port))
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(_serve(engine, settings, supervised, probes))


async def _serve(
    engine: Engine, settings: dict[str, object], supervised: bool, probes: Probes
) -> None:
    async with engine:
        worker = probes.worker = engine.worker(**settings)
        loop = asyncio.get_running_loop()
        stop = Stop(worker)
        for number in SIGNALS:
            loop.add_signal_handler(number, stop)
        if supervised:
            loop.add_reader(sys.stdin.fileno(), _end_with_supervisor, loop, stop)
        try:
            await worker.run()
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
            if supervised:
                loop.remove_reader(sys.stdin.fileno())


class Stop:
    """What a signal does: the first one drains, every later one gives back at once."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._asked = False

    def __call__(self) -> None:
        if self._asked:
            LOGGER.warning("asked again: giving back what is under way")
            self._worker.request_stop(drain=0)
        else:
            LOGGER.info("stopping: steps under way may finish for %g s", self._worker.drain)
            self._worker.request_stop()
        self._asked = True


def _end_with_supervisor(loop: asyncio.AbstractEventLoop, stop: Stop) -> None:
    """Stop when the other end of standard input has gone: nobody would restart or stop this."""
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        stop()


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the maker of uvloop's loop when it is installed, else None for asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    make: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return make


def _listening(probes: Probes, name: str, port: int) -> contextlib.AbstractContextManager[object]:
    """Answer on a port of all addresses while it is entered; raises InvalidInput for a bad one."""
    try:
        return probes.listening(EVERYWHERE, port)
    except OSError as error:
        raise InvalidInput(
            f"port {port} cannot be served: {error.strerror}",
            field=name,
            hint=f"take another --{name.replace('_', '-')}",
        ) from error
