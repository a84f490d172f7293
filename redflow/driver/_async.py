"""Runs questions: packs an Op, asks, repeats what was not answered, reads the answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from redflow.driver.backoff import DEADLINE, Attempts
from redflow.driver.packing import Entries, pack_op
from redflow.driver.timer import AsyncTimer
from redflow.driver.watching import Watch
from redflow.errors import StoreError, Unavailable
from redflow.store.epoch import Fence
from redflow.store.op import Op, Word

T = TypeVar("T")


class AsyncDriver(ABC):
    """Asks Redis, be it one server or several; all callers share its connections.

    They are made when first needed. `single/` asks one server, `cluster/` the nodes of a cluster.
    """

    def __init__(self, *, where: str, timer: AsyncTimer | None = None) -> None:
        self._where = where
        self._timer = timer or AsyncTimer()
        self._life = object()  # another one once the driver was closed
        self.watch: Watch | None = None
        """Is told of calls by `run` and `run_many`."""

    async def run(self, op: Op[T], *, deadline: float | None = DEADLINE) -> T:
        """Ask one question, the same again until it is answered or `deadline` seconds are over.

        With no deadline it is asked once. Raises Unavailable, whose `ambiguous` says whether it may
        have been done; OutOfMemory, Misconfigured and other StoreErrors at once.
        """
        packed = pack_op(op)
        attempts = Attempts(op.name, self._where, deadline=deadline, timer=self._timer)
        life = self._life
        while True:
            asked = self._timer.now()
            try:
                reply = await self.ask_once(op, packed)
            except StoreError as error:
                await self._wait_after(error, attempts, life)
            else:
                if self.watch is not None:
                    self.watch.answered(op, self._timer.now() - asked)
                return op.parse(reply)

    async def run_many(self, ops: Sequence[Op[T]], *, deadline: float | None = DEADLINE) -> list[T]:
        """Ask several questions in one round trip; not atomic, and in no promised order.

        All answers are read before the first error is raised; then all are asked again as in `run`.
        """
        if not ops:
            return []
        packed = [pack_op(op) for op in ops]
        attempts = Attempts(ops[0].name, self._where, deadline=deadline, timer=self._timer)
        life = self._life
        while True:
            asked = self._timer.now()
            try:
                replies = await self.ask_all_once(ops, packed)
            except StoreError as error:
                await self._wait_after(error, attempts, life)
            else:
                if self.watch is not None:
                    self.watch.answered(ops[0], self._timer.now() - asked)
                return [op.parse(reply) for op, reply in zip(ops, replies, strict=True)]

    async def everywhere(
        self, *words: Word, deadline: float | None = DEADLINE
    ) -> list[tuple[str, Any]]:
        """Ask one plain command of every server that takes writes: their names and replies.

        Repeated as in `run`.
        """
        attempts = Attempts(str(words[0]), self._where, deadline=deadline, timer=self._timer)
        life = self._life
        while True:
            try:
                return await self.everywhere_once(*words)
            except StoreError as error:
                await self._wait_after(error, attempts, life)

    async def _wait_after(self, error: StoreError, attempts: Attempts, life: object) -> None:
        """Wait for the next try of a call; once the driver was closed there is none.

        Raises what no second try would change.
        """
        if self.watch is not None:
            self.watch.failed(error)
        if not isinstance(error, Unavailable):
            raise error
        if life is self._life:
            await self._timer.sleep(attempts.wait_after(error))
        if life is not self._life:
            raise attempts.closed_after(error) from error

    @abstractmethod
    def guard(self, fence: Fence) -> None:
        """Have every connection ask which history its server has before it asks anything else.

        One round trip for each connection; where the history is not the one met last, the questions
        of the fence follow. An equal fence changes nothing.
        """

    @abstractmethod
    def together(self, partitions: Sequence[T]) -> list[Sequence[T]]:
        """Split partitions, or what stands for them, into groups that one call may name.

        One server answers for all at once, which is one group; in a cluster each is a group.
        """

    @abstractmethod
    async def ask_once(self, op: Op[Any], packed: bytes) -> Any:
        """Ask one question that is packed already and return its reply as it came."""

    @abstractmethod
    async def ask_all_once(self, ops: Sequence[Op[Any]], packed: list[bytes]) -> list[Any]:
        """Ask several that are packed already, and read all replies before an error is raised."""

    @abstractmethod
    async def raw(self, *words: Word) -> Any:
        """Ask one plain command once and return its reply as it came; not for blocking commands."""

    @abstractmethod
    async def everywhere_once(self, *words: Word) -> list[tuple[str, Any]]:
        """Ask one plain command of every server that takes writes, as `everywhere` does."""

    @abstractmethod
    async def read_group(
        self, streams: Sequence[str], *, group: str, consumer: str, count: int, block_ms: int
    ) -> Entries:
        """Take up to `count` new entries of each stream, waiting for the first; 0 waits not at all.

        The streams are of one group of `together`. Asked once, on a connection of its own. Entries
        handed to a read that failed or was cancelled stand in the consumer's pending list: read
        that before the next one.
        """

    @abstractmethod
    async def read_streams(
        self, streams: Mapping[str, str], *, count: int, block_ms: int
    ) -> Entries:
        """Read up to `count` entries behind an id of each stream, waiting for the first as above.

        Asked once, on a connection of its own; changes nothing, so cancelling it loses nothing.
        """

    @abstractmethod
    async def listen(
        self,
        channels: Sequence[str],
        hear: Callable[[bytes], None],
        ready: Callable[[], None],
    ) -> None:
        """Have every message of these channels heard until cancelled; `ready` once it begins.

        On a connection of its own. Raises Unavailable when that is lost, and messages with it: what
        is published while nobody listens is never heard.
        """

    @abstractmethod
    async def renew_reading(self) -> None:
        """Drop the connections of reads, those in use as well: their reads raise Unavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection; a later call opens new ones.

        A call under way may still be answered; else it raises Unavailable and is not repeated.
        """
