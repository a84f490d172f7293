"""Connections of pods to the server: every exchange may go wrong, as the seed wills."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import redis.exceptions as errors
from redis.exceptions import ConnectionError, RedisError

from redflow.driver import AsyncDriver, Driver
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.driver.timer import Timer
from tests.simulation.loop import POD, Loop
from tests.simulation.store import Store

REFUSALS: dict[str, RedisError] = {
    "noscript": errors.NoScriptError("No matching script. Please use EVAL."),
    "busy": errors.ResponseError("BUSY Redis is busy running a script."),
    "oom": errors.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    "readonly": errors.ReadOnlyError("You can't write against a read only replica."),
    "tryagain": errors.TryAgainError("Multiple keys request during rehashing of slot"),
}
KINDS = ("not sent", "reply lost", "twice", "late", "late reply", *REFUSALS)


@dataclass
class Trouble:
    """Which faults there are in a run, and how likely one is; `heal` ends them all."""

    rng: Random
    kinds: Sequence[str] = ()
    share: float = 0.0
    longest: float = 1.0
    """Seconds by which an exchange may be late."""
    counts: dict[str, int] = field(default_factory=dict)

    def heal(self) -> None:
        self.share = 0.0

    def draw(self) -> str:
        """What goes wrong with the next exchange; "" for nothing."""
        if self.kinds and self.rng.random() < self.share:
            kind = self.rng.choice(self.kinds)
            self.counts[kind] = self.counts.get(kind, 0) + 1
            return kind
        return ""


class Line:
    """What the connections of one run share."""

    def __init__(self, store: Store, loop: Loop, trouble: Trouble, rng: Random) -> None:
        self.store, self.loop, self.trouble, self.rng = store, loop, trouble, rng

    def fault(self, name: str) -> str:
        kind = self.trouble.draw()
        if kind:
            self.store.history.tell(self.store.now, POD.get(), f"{name}: {kind}")
        return kind

    def carry_out(self, commands: Sequence[Sequence[bytes]], kind: str) -> list[Any]:
        """Carry out an exchange; replies in order."""
        refused = self.rng.randrange(len(commands)) if kind in REFUSALS else -1
        if refused >= 0 and commands[refused][0] != b"EVALSHA":
            refused = -1
        replies = [
            REFUSALS[kind] if at == refused else self.store.call(words)
            for at, words in enumerate(commands)
        ]
        if kind == "twice":
            again = [self.store.call(words) for words in commands]
            return again if self.rng.random() < 0.5 else replies
        return replies


class Link:
    """An asynchronous connection of one pod; see redflow.driver.links.AsyncConnection."""

    def __init__(self, line: Line) -> None:
        self._line, self._store = line, line.store
        self._generation = 0
        self._replies: list[Any] = []
        self._heard: asyncio.Queue[Any] | None = None
        self._owed = 0
        self.greeted: object = None

    async def connect(self) -> None:
        """Connect anew what has unread answers, or is not connected to the server of now."""
        if self._owed or self._generation != self._store.generation:
            await self.disconnect()
            self._generation = self._store.generation

    async def check_health(self) -> None: ...

    async def disconnect(self) -> None:
        self._generation, self.greeted, self._replies, self._owed = 0, None, [], 0
        if self._heard is not None:
            for queues in self._store.listeners.values():
                queues[:] = [queue for queue in queues if queue is not self._heard]
            self._heard = None

    async def send_packed_command(
        self, command: Sequence[bytes], check_health: bool = True
    ) -> None:
        commands = words_of(b"".join(command))
        name = self._store.name_of(commands[0])
        await self._travel()
        self._check()
        kind = self._line.fault(name)
        if kind == "not sent":
            await self._break("the network is down")
        self._owed += len(commands)
        if name == "SUBSCRIBE":
            self._subscribe(commands[0][1:])
        elif name == "PING":
            self._replies.append(b"PONG")
        elif name == "XREADGROUP" and b"BLOCK" in commands[0]:
            self._replies += await self._read(commands[0], kind)
        elif kind == "late":
            self._replies += await self._late(commands)
        else:
            self._replies += self._line.carry_out(commands, kind)
        if kind == "reply lost":
            self._replies = [ConnectionError("the reply was lost")]
        if kind == "late reply":
            await asyncio.sleep(self._line.rng.random() * self._line.trouble.longest)

    async def read_response(self, *, disconnect_on_error: bool = True) -> Any:
        await self._travel()
        self._check()
        if not self._replies and self._heard is not None:
            reply = await self._heard.get()
        else:
            reply = self._replies.pop(0)
            self._owed -= 1
        if isinstance(reply, ConnectionError):
            await self.disconnect()
        if isinstance(reply, RedisError):
            raise reply
        return reply

    async def _travel(self) -> None:
        """Others may move while an exchange is under way; some take a while."""
        rng = self._line.rng
        await asyncio.sleep(rng.random() * 0.003 if rng.random() < 0.2 else 0)

    async def _late(self, commands: Sequence[Sequence[bytes]]) -> list[Any]:
        """Be on the way for a while: it arrives even if its sender has given it up meanwhile."""
        line, generation = self._line, self._generation
        arrived: asyncio.Future[list[Any]] = line.loop.create_future()

        def arrive() -> None:
            if generation == self._store.generation:
                replies = line.carry_out(commands, "")
                if not arrived.done():
                    arrived.set_result(replies)
            elif not arrived.done():
                arrived.set_exception(ConnectionError("Connection closed by server."))

        line.loop.call_later(line.rng.random() * line.trouble.longest, arrive)
        return await arrived

    def _check(self) -> None:
        if self._generation != self._store.generation:
            self._generation, self.greeted = 0, None
            raise ConnectionError("Connection closed by server.")

    async def _break(self, why: str) -> None:
        await self.disconnect()
        raise ConnectionError(why)

    def _subscribe(self, channels: Sequence[bytes]) -> None:
        self._heard = asyncio.Queue()
        for number, channel in enumerate(channels, 1):
            self._store.listeners[channel.decode()].append(self._heard)
            self._heard.put_nowait([b"subscribe", channel, number])

    async def _read(self, words: Sequence[bytes], kind: str) -> list[Any]:
        """Read without blocking, and again whenever something has happened."""
        at = words.index(b"BLOCK")
        end = self._line.loop.time() + int(words[at + 1]) / 1000
        asked = [*words[:at], *words[at + 2 :]]
        while True:
            changed = self._store.changed
            replies = self._line.carry_out([asked], kind)
            left = end - self._line.loop.time()
            if replies[0] is not None or left <= 0:
                return replies
            done, _ = await asyncio.wait([changed], timeout=left)
            self._check()
            if not done:
                return [None]


class Pool:
    """Lends links; there are as many as are asked for at once."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._free: list[Link] = []

    async def get_connection(self) -> Link:
        link = self._free.pop() if self._free else Link(self._line)
        await link.connect()
        return link

    async def release(self, connection: Any) -> None:
        self._free.append(connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        for link in self._free:
            await link.disconnect()

    async def aclose(self) -> None:
        await self.disconnect()


class BlockingLink:
    """A synchronous connection: an exchange is over at once, well or not."""

    def __init__(self, line: Line) -> None:
        self._line, self._store = line, line.store
        self._generation = 0
        self._replies: list[Any] = []
        self.greeted: object = None

    def connect(self) -> None:
        if self._generation != self._store.generation:
            self.disconnect()
            self._generation = self._store.generation

    def check_health(self) -> None: ...

    def disconnect(self) -> None:
        self._generation, self.greeted, self._replies = 0, None, []

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None:
        commands = words_of(b"".join(command))
        kind = self._line.fault(self._store.name_of(commands[0]))
        if kind in ("not sent", "late"):
            self.disconnect()
            raise ConnectionError("the network is down")
        self._replies += self._line.carry_out(commands, kind)
        if kind in ("reply lost", "late reply"):
            self._replies = [ConnectionError("the reply was lost")]

    def read_response(self, *, disconnect_on_error: bool = True) -> Any:
        reply = self._replies.pop(0)
        if isinstance(reply, ConnectionError):
            self.disconnect()
        if isinstance(reply, RedisError):
            raise reply
        return reply


class BlockingPool:
    """Lends one synchronous link."""

    def __init__(self, line: Line) -> None:
        self._link = BlockingLink(line)

    def get_connection(self) -> BlockingLink:
        self._link.connect()
        return self._link

    def release(self, connection: Any) -> None: ...

    def disconnect(self, inuse_connections: bool = True) -> None:
        self._link.disconnect()

    def close(self) -> None:
        self._link.disconnect()


class Impatient(Timer):
    """Sleeps in no time: a synchronous driver waits in a thread of its own, and here is none."""

    def __init__(self) -> None:
        self._slept = 0.0

    def now(self) -> float:
        return super().now() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


class WireConnector:
    """Makes drivers of production over these connections."""

    where = "simulation"
    lasting = False

    def __init__(self, line: Line) -> None:
        self._line = line

    def async_driver(self) -> AsyncDriver:
        return AsyncSingle(lambda _: Pool(self._line), where=self.where)

    def driver(self) -> Driver:
        return Single(lambda _: BlockingPool(self._line), where=self.where, timer=Impatient())

    def heartbeat_driver(self) -> Driver:
        return self.driver()


def words_of(packed: bytes) -> list[list[bytes]]:
    """The commands in what is sent."""
    found, at = [], 0
    while at < len(packed):
        end = packed.index(b"\r\n", at)
        count, at = int(packed[at + 1 : end]), end + 2
        words = []
        for _ in range(count):
            end = packed.index(b"\r\n", at)
            size = int(packed[at + 1 : end])
            words.append(packed[end + 2 : end + 2 + size])
            at = end + 2 + size + 2
        found.append(words)
    return found
