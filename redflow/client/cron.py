"""CronManager: schedules under the names that cron managers have elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redflow.client._async.client import AsyncClient
from redflow.cron.decision import CatchUp, Overlap
from redflow.cron.schedule import Schedule


class CronManager:
    """The schedules of an engine's namespace, as `client.schedules` has them.

    There is nothing to start: every worker of the namespace fires what is due.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._schedules = client.schedules
        self._client = client
        self.get = self._schedules.get
        self.list = self._schedules.list
        self.pause = self._schedules.pause
        self.resume = self._schedules.resume
        self.delete = self._schedules.delete
        self.run_now = self._schedules.run_now
        self.next_times = self._schedules.next_times

    async def add_schedule(
        self,
        id: str,
        workflow: str,
        cron: str,
        input: Any = None,
        *,
        timezone: str = "UTC",
        overlap: Overlap = "allow",
        catch_up: CatchUp = "last",
        jitter: float = 0.0,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Schedule:
        """Keep a schedule: see `AsyncSchedules.put`; the same again changes nothing."""
        register_included = getattr(self._client, "register_included", None)
        if register_included is not None:  # of an engine, which may have taken in the workflow
            await register_included()
        return await self._schedules.put(
            id,
            workflow,
            cron,
            {} if input is None else input,
            timezone=timezone,
            overlap=overlap,
            catch_up=catch_up,
            jitter=jitter,
            labels=labels,
            metadata=metadata,
        )
