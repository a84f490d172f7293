"""Waiting for executions to end: one reader for all waiters of a client. Written by hand."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from redflow.client._async.namespace import AsyncNamespace
from redflow.client.endings import ENTRIES, REREAD, ended_in, read_position
from redflow.driver.packing import Entries
from redflow.errors import StoreError, Unavailable
from redflow.store.keys import PartitionKeys

PAUSE = 1.0  # after a read that failed
KEEP = 5.0  # seconds a stream is read on after its last waiter has left: the next is often near


class AsyncWaiting:
    """Reads the `done` streams of the partitions that have waiters, and wakes those.

    A waiter enters before it looks how its execution stands: the look shows what ended before,
    the reader tells what ends after.
    """

    def __init__(self, namespace: AsyncNamespace) -> None:
        self.namespace = namespace
        self._watches: dict[str, set[AsyncWatch]] = {}
        self._positions: dict[str, str] = {}
        self._waiters: dict[str, int] = {}
        self._left_at: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._reads: dict[tuple[str, ...], asyncio.Task[Entries]] = {}
        self._reader: asyncio.Task[None] | None = None

    def watch(self, execution: str) -> "AsyncWatch":
        """Return a context in which the end of an execution can be waited for."""
        return AsyncWatch(self, execution)

    async def close(self) -> None:
        """Stop reading; whoever still waits gets Unavailable."""
        for watch in [one for several in self._watches.values() for one in several]:
            watch.wake(closed=True)
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        self._positions.clear()
        self._changed = asyncio.Event()  # the next use may be in another event loop

    def enter(self, watch: "AsyncWatch", stream: str) -> None:
        """Take in a waiter."""
        self._watches.setdefault(watch.execution, set()).add(watch)
        self._waiters[stream] = self._waiters.get(stream, 0) + 1

    def leave(self, watch: "AsyncWatch", stream: str) -> None:
        """Let a waiter go."""
        several = self._watches[watch.execution]
        several.discard(watch)
        if not several:
            del self._watches[watch.execution]
        self._waiters[stream] -= 1
        self._left_at[stream] = asyncio.get_running_loop().time()

    def follows(self, stream: str) -> bool:
        """Say whether a stream is being read."""
        reading = self._reader is not None and not self._reader.done()
        return reading and stream in self._positions

    async def follow(self, partition: PartitionKeys) -> None:
        """Read the stream of a partition from now on."""
        position = await self.namespace.driver.run(read_position(partition))
        if self._reader is None or self._reader.done():
            self._positions.clear()
            self._reader = asyncio.create_task(self._read_all(), name="redflow-done")
        self._positions.setdefault(partition.permanent["done"], position)
        self._changed.set()

    async def _read_all(self) -> None:
        try:
            while self._drop_unused():
                try:
                    await self._read()
                except StoreError:
                    # Waiters look for themselves meanwhile and tell their callers what is wrong.
                    await asyncio.sleep(PAUSE)
        finally:
            await self._end_reads([])

    def _drop_unused(self) -> bool:
        """Stop reading what nobody waits for; say whether anything is left."""
        now = asyncio.get_running_loop().time()
        for stream in list(self._positions):
            if not self._waiters.get(stream) and now - self._left_at.get(stream, now) >= KEEP:
                del self._positions[stream]
        return bool(self._positions)

    async def _read(self) -> None:
        """Wait for news and wake; a stream that is added meanwhile changes what is read."""
        self._changed.clear()
        groups = [tuple(one) for one in self.namespace.driver.together(sorted(self._positions))]
        await self._end_reads(groups)
        for group in groups:
            if group not in self._reads:
                self._reads[group] = asyncio.create_task(self._read_group(group))
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait(
                (changed, *self._reads.values()), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
            await asyncio.gather(changed, return_exceptions=True)
        for group in [group for group, read in self._reads.items() if read.done()]:
            for stream, entries in self._reads.pop(group).result():
                self._positions[stream] = entries[-1][0].decode()
                self._wake(ended_in(entries))

    async def _read_group(self, group: Sequence[str]) -> Entries:
        """Read streams that one call may name: all of them, or one of a cluster."""
        after = {stream: self._positions[stream] for stream in group}
        return await self.namespace.driver.read_streams(
            after, count=ENTRIES, block_ms=int(REREAD * 1000)
        )

    async def _end_reads(self, wanted: Collection[tuple[str, ...]]) -> None:
        """End the reads of other groups than these."""
        reads = [self._reads.pop(group) for group in list(self._reads) if group not in wanted]
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    def _wake(self, ended: Iterable[str]) -> None:
        for execution in ended:
            for watch in self._watches.get(execution, ()):
                watch.wake()


class AsyncWatch:
    """One waiter for one execution."""

    def __init__(self, waiting: AsyncWaiting, execution: str) -> None:
        self.execution = execution
        self._waiting = waiting
        self._woken = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        self._partition = await self._waiting.namespace.partition_of(self.execution)
        self._stream = self._partition.permanent["done"]
        self._waiting.enter(self, self._stream)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.leave(self, self._stream)

    def wake(self, *, closed: bool = False) -> None:
        """Let the waiter look again."""
        self._closed = self._closed or closed
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return when it is time to look again: the execution ended, or some time has passed.

        Raises Unavailable when the client was closed.
        """
        if not self._waiting.follows(self._stream) and not self._closed:
            await self._waiting.follow(self._partition)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, REREAD)):
                await self._woken.wait()
        self._woken.clear()
        if self._closed:
            raise Unavailable(
                f"the client was closed while execution {self.execution!r} was waited for",
                hint="keep it open until result() has returned",
            )
