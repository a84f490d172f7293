# GENERATED from redflow/client/_async/handle.py by tests/tools/unasync.py: change that file.
"""A started execution in the hands of whoever started it."""

from datetime import timedelta
from typing import Any

from redflow.client._sync.guard import guarded
from redflow.client._sync.rooms import Rooms
from redflow.client._sync.signalling import Delivery
from redflow.client.arguments import check_text, check_timeout
from redflow.client.endings import Deadline
from redflow.client.views import status_of
from redflow.model.execution import Execution, Step
from redflow.model.ids import check_signal_id, check_signal_name
from redflow.model.status import ExecutionStatus


@guarded
class Handle:
    """Asks about one execution; it holds no connection and costs nothing to keep."""

    def __init__(self, id: str, rooms: Rooms) -> None:
        self.id = id
        self._rooms = rooms
        self._door = rooms.door

    def result(self, timeout: float | str | timedelta | None = None) -> Any:
        """Wait until the execution has ended and return its output; seconds, or "5m".

        Raises ExecutionFailed, ExecutionCancelled, TimeoutError, NotFound; Unavailable after 5
        seconds without Redis.
        """
        deadline = Deadline(check_timeout(timeout))
        plan = None
        with self._rooms.waiting.watch(self.id) as watch:
            while True:
                look = self._rooms.reader.look(self.id, plan)
                if look.raw.ended_as is not None:
                    break
                left = deadline.left(self.id)
                plan = self._rooms.reader.plan_of(look.raw)
                watch.wait(left)
        return self._rooms.reader.result(look)

    def status(self) -> ExecutionStatus:
        """Return the status; raises NotFound."""
        return status_of((self._rooms.reader.look(self.id)).raw)

    def execution(self) -> Execution:
        """Return the execution with its values; raises NotFound."""
        return self._rooms.reader.execution(self.id)

    def steps(self) -> list[Step]:
        """Return its steps, parents first; raises NotFound."""
        return self._rooms.reader.steps(self.id)

    def cancel(self, reason: str = "") -> None:
        """Cancel it: see `Client.cancel_execution`."""
        self._rooms.stopping.cancel(self.id, check_text(reason, "reason"))

    def fail(self, message: str) -> None:
        """Fail it: see `Client.fail_execution`."""
        self._rooms.stopping.fail(self.id, check_text(message, "message"))

    def signal(self, node: str, data: Any = None, *, id: str | None = None) -> Delivery:
        """Send it a signal: see `Client.signal_execution`."""
        name = check_signal_name(node, field="node")
        known = None if id is None else check_signal_id(id)
        return self._rooms.signalling.send(self.id, name, data, known)

    def pause(self, reason: str = "") -> None:
        """Pause it: see `Client.pause_execution`."""
        self._rooms.pausing.pause(self.id, check_text(reason, "reason"))

    def resume(self) -> None:
        """Let it go on: see `Client.resume_execution`."""
        self._rooms.pausing.resume(self.id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"
