"""A started execution in the hands of whoever started it."""

from datetime import timedelta
from typing import Any

from redflow.client._async.reading import AsyncReader
from redflow.client._async.waiting import AsyncWaiting
from redflow.client.arguments import check_timeout
from redflow.client.endings import Deadline
from redflow.model.execution import Execution, Step, execution_status
from redflow.model.status import ExecutionStatus


class AsyncHandle:
    """Asks about one execution; it holds no connection and costs nothing to keep."""

    def __init__(self, id: str, reader: AsyncReader, waiting: AsyncWaiting) -> None:
        self.id = id
        self._reader = reader
        self._waiting = waiting

    async def result(self, timeout: float | str | timedelta | None = None) -> Any:
        """Wait until the execution has ended and return its output; seconds, or "5m".

        Raises ExecutionFailed, ExecutionCancelled, TimeoutError, NotFound; Unavailable after 5
        seconds without Redis.
        """
        deadline = Deadline(check_timeout(timeout))
        plan = None
        async with self._waiting.watch(self.id) as watch:
            while True:
                look = await self._reader.look(self.id, plan)
                if look.raw.ended_as is not None:
                    break
                left = deadline.left(self.id)
                plan = await self._reader.plan_of(look.raw)
                await watch.wait(left)
        return await self._reader.result(look)

    async def status(self) -> ExecutionStatus:
        """Return the status; raises NotFound."""
        return execution_status((await self._reader.look(self.id)).raw.ended_as)

    async def execution(self) -> Execution:
        """Return the execution with its values; raises NotFound."""
        return await self._reader.execution(self.id)

    async def steps(self) -> list[Step]:
        """Return its steps, parents first; raises NotFound."""
        return await self._reader.steps(self.id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"
