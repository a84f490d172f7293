"""Keeps one worker process running: that of the newest code which loads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from redflow.cli.dev_process import WorkerProcess
from redflow.cli.output import note

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNREACHABLE = 7
"""The exit code of a worker that could not reach its server: no change of code mends that."""
NAMES = 3
"""Files that are named of those that changed."""


class Reloader:
    """Replaces the worker process whenever the code has changed and still loads."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._running: set[WorkerProcess] = set()
        self._worker: WorkerProcess | None = None
        self._ends: set[asyncio.Task[None]] = set()
        self._code = 0
        self.reloads = False
        self.stopping = asyncio.Event()

    async def run(self, changes: AsyncIterator[str] | None) -> int:
        """Work until a signal, and return the exit code; `changes` tells each time what changed.

        With None nothing is replaced: when the worker ends, this does.
        """
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            await (self._keep() if changes is None else self._follow(changes))
        finally:
            for worker in self._running:
                if not worker.told_to_stop:
                    worker.stop()
            await asyncio.gather(*self._ends)
            for number in SIGNALS:
                loop.remove_signal_handler(number)
        return self._code

    async def _keep(self) -> None:
        await self._load()
        await self.stopping.wait()

    async def _follow(self, changes: AsyncIterator[str]) -> None:
        self.reloads = True
        upcoming = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)  # from here on changes are seen: only then the code is read
        try:
            await self._load()
            while (changed := await upcoming) is not None and not self.stopping.is_set():
                upcoming = asyncio.ensure_future(anext(changes, None))
                note(f"changed: {changed}")
                await self._load()
        finally:
            self.stopping.set()  # which ends `changes`
            await upcoming

    async def _load(self) -> None:
        """Replace the worker by one of the present code, if that loads."""
        worker = await WorkerProcess.start(self._command, self._environment)
        self._running.add(worker)
        end = asyncio.create_task(self._await_end(worker))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)
        if self.stopping.is_set():
            worker.stop()
        if not await worker.loaded():
            await end
            return
        before, self._worker = self._worker, None
        if before is not None:
            before.stop()
            await before.ended()
        if worker in self._running and not self.stopping.is_set():
            self._worker = worker
            worker.work()

    async def _await_end(self, worker: WorkerProcess) -> None:
        """Wait for the end of a process, and say what it means unless it was told to end."""
        code = await worker.ended()
        self._running.discard(worker)
        worker.close()
        if worker.told_to_stop:
            return
        if self._worker is not None and not worker.works:
            note("the new code was refused: the worker before goes on; the next change is tried")
            return
        self._worker = None
        self._code = code if code >= 0 else 1
        if not self.reloads or (code == UNREACHABLE and not worker.works):
            self.stopping.set()
        elif worker.works:
            note(f"the worker ended with {code}; the next change starts it again")
        else:
            note("nothing runs; the next change is tried")

    def stop(self) -> None:
        """End everything; told again, at once."""
        self.stopping.set()
        self._code = 0
        for worker in self._running:
            worker.stop()


async def python_changes(folder: Path, stopping: asyncio.Event) -> AsyncIterator[str]:
    """Yield the names of the .py files that changed, moment by moment, until `stopping` is set."""
    import watchfiles

    only = watchfiles.PythonFilter()
    async for changes in watchfiles.awatch(folder, watch_filter=only, stop_event=stopping):
        names = sorted({os.path.relpath(path) for _, path in changes})
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        yield ", ".join(names[:NAMES]) + more
