"""Starting executions one at a time, together when several tasks do so. Written by hand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from redflow.client._async.starting import AsyncStarter
from redflow.client.requests import Options, Request
from redflow.errors import RedflowError, Unavailable

PATIENCE = 0.02  # seconds: so long a request waits for the call before it, however slow Redis is

Waiter = tuple[Request, "asyncio.Future[bool]"]


@dataclass(slots=True, eq=False)
class Line:
    """Requests with the same options: calls under way, and who waits for the next one."""

    calls: int = 0
    waiting: list[Waiter] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class AsyncSingle:
    """Sends a request at once when none is under way; those that come meanwhile go in one call.

    A call for many costs Redis a third of what calls for each would, and this process a fifth.
    """

    def __init__(self, starter: AsyncStarter) -> None:
        self._starter = starter
        self._lines: dict[Options, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, options: Options, request: Request) -> None:
        """Start one execution; raises Conflict and what `AsyncStarter.start` raises."""
        if request.away is not None:  # nobody waits for its payload, nor fails with it
            return await self._alone(options, request)
        line = self._lines.get(options)
        if line is not None:
            if await self._wait(options, line, request):
                return None
            return await self._alone(options, request)
        line = self._lines[options] = Line(calls=1)
        try:
            await self._alone(options, request)
        finally:
            self._end_call(options, line)

    async def _alone(self, options: Options, request: Request) -> None:
        for conflict in await self._starter.start(options, [request]):
            raise conflict

    async def _wait(self, options: Options, line: Line, request: Request) -> bool:
        """Go with the next call; answer whether that has started the execution."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        line.waiting.append((request, done))
        if line.timer is None:
            line.timer = loop.call_later(PATIENCE, self._begin_call, options, line)
        return await done

    def _begin_call(self, options: Options, line: Line) -> None:
        """Send all who still wait."""
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        waiting = [one for one in line.waiting if not one[1].done()]
        line.waiting = []
        if waiting:
            line.calls += 1
            task = asyncio.create_task(self._together(options, line, waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _end_call(self, options: Options, line: Line) -> None:
        line.calls -= 1
        self._begin_call(options, line)
        if line.calls == 0:
            del self._lines[options]

    async def _together(self, options: Options, line: Line, waiting: Sequence[Waiter]) -> None:
        started = False
        try:
            started = not await self._starter.start(options, [request for request, _ in waiting])
        except Unavailable as error:
            for _, done in waiting:
                if not done.done():
                    done.set_exception(error)
        except RedflowError:
            pass  # each asks again for itself, which changes nothing and tells whose error it is
        finally:
            for _, done in waiting:
                if not done.done():
                    done.set_result(started)
            self._end_call(options, line)
