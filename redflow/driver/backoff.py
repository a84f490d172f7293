"""When to repeat a call that Redis did not answer, and when to give up."""

from redflow.driver.failures import closed_while
from redflow.driver.timer import AsyncTimer, Timer
from redflow.errors import Unavailable

DEADLINE = 5.0  # seconds: a producer waits on it, so short enough for a web request
FIRST_WAIT = 0.01
LONGEST_WAIT = 0.5


class Attempts:
    """The tries of one call: how long to wait between them, and the error when time is up.

    The wait has full jitter below a ceiling that doubles from 10 ms to 500 ms. A try that is under
    way is not cut, so the last one may end after the deadline by as much as it takes to time out.
    """

    def __init__(
        self, name: str, where: str, *, deadline: float | None, timer: Timer | AsyncTimer
    ) -> None:
        self._name = name
        self._where = where
        self._deadline = deadline
        self._timer = timer
        self._started = timer.now()
        self._failures = 0
        self._ambiguous = False

    def wait_after(self, error: Unavailable) -> float:
        """Return the seconds to wait before the next try.

        Raises `error` itself when no repeating was asked for, Unavailable when time is up.
        """
        if self._deadline is None:
            raise error
        ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._failures, 10))
        self._failures += 1
        # Once a try may have been done, no later refusal makes that undone.
        self._ambiguous = self._ambiguous or error.ambiguous
        wait = self._timer.random() * ceiling
        if self._timer.now() + wait >= self._started + self._deadline:
            raise self._given_up(error) from error
        return wait

    def closed_after(self, error: Unavailable) -> Unavailable:
        """Return the error of a call whose driver was closed before the next try."""
        ambiguous = self._ambiguous or error.ambiguous
        return closed_while(self._name, self._where, ambiguous=ambiguous)

    def _given_up(self, last: Unavailable) -> Unavailable:
        state = "unknown whether it was done" if self._ambiguous else "it was not done"
        return Unavailable(
            f"{self._name}: no answer from Redis at {self._where} within {self._deadline:g} s "
            f"({self._failures} tries); last: {last}",
            ambiguous=self._ambiguous,
            hint=f"{state}, safe to repeat",
        )
