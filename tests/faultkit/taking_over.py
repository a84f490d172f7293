"""I6: a step is taken over only from a worker that was ended, stopped or starved, and in time."""

from collections.abc import Iterator

from tests.faultkit.history import History, Line, issued_ns

ROUNDING = 5_000_000
"""Nanoseconds: a token tells its time in milliseconds, and clocks are read one after the other."""


def check_overlaps(history: History) -> Iterator[str]:
    """I6: two attempts of a step overlap only when the first had lost its lease, for a cause."""
    for (execution, node), tokens in history.steps.items():
        begun = [lines for lines in tokens.values() if any(x.word == "begin" for x in lines)]
        for at, lines in enumerate(begun[:-1]):
            newer = begun[at + 1][0].fence
            for sentence in _taken_over(history, lines, issued_ns(newer)):
                yield f"execution {execution}, step {node}: {sentence}"


def _taken_over(history: History, lines: list[Line], issued: int) -> Iterator[str]:
    """What is wrong with giving a step away, when another token was issued before it ended."""
    first = lines[0]
    ended = [line.wall for line in lines if line.word in ("end", "raise", "cut")]
    if ended and ended[0] < issued + ROUNDING:
        return
    renewed = [line.more["asked"] for line in lines if line.word == "renew"]
    last = max((asked for asked in renewed if asked < issued), default=0)
    if last and issued - last < history.lease * 1e9 - ROUNDING:
        early = (issued - last) / 1e6
        yield f"worker {first.pid} was renewed {early:.0f} ms before it was replaced"
    if any(asked > issued + ROUNDING for asked in renewed):
        yield f"worker {first.pid} was told that its lease is renewed after it was replaced"
    if not _has_cause(history, first, issued):
        yield f"worker {first.pid} was alive, and another took its step over"


def _has_cause(history: History, first: Line, issued: int) -> bool:
    """Whether the worker was ended, stopped or starved before it was replaced."""
    own = [(one.since, one.until) for one in history.causes if one.pid == first.pid]
    for line in history.lines:
        if line.word == "stall" and line.pid == first.pid:
            own.append((line.wall - int(line.more["seconds"] * 1e9), line.wall))
    lease = int(history.lease * 1e9)
    return any(since < issued and until > issued - 2 * lease for since, until in own)
