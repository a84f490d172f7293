"""One worker process of `redflow dev`, as the process that started it sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Self


class WorkerProcess:
    """A process that loads the application, says when it has, and works when it is told to.

    It ends when standard input does: our death tells it. In a group of its own, it gets Ctrl-C
    through us only.
    """

    def __init__(self, process: asyncio.subprocess.Process, stdin: int, ready: int) -> None:
        self._process = process
        self._stdin = stdin
        self._ready = ready
        self.works = False
        self.told_to_stop = False

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start it with `--ready` and the descriptor on which it shall say that it has loaded."""
        its_stdin, stdin = os.pipe()
        ready, its_ready = os.pipe()
        words = [*command, "--ready", str(its_ready)]
        try:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=its_stdin, env=environment, pass_fds=(its_ready,), process_group=0
            )
        except BaseException:
            os.close(stdin)
            os.close(ready)
            raise
        finally:
            os.close(its_stdin)
            os.close(its_ready)
        return cls(process, stdin, ready)

    async def loaded(self) -> bool:
        """Wait until it has loaded or ended, and say which."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(self._ready, told.set)
        try:
            await told.wait()
            return bool(os.read(self._ready, 1))
        finally:
            loop.remove_reader(self._ready)
            os.close(self._ready)

    def work(self) -> None:
        """Let it work."""
        self.works = True
        with contextlib.suppress(BrokenPipeError):  # killed a moment ago
            os.write(self._stdin, b"\n")

    def stop(self) -> None:
        """Have it drain; told again, it gives back at once.

        One that still loads runs code of the application, which may take no notice: the second
        time it is killed.
        """
        if self._process.returncode is not None:
            return
        if self.told_to_stop and not self.works:
            self._process.kill()
        else:
            self._process.terminate()
        self.told_to_stop = True

    async def ended(self) -> int:
        """Wait for its end and return its exit code."""
        return await self._process.wait()

    def close(self) -> None:
        """Let go of what belongs to one that has ended."""
        os.close(self._stdin)
