"""The gate of every change: steady figures beside those recorded in `baseline.json`."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.steady import PARTS, SHARE, measure_steady
from redflow.driver import EmbeddedServer

FILE = Path(__file__).with_name("baseline.json")
RISE = 1.15
ELSEWHERE = 1.5
"""Allowed instead where no figures are recorded for the same server and Python."""
DISTURBED = 1.4
"""Allowed to CPU where others had the cores for much of the time: it costs a cold cache."""
QUIET = 0.9
"""The share of its time that the fixed loop has a core, at least, on a machine that is left alone.

Counts, bytes and memory are the same on any machine: they are always held to the 15 %.
"""
CPU = ("Redis CPU/step, in rows", "worker CPU/step, in rows")
SLACK = {"blocks kept/step": 0.25, "idle commands/s": 0.1}
"""Figures so small that a rise means something only in their own unit."""
LOOKS = 3
"""What has risen is measured so often, and counts when even the least is too much."""
RECORDED_LOOKS = 5
"""What is recorded is the median of so many, or of the quiet ones among them."""

Figures = Mapping[str, float]
Found = dict[str, Any]


def main(words: list[str]) -> int:
    """Compare with the recorded figures, or record new ones; exit 1 when one has risen."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("command", choices=("gate", "baseline"))
    parser.add_argument("--only", default=",".join(PARTS), help=f"gate: some of {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true", help="gate: print JSON")
    options = parser.parse_args(words)
    if options.command == "baseline":
        return _write([[_measure(part) for part in PARTS] for _ in range(RECORDED_LOOKS)])
    found, recorded, rise = look(options.only.split(","))
    risen = rises(found["figures"], recorded, rise)
    if options.json:
        print(json.dumps({**found, "recorded": recorded, "rise": rise, "risen": risen}, indent=2))
    else:
        print("\n".join(_lines(found["figures"], recorded, risen)))
        print(f"{_name(found)}; may rise by {rise - 1:.0%}")
    return 1 if risen else 0


def look(parts: Iterable[str]) -> tuple[Found, Figures, float]:
    """Measure part by part, again what has risen; the least of each, and what is allowed."""
    figures: dict[str, float] = {}
    looks = [_look(part) for part in parts]
    for found, _, _ in looks:
        figures |= found["figures"]
    found, recorded, rise = looks[0]
    return {**found, "figures": figures}, recorded, rise


def _look(part: str) -> tuple[Found, Figures, float]:
    found = _measure(part)
    recorded, rise = recorded_for(found)
    for _ in range(LOOKS - 1):
        if rises(found["figures"], recorded, rise):
            again = _measure(part)["figures"]
            least = {name: min(value, again[name]) for name, value in found["figures"].items()}
            if SHARE in least:
                least[SHARE] = max(found["figures"][SHARE], again[SHARE])
            found["figures"] = least
    return found, recorded, rise


def _measure(part: str) -> Found:
    with EmbeddedServer() as server:  # an empty one: figures depend on what others left
        return asyncio.run(measure_steady(server.url, part))


def recorded_for(found: Mapping[str, Any]) -> tuple[Figures, float]:
    """What to compare with, and how much more is allowed.

    Where nothing is recorded for this server and Python it is the largest of what is.
    """
    recorded: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
    own = recorded.get(_name(found))
    if own is not None:
        return own, RISE
    names = {name for figures in recorded.values() for name in figures}
    most = {name: max(f[name] for f in recorded.values() if name in f) for name in names}
    return most, ELSEWHERE


def rises(found: Figures, recorded: Figures, rise: float = RISE) -> dict[str, float]:
    """Figures above what is recorded by more than is allowed, as a ratio to what is recorded.

    A figure that is recorded nowhere counts as risen.
    """
    disturbed = found.get(SHARE, 1.0) < QUIET
    most = {name: max(rise, DISTURBED) if disturbed and name in CPU else rise for name in found}
    return {
        name: value / max(recorded.get(name, 0.0), 1e-9)
        for name, value in found.items()
        if name != SHARE and value > limit_of(name, recorded.get(name, 0.0), most[name])
    }


def limit_of(name: str, recorded: float, rise: float = RISE) -> float:
    """The most that a figure may be."""
    return max(recorded * rise, recorded + SLACK.get(name, 0.0))


def _write(looks: Sequence[Sequence[Found]]) -> int:
    recorded = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    name = _name(looks[0][0])
    seen = [{k: v for found in parts for k, v in found["figures"].items()} for parts in looks]
    quiet = [one for one in seen if one[SHARE] >= QUIET] or seen
    medians = {figure: statistics.median(one[figure] for one in quiet) for figure in seen[0]}
    recorded[name] = {figure: float(f"{value:.4g}") for figure, value in medians.items()}
    FILE.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"recorded for {name} in {FILE.name}")
    if medians[SHARE] < QUIET:
        print("others used the machine meanwhile: record again when it is quiet, for CPU's sake")
    return 0


def _name(found: Mapping[str, Any]) -> str:
    return f"{found['server']}, Python {found['python']}"


def _lines(found: Figures, recorded: Figures, risen: Figures) -> list[str]:
    return [
        f"{name:49} {value:10,.4g}  recorded {recorded.get(name, 0.0):10,.4g}"
        f"{'  RISEN' if name in risen else ''}"
        for name, value in found.items()
    ]
