"""Counts what the random tests of a session compared."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Executions of random workflows, and the calls after each of which everything was compared."""

    runs: int = 0
    seeds: int = 0
    calls: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"scripts against the reference: {self.runs} executions of random workflows from"
            f" {self.seeds} seeds, {self.calls} calls compared, 0 differences"
        )


TALLY = Tally()
