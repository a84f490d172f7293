"""How much slower code runs while its coverage is measured."""

import coverage


def slowdown() -> int:
    """Return by how much a limit of time is to be multiplied now."""
    return 1 if coverage.Coverage.current() is None else 5
