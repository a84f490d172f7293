"""Waiting for executions to end: each waiter blocks on its own read. Written by hand."""

from types import TracebackType
from typing import Self

from redflow.client._sync.namespace import Namespace
from redflow.client.endings import ENTRIES, REREAD, ended_in, read_position
from redflow.driver.timer import Timer
from redflow.errors import Unavailable

PAUSE = 0.1  # after a read that failed; the look that follows repeats until its own time is up


class Waiting:
    """Reads the `done` stream of one partition for each waiter: threads share nothing."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.timer = Timer()

    def watch(self, execution: str) -> "Watch":
        """Return a context in which the end of an execution can be waited for."""
        return Watch(self, execution)

    def close(self) -> None:
        """Do nothing: no reader runs in the background."""


class Watch:
    """One waiter for one execution."""

    def __init__(self, waiting: Waiting, execution: str) -> None:
        self.execution = execution
        self._namespace = waiting.namespace
        self._timer = waiting.timer
        self._position = ""

    def __enter__(self) -> Self:
        partition = self._namespace.partition_of(self.execution)
        self._first = read_position(partition)
        self._stream = partition.permanent["done"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def wait(self, seconds: float) -> None:
        """Return when it is time to look again: the execution ended, or some time has passed."""
        if not self._position:
            self._position = self._namespace.driver.run(self._first)
            return
        end = self._timer.now() + min(seconds, REREAD)
        while (left := end - self._timer.now()) > 0:
            try:
                if self._ended_within(left):
                    return
            except Unavailable:
                self._timer.sleep(PAUSE)
                return

    def _ended_within(self, seconds: float) -> bool:
        found = self._namespace.driver.read_streams(
            {self._stream: self._position}, count=ENTRIES, block_ms=max(1, int(seconds * 1000))
        )
        for _, entries in found:
            self._position = entries[-1][0].decode()
            if self.execution in ended_in(entries):
                return True
        return False
