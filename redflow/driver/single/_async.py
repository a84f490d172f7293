"""Asks one server: sends a question, loads its script where it is missing, says what went wrong."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from redflow.driver._async import AsyncDriver
from redflow.driver.failures import WAIT, closed_while, code_of, has_moved, translate
from redflow.driver.links import AsyncConnection, AsyncPool, Replicas
from redflow.driver.packing import (
    Entries,
    PackRead,
    entries_of,
    pack,
    pack_op,
    pack_read_group,
    pack_read_streams,
)
from redflow.driver.timer import AsyncHome, AsyncLimit, AsyncLock, AsyncTimer
from redflow.errors import StoreError
from redflow.store.epoch import SECTIONS, Fence, Server, read_server
from redflow.store.op import Op, Word
from redflow.store.script import Script

LOGGER = logging.getLogger("redflow.driver")

T = TypeVar("T")

ANSWER_SECONDS = 5.0  # a script is bounded to some 50 ms: a server silent for this long is gone
LOADS = 3  # of a script that the server does not know, in one call
POLL_SECONDS = 0.005  # between looks at a server that cannot block
QUIET_SECONDS = 15.0  # without a message, until a server is asked for a sign of life
READ_STEP = 15.0  # seconds; blocks of different length share connections that wait long enough


class AsyncSingle(AsyncDriver):
    """Asks one server; or, with `follows`, whichever is behind an address that may change."""

    def __init__(
        self,
        make_pool: Callable[[float], AsyncPool],
        *,
        where: str,
        can_block: bool = True,
        follows: bool = False,
        replicas: Replicas | None = None,
        timer: AsyncTimer | None = None,
    ) -> None:
        """`make_pool` makes a pool for a longest wait in seconds for an answer."""
        super().__init__(where=where, timer=timer)
        self._make_pool = make_pool
        self._can_block = can_block
        self._follows = follows
        self._replicas = replicas or Replicas()
        self._pool = make_pool(ANSWER_SECONDS)
        self._readers: AsyncPool | None = None
        self._longest_read = 0.0
        self._retired: list[AsyncPool] = []  # replaced, or closing did not end
        self._fence: Fence | None = None
        self._history: str | None = None
        self._meeting = AsyncLock()
        self._home = AsyncHome()
        # On the same connection and behind the script: elsewhere WAIT answers for other writes.
        wait = ("WAIT", self._replicas.number, round(self._replicas.seconds * 1000))
        self._wait = pack(*wait) if self._replicas.number else b""

    def guard(self, fence: Fence) -> None:
        if fence != self._fence:
            self._fence, self._history = fence, None

    def together(self, partitions: Sequence[T]) -> list[Sequence[T]]:
        return [partitions]

    async def ask_once(self, op: Op[Any], packed: bytes) -> Any:
        return await self._ask(self._pool, op.name, packed, op.script, ANSWER_SECONDS)

    async def ask_all_once(self, ops: Sequence[Op[Any]], packed: list[bytes]) -> list[Any]:
        return await self._ask_all(self._pool, packed, ops)

    async def raw(self, *words: Word) -> Any:
        return await self._ask(self._pool, str(words[0]), pack(*words), None, ANSWER_SECONDS)

    async def everywhere_once(self, *words: Word) -> list[tuple[str, Any]]:
        return [(self._where, await self.raw(*words))]

    async def read_group(
        self, streams: Sequence[str], *, group: str, consumer: str, count: int, block_ms: int
    ) -> Entries:
        pack_for = partial(pack_read_group, streams, group, consumer, count=count)
        return await self._read(pack_for, "XREADGROUP", block_ms)

    async def read_streams(
        self, streams: Mapping[str, str], *, count: int, block_ms: int
    ) -> Entries:
        pack_for = partial(pack_read_streams, streams, count=count)
        return await self._read(pack_for, "XREAD", block_ms)

    async def listen(
        self,
        channels: Sequence[str],
        hear: Callable[[bytes], None],
        ready: Callable[[], None],
    ) -> None:
        pool = self._make_pool(QUIET_SECONDS)
        try:
            connection = await self._connection_of(pool, "SUBSCRIBE")
            try:
                await connection.send_packed_command([pack("SUBSCRIBE", *channels)])
                await self._hear_all(connection, len(channels), hear, ready)
            except RedisError as error:
                raise await self._failure(error, "SUBSCRIBE", connection) from error
            finally:
                await connection.disconnect()
                await pool.release(connection)
        finally:
            await pool.aclose()

    async def close(self) -> None:
        self._life = object()
        self._retired += [pool for pool in (self._pool, self._readers) if pool is not None]
        self._pool, self._readers = self._make_pool(ANSWER_SECONDS), None
        self._home = AsyncHome()
        for pool in list(self._retired):  # what a cancelled close leaves, the next one closes
            await pool.aclose()
            self._retired = [other for other in self._retired if other is not pool]

    async def renew_reading(self) -> None:
        old, self._readers, self._longest_read = self._readers, None, 0.0
        if old is not None:
            self._retired.append(old)
            with suppress(RedisError, OSError):
                await old.disconnect()

    async def _read(self, pack_for: PackRead, name: str, block_ms: int) -> Entries:
        if not self._can_block:
            return await self._poll(pack_for(block_ms=0), name, block_ms)
        seconds = block_ms / 1000 + ANSWER_SECONDS
        pool = await self._reading_pool(seconds)
        packed = pack_for(block_ms=block_ms)
        return entries_of(await self._ask(pool, name, packed, None, seconds))

    async def _poll(self, packed: bytes, name: str, block_ms: int) -> Entries:
        end = self._timer.now() + block_ms / 1000
        pool = self._pool
        while pool is self._pool:
            found = entries_of(await self._ask(pool, name, packed, None, ANSWER_SECONDS))
            if found or self._timer.now() >= end:
                return found
            await self._timer.sleep(POLL_SECONDS)
        raise closed_while(name, self._where, ambiguous=False)

    async def _reading_pool(self, seconds: float) -> AsyncPool:
        """Return a pool whose connections wait at least so long; a longer block makes a new one."""
        old = self._readers
        if old is not None and seconds <= self._longest_read:
            return old
        self._longest_read = math.ceil(seconds / READ_STEP) * READ_STEP
        self._readers = new = self._make_pool(self._longest_read)
        if old is not None:
            self._retired.append(old)
            await self._drop_idle(old)
        return new

    async def _ask(
        self,
        pool: AsyncPool,
        name: str,
        packed: bytes,
        script: Script | None,
        seconds: float,
    ) -> Any:
        connection = await self._connection_of(pool, name)
        try:
            async with AsyncLimit(seconds):
                return await self._converse(connection, packed, script)
        except RedisError as error:
            raise await self._failure(error, name, connection) from error
        finally:
            await self._release(pool, connection)

    async def _ask_all(
        self, pool: AsyncPool, packed: list[bytes], ops: Sequence[Op[Any]]
    ) -> list[Any]:
        name, partly = ops[0].name, False
        connection = await self._connection_of(pool, name)
        try:
            async with AsyncLimit(ANSWER_SECONDS):
                replies = await self._converse_in_batch(connection, packed, ops)
            partly = not all(isinstance(reply, RedisError) for reply in replies)
            for op, reply in zip(ops, replies, strict=True):
                if isinstance(reply, RedisError):
                    name = op.name
                    raise reply
            return replies
        except RedisError as error:
            raise await self._failure(error, name, connection, partly=partly) from error
        finally:
            await self._release(pool, connection)

    async def _hear_all(
        self,
        connection: AsyncConnection,
        channels: int,
        hear: Callable[[bytes], None],
        ready: Callable[[], None],
    ) -> None:
        """Pass messages on; a silent server is asked for a sign of life, once."""
        asked = False
        while True:
            try:
                async with AsyncLimit(QUIET_SECONDS):
                    reply = await connection.read_response(disconnect_on_error=False)
            except NoAnswer:
                if asked:
                    raise
                asked = True
                await connection.send_packed_command([pack("PING")], check_health=False)
                continue
            asked = False
            if reply[0] == b"message":
                hear(reply[2])
            elif reply[0] == b"subscribe" and reply[2] == channels:
                ready()

    async def _connection_of(self, pool: AsyncPool, name: str) -> AsyncConnection:
        """Take a connection that works; what fails here has not sent the question."""
        self._home.check()
        try:
            async with AsyncLimit(ANSWER_SECONDS):
                connection = await pool.get_connection()
                try:
                    await connection.check_health()
                    if self._fence is not getattr(connection, "greeted", None):
                        await self._greet(connection, self._fence)
                except BaseException:
                    await self._release(pool, connection)
                    raise
                return connection
        except RedisError as error:
            if has_moved(error, or_lost=self._follows):
                await self._drop_all_idle()
            raise translate(error, name=name, where=self._where, sent=False) from error

    async def _release(self, pool: AsyncPool, connection: AsyncConnection) -> None:
        """Give a connection back; to a pool that was closed meanwhile, or replaced, closed."""
        try:
            if pool is not self._pool and pool is not self._readers:
                with suppress(RedisError, OSError):
                    await connection.disconnect()
        finally:
            await pool.release(connection)

    async def _greet(self, connection: AsyncConnection, fence: Fence | None) -> None:
        """Learn where a connection leads; in another history the fence speaks first."""
        heard = True
        try:
            server = await self._server_of(connection)
            if fence is not None and server is not None and server.history != self._history:
                async with self._meeting:  # connections are lost together: one speaks for all
                    if server.history != self._history:
                        heard = await self._bump(connection, fence, server)
        except BaseException:
            await connection.disconnect()
            raise
        connection.greeted = fence if heard else None

    async def _bump(self, connection: AsyncConnection, fence: Fence, server: Server) -> bool:
        """Ask what the fence asks; answer whether all of it was answered here."""
        questions = fence.questions(server)
        packed = [pack_op(op) for op in questions]
        replies = await self._converse_in_batch(connection, packed, questions)
        answers = []
        for op, reply in zip(questions, replies, strict=True):
            if isinstance(reply, RedisError):
                if not self._lies_elsewhere(reply):
                    raise reply
            else:
                answers.append(op.parse(reply))
        if fence.has_changed(answers):
            LOGGER.warning(
                "Redis at %s was restarted or replaced (run %s): a new epoch begins",
                self._where,
                server.run,
            )
        if len(answers) < len(questions):
            return False
        self._history = server.history
        return True

    def _lies_elsewhere(self, error: RedisError) -> bool:
        """Say whether a partition has left this server, or is about to: not so where it is one."""
        return False

    async def _server_of(self, connection: AsyncConnection) -> Server | None:
        """Ask who answers; None where that may not be asked: such a server counts as constant."""
        packed = b"".join(pack("INFO", section) for section in SECTIONS)
        await connection.send_packed_command([packed], check_health=False)
        replies = [await self._reply_or_error(connection) for _ in SECTIONS]
        for reply in replies:
            if isinstance(reply, RedisError):
                if code_of(reply) in WAIT:
                    raise reply
                return None
        return read_server(b"\n".join(replies))

    async def _converse(
        self, connection: AsyncConnection, packed: bytes, script: Script | None
    ) -> Any:
        """Send one command and return its reply, loading its script on this server if need be."""
        wait = self._wait if script is not None and script.writes else b""
        loads = 0
        while True:
            await connection.send_packed_command([packed + wait], check_health=False)
            reply = await self._reply_or_error(connection)
            acknowledged = await self._reply_or_error(connection) if wait else None
            if script is None or loads == LOADS or not isinstance(reply, NoScriptError):
                return self._checked(reply, acknowledged, script)
            loads += 1
            load = pack("SCRIPT", "LOAD", script.text)
            await connection.send_packed_command([load], check_health=False)
            await connection.read_response()

    async def _converse_in_batch(
        self, connection: AsyncConnection, packed: list[bytes], ops: Sequence[Op[Any]]
    ) -> list[Any]:
        """Send many commands at once and return their replies, errors among them."""
        scripts = [op.script for op in ops if op.script is not None and op.script.writes]
        wait = self._wait if scripts else b""
        await connection.send_packed_command([b"".join(packed) + wait], check_health=False)
        replies = [await self._reply_or_error(connection) for _ in packed]
        acknowledged = await self._reply_or_error(connection) if wait else None
        if scripts and not any(isinstance(reply, RedisError) for reply in replies):
            self._checked(replies, acknowledged, scripts[0])
        for at, reply in enumerate(replies):
            if isinstance(reply, NoScriptError):
                replies[at] = await self._converse(connection, packed[at], ops[at].script)
        return replies

    def _checked(self, reply: Any, acknowledged: Any, script: Script | None) -> Any:
        """Return a reply that enough replicas have; raises errors, its own before that of WAIT."""
        for one in (reply, acknowledged):
            if isinstance(one, RedisError):
                raise one
        if acknowledged is not None and script is not None:
            self._replicas.check(acknowledged, script.name, self._where)
        return reply

    async def _reply_or_error(self, connection: AsyncConnection) -> Any:
        try:
            return await connection.read_response()
        except ResponseError as error:
            return error

    async def _failure(
        self, error: RedisError, name: str, connection: AsyncConnection, *, partly: bool = False
    ) -> StoreError:
        if has_moved(error, or_lost=self._follows):
            await connection.disconnect()
            await self._drop_all_idle()
        return translate(error, name=name, where=self._where, sent=True, partly=partly)

    async def _drop_all_idle(self) -> None:
        await self._drop_idle(self._pool)
        if self._readers is not None:
            await self._drop_idle(self._readers)

    async def _drop_idle(self, pool: AsyncPool) -> None:
        # Those in use meet the same refusal and drop themselves: their answers are not torn away.
        with suppress(RedisError, OSError):
            await pool.disconnect(inuse_connections=False)


async def ask_alone(make_pool: Callable[[float], AsyncPool], packed: bytes, seconds: float) -> Any:
    """Ask one command on a connection of its own, which no fence and no other call knows.

    Raises redis-py's errors as they are.
    """
    pool = make_pool(seconds)
    try:
        async with AsyncLimit(seconds):
            connection = await pool.get_connection()
            try:
                await connection.send_packed_command([packed], check_health=False)
                return await connection.read_response()
            finally:
                # Here: the pool closes in tasks of its own, which a cancel keeps from beginning.
                await connection.disconnect()
                await pool.release(connection)
    finally:
        await pool.aclose()
