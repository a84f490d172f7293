"""A started execution in the hands of whoever started it."""

from datetime import timedelta
from typing import Any

from redflow.client._async.guard import guarded
from redflow.client._async.rooms import AsyncRooms
from redflow.client._async.signalling import Delivery
from redflow.client.arguments import check_text, check_timeout
from redflow.client.endings import Deadline
from redflow.client.views import status_of
from redflow.model.execution import Execution, Step
from redflow.model.ids import check_signal_id, check_signal_name
from redflow.model.status import ExecutionStatus


@guarded
class AsyncHandle:
    """Asks about one execution; it holds no connection and costs nothing to keep."""

    def __init__(self, id: str, rooms: AsyncRooms) -> None:
        self.id = id
        self._rooms = rooms
        self._door = rooms.door

    async def result(self, timeout: float | str | timedelta | None = None) -> Any:
        """Wait until the execution has ended and return its output; seconds, or "5m".

        Raises ExecutionFailed, ExecutionCancelled, TimeoutError, NotFound; Unavailable after 5
        seconds without Redis.
        """
        deadline = Deadline(check_timeout(timeout))
        plan = None
        async with self._rooms.waiting.watch(self.id) as watch:
            while True:
                look = await self._rooms.reader.look(self.id, plan)
                if look.raw.ended_as is not None:
                    break
                left = deadline.left(self.id)
                plan = await self._rooms.reader.plan_of(look.raw)
                await watch.wait(left)
        return await self._rooms.reader.result(look)

    async def status(self) -> ExecutionStatus:
        """Return the status; raises NotFound."""
        return status_of((await self._rooms.reader.look(self.id)).raw)

    async def execution(self) -> Execution:
        """Return the execution with its values; raises NotFound."""
        return await self._rooms.reader.execution(self.id)

    async def steps(self) -> list[Step]:
        """Return its steps, parents first; raises NotFound."""
        return await self._rooms.reader.steps(self.id)

    async def cancel(self, reason: str = "") -> None:
        """Cancel it: see `AsyncClient.cancel_execution`."""
        await self._rooms.stopping.cancel(self.id, check_text(reason, "reason"))

    async def fail(self, message: str) -> None:
        """Fail it: see `AsyncClient.fail_execution`."""
        await self._rooms.stopping.fail(self.id, check_text(message, "message"))

    async def signal(self, node: str, data: Any = None, *, id: str | None = None) -> Delivery:
        """Send it a signal: see `AsyncClient.signal_execution`."""
        name = check_signal_name(node, field="node")
        known = None if id is None else check_signal_id(id)
        return await self._rooms.signalling.send(self.id, name, data, known)

    async def pause(self, reason: str = "") -> None:
        """Pause it: see `AsyncClient.pause_execution`."""
        await self._rooms.pausing.pause(self.id, check_text(reason, "reason"))

    async def resume(self) -> None:
        """Let it go on: see `AsyncClient.resume_execution`."""
        await self._rooms.pausing.resume(self.id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"
