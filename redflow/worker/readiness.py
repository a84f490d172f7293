"""Whether a server is fit to run on: before a worker starts, and now and then while it runs."""

from __future__ import annotations

import asyncio
import logging
import random
import time

from redflow.driver import AsyncDriver
from redflow.errors import Misconfigured, StoreError, Unavailable
from redflow.store.fitness import Clocks, Finding, judge, read_info

LOGGER = logging.getLogger("redflow.worker")

EVERY, SOONEST = 60.0, 0.75
"""Seconds between two looks at a server while a worker runs, and the least share of it."""

Found = dict[tuple[str, str], Finding]
"""What was found, by server and by the finding's words."""


async def check_server(driver: AsyncDriver, where: str) -> Found:
    """Judge every server that takes writes and log what is risky; raises Misconfigured.

    One round trip to each.
    """
    try:
        found = await _look(driver)
    except Unavailable:
        raise
    except StoreError as error:
        LOGGER.info(
            "Redis at %s does not let its settings be judged, and restarts are not noticed: %s",
            where,
            error,
        )
        return {}
    wrong = {at: finding for at, finding in found.items() if finding.fatal}
    if wrong:
        text = "; ".join(f"{finding.what}: {finding.why}" for finding in wrong.values())
        servers = ", ".join(dict.fromkeys(at for at, _ in wrong))
        raise Misconfigured(
            f"Redis at {servers} is not fit for redflow: {text}",
            hint="; ".join(dict.fromkeys(finding.step for finding in wrong.values())),
        )
    _tell(found)
    return found


class Inspection:
    """Looks at the servers while a worker runs: settings may be changed under it.

    A worker goes on whatever it finds: to end would lose more than a log that says so.
    """

    def __init__(self, driver: AsyncDriver, known: Found) -> None:
        self._driver = driver
        self._known = known

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY * random.uniform(SOONEST, 1.0))
            await self.look()

    async def look(self) -> None:
        """Log what was not there at the last look; whatever cannot be asked is asked again."""
        try:
            found = await _look(self._driver)
        except StoreError:
            return
        _tell({at: finding for at, finding in found.items() if at not in self._known})
        self._known = found


async def _look(driver: AsyncDriver) -> Found:
    before = time.time()
    told = await driver.everywhere("INFO")
    clocks = Clocks(before, time.time())
    return {
        (at, _kind(finding)): finding
        for at, info in told
        for finding in judge(read_info(info), clocks)
    }


def _kind(finding: Finding) -> str:
    """A finding as it stays while its numbers change: a clock that drifts is found once."""
    return f"{finding.why} {finding.fatal}"


def _tell(found: Found) -> None:
    for (at, _), finding in found.items():
        LOGGER.log(
            logging.ERROR if finding.fatal else logging.WARNING, "Redis at %s: %s", at, finding
        )
