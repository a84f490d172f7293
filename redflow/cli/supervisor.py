"""Several worker processes: started again when one dies, stopped together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

SIGNALS: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)
LOGGER = logging.getLogger("redflow.cli")

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
HEALTHY = 60.0
"""Seconds after which an end is no longer counted with the ones before."""
HOPELESS = (2, 3)
"""Exit codes that a new start would only repeat: bad options or URL, no such namespace."""


def supervise(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> int:
    """Keep one process of each command running until SIGTERM or SIGINT; return the exit code."""
    return asyncio.run(Supervisor(commands, environment).run())


class Supervisor:
    """Runs the children; each holds the read end of a pipe, whose closing tells it of our death."""

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        *,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._commands = commands
        self._environment = environment
        self._first_wait = first_wait
        self._running: set[asyncio.subprocess.Process] = set()
        self._stopping = asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Start all, keep them running, wait for all after a signal."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        lifeline, held = os.pipe()
        try:
            async with asyncio.TaskGroup() as group:
                for place, command in enumerate(self._commands, 1):
                    group.create_task(self._keep(place, command, lifeline))
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
            os.close(held)
            os.close(lifeline)
        return self._code

    async def _keep(self, number: int, command: Sequence[str], lifeline: int) -> None:
        """Run one child, again and again until all are to stop."""
        wait = self._first_wait
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run(number, command, lifeline)
            if self._stopping.is_set():
                self._code = max(self._code, _exit_code(code))
                return
            if code in HOPELESS:
                self._code = code
                self.stop()
                return
            if time.monotonic() - started >= HEALTHY:
                wait = self._first_wait
            LOGGER.error("process %d ended with %d, starts again in %g s", number, code, wait)
            await self._pause(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _run(self, number: int, command: Sequence[str], lifeline: int) -> int:
        """Run one child to its end, in a group of its own: Ctrl-C reaches it through us only."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=lifeline, env=self._environment, process_group=0
        )
        self._running.add(process)
        LOGGER.info("process %d started: pid %d", number, process.pid)
        if self._stopping.is_set():
            _end(process)
        try:
            return await process.wait()
        finally:
            self._running.discard(process)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def stop(self) -> None:
        """Ask every child to stop; asked again, they give back at once."""
        self._stopping.set()
        for process in self._running:
            _end(process)


def _end(process: asyncio.subprocess.Process) -> None:
    """Tell a child to stop; it may have ended a moment ago, unheard."""
    with suppress(ProcessLookupError):
        process.terminate()


def _exit_code(code: int) -> int:
    """Return what the end of one child means for all; our signal may come before its handlers."""
    if code in (0, -signal.SIGTERM):
        return 0
    return code if code > 0 else 1
