"""Time, waiting and chance as one value that tests replace, and the limit on waiting."""

import asyncio
import random
import threading
import time
from types import TracebackType

from redis.exceptions import TimeoutError as NoAnswer

from redflow.errors import Misconfigured

AsyncLock = asyncio.Lock
Lock = threading.Lock


class Timer:
    """The monotonic clock, `time.sleep` and a random number."""

    def now(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        """Return a number in [0, 1)."""
        return random.random()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class AsyncTimer:
    """The asynchronous form of Timer."""

    def now(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        """Return a number in [0, 1)."""
        return random.random()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Home:
    """Nothing: synchronous connections may be used by any thread."""

    def check(self) -> None: ...


class AsyncHome:
    """The event loop that connections belong to: that of the first call."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """Raise Misconfigured in another loop: what waits in the first would never be woken."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise Misconfigured(
                "the connections to Redis were made in another event loop",
                hint="close the client before its loop ends, or make one for each loop",
            )


class Limit:
    """Nothing: a synchronous connection limits each wait by itself."""

    def __init__(self, seconds: float) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class AsyncLimit:
    """Ends what runs inside after some seconds, with redis-py's TimeoutError.

    In place of the limits of redis-py's connections: those send through asyncio.wait_for, which
    costs a task for each command and, before Python 3.12, may swallow a cancellation.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._seconds:g} s") from error
