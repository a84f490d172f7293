"""Questions, clocks and connections that tests of the driver are made of."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import hiredis
from redis._parsers.base import BaseParser

from redflow.store.op import Op
from redflow.store.script import Head, Script


def script_of(text: str, name: str = "probe") -> Script:
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(name, text, sha, Head(), ())


def op_of(text: str, *keys: str, args: tuple[Any, ...] = (), parse: Any = lambda r: r) -> Op[Any]:
    return Op("probe", script_of(text), keys, args, parse)


def refusal(text: str) -> Exception:
    """Return the exception that redis-py makes of an error reply."""
    error: Exception = BaseParser.parse_error(text)
    return error


def commands_of(packed: bytes) -> list[list[bytes]]:
    """Read commands back from their bytes."""
    reader = hiredis.Reader()
    reader.feed(packed)
    commands: list[list[bytes]] = []
    while words := reader.gets():
        commands.append(words)
    return commands


@dataclass
class Clock:
    """A clock that only sleeping moves; also the driver's timer, in both colours."""

    at: float = 1000.0
    chance: float = 0.5
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def random(self) -> float:
        return self.chance

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class AsyncClock(Clock):
    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        super().sleep(seconds)


@dataclass
class Wire:
    """A server written down in advance: each answer is a value to return or an error to raise."""

    answers: list[Any]
    clock: Clock | None = None
    seconds_each: float = 0.0
    sent: list[list[bytes]] = field(default_factory=list)
    connected: int = 0
    released: int = 0
    dropped_idle: int = 0
    disconnected: int = 0
    closed: int = 0
    pools: list[float] = field(default_factory=list)
    refuse: list[Exception] = field(default_factory=list)
    ill: list[Exception] = field(default_factory=list)
    greeted: object = None

    def commands(self) -> list[bytes]:
        """Return the first word of each command sent, with the second of SCRIPT."""
        return [b" ".join(words[: 2 if words[0] == b"SCRIPT" else 1]) for words in self.sent]

    def take(self, packed: Iterable[bytes]) -> None:
        self.sent += [words for one in packed for words in commands_of(one)]

    def answer(self) -> Any:
        if self.clock is not None:
            self.clock.at += self.seconds_each
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def connect(self) -> None:
        if self.refuse:
            raise self.refuse.pop(0)
        self.connected += 1


class AsyncWire(Wire):
    """The wire as an asynchronous pool of one connection, and as the maker of that pool."""

    def __call__(self, seconds: float) -> Any:
        self.pools.append(seconds)
        return self

    async def get_connection(self) -> Any:
        self.connect()
        return self

    async def release(self, connection: Any) -> None:
        assert connection is self
        self.released += 1

    async def check_health(self) -> None:
        if self.ill:
            raise self.ill.pop(0)

    async def send_packed_command(
        self, command: Iterable[bytes], check_health: bool = True
    ) -> None:
        assert not check_health, "what fails in here counts as sent"
        self.take(command)

    async def read_response(self) -> Any:
        return self.answer()

    async def disconnect(self, inuse_connections: bool | None = None) -> None:
        if inuse_connections is None:
            self.disconnected += 1
        else:
            self.dropped_idle += 1

    async def aclose(self) -> None:
        self.closed += 1


class SyncWire(Wire):
    """The wire as a synchronous pool of one connection, and as the maker of that pool."""

    def __call__(self, seconds: float) -> Any:
        self.pools.append(seconds)
        return self

    def get_connection(self) -> Any:
        self.connect()
        return self

    def release(self, connection: Any) -> None:
        assert connection is self
        self.released += 1

    def check_health(self) -> None:
        if self.ill:
            raise self.ill.pop(0)

    def send_packed_command(self, command: Iterable[bytes], check_health: bool = True) -> None:
        assert not check_health, "what fails in here counts as sent"
        self.take(command)

    def read_response(self) -> Any:
        return self.answer()

    def disconnect(self, inuse_connections: bool | None = None) -> None:
        if inuse_connections is None:
            self.disconnected += 1
        else:
            self.dropped_idle += 1

    def close(self) -> None:
        self.closed += 1
