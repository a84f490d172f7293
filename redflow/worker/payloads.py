"""Large values of steps: put into the payload store before their outcome goes out, fetched, and
removed once their executions are gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from redflow.crypto.values import Away, Values
from redflow.defaults import PAYLOAD_GRACE, PAYLOAD_PATIENCE
from redflow.driver import AsyncDriver
from redflow.errors import StoreError
from redflow.model.codec import Stored
from redflow.model.outcome import Outcome, OutcomeReason, Released
from redflow.payloads.payloads import Payloads
from redflow.store.payloads import PayloadSweep
from redflow.store.questions import Questions, next_of
from redflow.store.space import Space
from redflow.worker.claims import Held
from redflow.worker.endings import failed
from redflow.worker.outage import Outage

LOGGER = logging.getLogger("redflow.worker")


async def fetched(values: Values, value: Any, execution: str) -> Any:
    """Return a value as it is, or from the payload store; raises as `Values.fetch` does."""
    if type(value) is not Stored:
        return value
    if values.payloads is None:
        return values.fetch(value, execution)  # which says what is missing
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(values.payloads.threads, values.fetch, value, execution)


async def sweep(driver: AsyncDriver, space: Space, payloads: Payloads) -> int:
    """Remove what no execution holds any more; answers how many. Raises StoreError."""
    sweep = PayloadSweep(space, payloads, time.time() - PAYLOAD_GRACE)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(payloads.threads, sweep.read):
        await _ask_all(driver, sweep.ask())
        await loop.run_in_executor(payloads.threads, sweep.remove)
    await _ask_all(driver, sweep.spare())
    await loop.run_in_executor(payloads.threads, sweep.remove)
    return sweep.removed


async def _ask_all(driver: AsyncDriver, questions: Questions) -> None:
    answers: list[Any] | None = None
    while (asked := next_of(questions, answers, None)) is not None:
        answers = await driver.run_many(asked.ops)


class Storing:
    """Puts values into the payload store; the step stays held meanwhile, and so does its lease."""

    def __init__(
        self,
        values: Values,
        report: Callable[[Held, Outcome], None],
        *,
        patience: float = PAYLOAD_PATIENCE,
    ) -> None:
        self._values = values
        self._report = report
        self._tasks: set[asyncio.Task[None]] = set()
        self.patience = patience
        self.outage = Outage("the payload store")

    @property
    def clear(self) -> bool:
        """Whether nothing is being put."""
        return not self._tasks

    @property
    def count(self) -> int:
        """How many values are held in memory for it."""
        return len(self._tasks)

    def keep(self, held: Held, away: Away, done: Callable[[bytes], None]) -> None:
        """Put a value of a settled step, then hand over what stands for it.

        A store that refuses it for longer than the patience fails the attempt.
        """
        task = asyncio.create_task(self._keep(held, away, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until nothing is being put."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give back the steps whose values are not stored yet: they run again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, held: Held, away: Away, done: Callable[[bytes], None]) -> None:
        try:
            reference = await self._put(away)
        except StoreError as error:
            envelope = held.envelope
            LOGGER.error(
                "output of step %s of execution %s cannot be stored: %s",
                envelope.step,
                envelope.execution,
                error,
            )
            self._report(held, failed(held, error, OutcomeReason.ERROR, retryable=True))
        except asyncio.CancelledError:
            self._report(held, Released(OutcomeReason.SHUTDOWN))
        else:
            done(reference)

    async def _put(self, away: Away) -> bytes:
        """Put until it is done; raises the last error when patience is over."""
        payloads = self._values.payloads
        assert payloads is not None
        loop, refused = asyncio.get_running_loop(), 0.0
        while True:
            try:
                reference = await loop.run_in_executor(payloads.threads, self._values.keep, away)
            except StoreError as error:
                refused = refused or time.monotonic()
                if time.monotonic() - refused >= self.patience:
                    raise
                await self.outage.wait(error)
            else:
                self.outage.over()
                return reference
