"""The workloads W1 to W6: what one run of one peer does, and the figures it gives."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.compare import limits
from bench.compare.peers.base import EVERY_MODE
from bench.compare.processes import Site
from bench.compare.server import Server
from bench.compare.shapes import DIAMOND, SINGLE, Shape, chain, fan
from bench.compare.table import Figure

GRACE = 0.7
"""Seconds after the last step until what is left counts as kept."""
SETTLE = 2.0
"""Seconds until a worker that has nothing to do is idle."""


@dataclass(frozen=True)
class Sizes:
    """How much is done; `scale` 1 gives figures, less only shows that it works."""

    scale: float = 1.0

    def of(self, count: float, least: int = 1) -> int:
        """A number, scaled."""
        return max(least, round(count * self.scale))

    @property
    def fan(self) -> Shape:
        """A fan of 1,000."""
        return fan(self.of(1000, 3))

    @property
    def long_chain(self) -> Shape:
        """A chain of 100."""
        return chain(self.of(100, 3))

    @property
    def idle_seconds(self) -> float:
        """How long an idle worker is watched."""
        return max(0.5, 10 * self.scale)


@dataclass(frozen=True)
class Run:
    """One run of one peer."""

    server: Server
    site: Site
    sizes: Sizes

    @property
    def drain(self) -> int:
        """Steps that the peer is given to drain."""
        return self.sizes.of(self.site.kind.drain, 20)


Measure = Callable[[Run], dict[str, float]]


@dataclass(frozen=True)
class Part:
    """Figures that are measured together, on an empty server; `name` is what a peer may lack."""

    name: str
    figures: tuple[Figure, ...]
    measure: Measure


@dataclass(frozen=True)
class Workload:
    """What one table shows."""

    title: str
    parts: tuple[Part, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all parts."""
        return tuple(figure for part in self.parts for figure in part.figures)


def rate_of(times: list[float]) -> float:
    """Steps a second after the first tenth, so that starting up is not in it."""
    first = len(times) // 10
    return (len(times) - 1 - first) / (times[-1] - times[first])


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _drain(run: Run, *, name: str, shape: Callable[[Sizes], Shape]) -> dict[str, float]:
    graph = shape(run.sizes)
    count = max(1, run.drain // graph.steps)
    run.site.do("preload", shape=str(graph), count=count)
    before = run.server.info()
    with run.site.worker() as worker:
        times = run.site.stamps().wait(count * graph.steps, worker.check)
        after = run.server.info()
    used = sum(after[key] - before[key] for key in ("used_cpu_sys", "used_cpu_user"))
    found = {f"{name}, steps/s": rate_of(times)}
    if graph == SINGLE:
        found["single, Redis CPU us/step"] = used / len(times) * 1e6
    return found


def _produce(run: Run, *, mode: str) -> dict[str, float]:
    base = 40_000 if mode == "batched" else 10_000
    count = run.sizes.of(min(base, run.site.kind.drain), 50)
    return {f"{mode}, calls/s": run.site.do("produce", mode=mode, count=count)["rate"]}


def _chain(run: Run) -> dict[str, float]:
    shape = run.sizes.long_chain
    times = _lone(run, shape)
    return {"lone chain, ms/step": (times[-1] - times[0]) / (shape.steps - 1) * 1000}


def _fan(run: Run) -> dict[str, float]:
    times = _lone(run, run.sizes.fan)
    return {"lone fan, ms": (times[-1] - times[0]) * 1000}


def _lone(run: Run, shape: Shape) -> list[float]:
    with run.site.worker() as worker:
        times: list[float] = run.site.do("lone", worker, shape=str(shape))["times"]
    return times


def _latency(run: Run) -> dict[str, float]:
    with run.site.worker() as worker:
        found = run.site.do("latency", worker, count=run.sizes.of(200, 10), pause=limits.PAUSE)
    results = _differences(found["begun"], found["ended"])
    picked = _differences(found["begun"], found["times"])
    return {
        "start to result p50, ms": statistics.median(results),
        "start to result p95, ms": percentile(results, 0.95),
        "start to result p99, ms": percentile(results, 0.99),
        "start to step p50, ms": statistics.median(picked),
        "start to step p99, ms": percentile(picked, 0.99),
    }


def _back_to_back(run: Run) -> dict[str, float]:
    with run.site.worker() as worker:
        found = run.site.do("latency", worker, count=run.sizes.of(200, 10), pause=0)
    results = _differences(found["begun"], found["ended"])
    return {
        "back to back, start to result p50, ms": statistics.median(results),
        "back to back, start to result p99, ms": percentile(results, 0.99),
    }


def _differences(begun: list[float], ended: list[float]) -> list[float]:
    return [(b - a) * 1000 for a, b in zip(begun, ended, strict=True)]


def _idle(run: Run) -> dict[str, float]:
    with run.site.worker() as worker:
        time.sleep(SETTLE)
        sent, inside = run.server.watch(run.sizes.idle_seconds)
        worker.check()
    return {
        "idle worker, commands/s": sent / run.sizes.idle_seconds,
        "idle worker, commands in scripts/s": inside / run.sizes.idle_seconds,
    }


def _memory(run: Run) -> dict[str, float]:
    count = min(run.drain, 20_000)
    run.site.do("declare")
    empty = run.server.memory()
    run.site.do("preload", shape=str(SINGLE), count=count)
    queued = run.server.memory()
    with run.site.worker() as worker:
        run.site.stamps().wait(count, worker.check)
        time.sleep(GRACE)
        finished = run.server.memory()
        capped = run.server.bytes_of(run.site.kind.capped)
    found = {"bytes/queued": (queued - empty) / count, "bytes/finished": (finished - empty) / count}
    if capped:
        found["of which in streams of limited length"] = capped / count
    return found


def _draining(name: str, shape: Callable[[Sizes], Shape], *more: Figure) -> Part:
    limited = (limits.STEPS, limits.STEPS_PIPELINED)
    figure = Figure(f"{name}, steps/s", more=True, limits=limited)
    return Part(name, (figure, *more), partial(_drain, name=name, shape=shape))


def _producing(mode: str) -> Part:
    figure = Figure(f"{mode}, calls/s", more=True, limits=(limits.STARTS[mode],))
    return Part(mode, (figure,), partial(_produce, mode=mode))


def _figures(*names: str, bounds: tuple[str, ...] = ()) -> tuple[Figure, ...]:
    return tuple(Figure(name, limits=bounds) for name in names)


_TRIP = (limits.ROUND_TRIP,)

WORKLOADS: dict[str, Workload] = {
    "W1": Workload(
        "W1 draining a queue of no-ops, one worker process",
        (
            _draining("single", lambda sizes: SINGLE, Figure("single, Redis CPU us/step")),
            _draining("chain10", lambda sizes: chain(10)),
            _draining("diamond", lambda sizes: DIAMOND),
            _draining("fan1000", lambda sizes: sizes.fan),
        ),
    ),
    "W2": Workload("W2 starting no-ops, one process", tuple(map(_producing, EVERY_MODE))),
    "W3": Workload(
        "W3 a lone chain of 100; of limit: round trips a step",
        (Part("chain100", _figures("lone chain, ms/step", bounds=_TRIP), _chain),),
    ),
    "W4": Workload(
        "W4 a lone fan, 1 -> 1000 -> 1; of limit: round trips",
        (Part("fan1000", _figures("lone fan, ms", bounds=_TRIP), _fan),),
    ),
    "W5": Workload(
        "W5 one no-op to an idle worker; of limit: round trips",
        (
            Part(
                "latency",
                _figures(
                    *(f"start to result p{p}, ms" for p in (50, 95, 99)),
                    *(f"start to step p{p}, ms" for p in (50, 99)),
                    bounds=(limits.ROUND_TRIP_IDLE,),
                ),
                _latency,
            ),
            Part(
                "back to back",
                _figures(
                    *(f"back to back, start to result p{p}, ms" for p in (50, 99)), bounds=_TRIP
                ),
                _back_to_back,
            ),
        ),
    ),
    "W6": Workload(
        "W6 an idle worker, and memory of single no-ops",
        (
            Part(
                "idle",
                _figures("idle worker, commands/s", "idle worker, commands in scripts/s"),
                _idle,
            ),
            Part(
                "memory",
                _figures("bytes/queued", "bytes/finished", "of which in streams of limited length"),
                _memory,
            ),
        ),
    ),
}
