"""What was measured, as medians and ratios, and the tables that show it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from bench.compare.peers import NAMES, OURS

NOT_PYTHON = ("bullmq",)


@dataclass(frozen=True)
class Figure:
    """What is measured: `more` of it is better, or less; `limits` bound it, the best one first."""

    name: str
    more: bool = False
    limits: tuple[str, ...] = ()


class Results:
    """Samples of one workload: for each figure and peer one value a run."""

    def __init__(self, title: str, figures: tuple[Figure, ...]) -> None:
        self.title = title
        self.figures = figures
        self._samples: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        self._limits: dict[str, dict[int, float]] = defaultdict(dict)
        self._reasons: dict[str, dict[str, None]] = defaultdict(dict)

    def add(self, run: int, peer: str, found: dict[str, float]) -> None:
        """Take in what a peer gave in one run."""
        for figure, value in found.items():
            self._samples[figure, peer][run] = value

    def add_limits(self, run: int, found: dict[str, float]) -> None:
        """Take in the limits of one run."""
        for name, value in found.items():
            self._limits[name][run] = value

    def refuse(self, peer: str, why: str) -> None:
        """Note why figures of a peer are missing."""
        self._reasons[peer][why] = None

    def best(self, figure: Figure) -> str | None:
        """The Python peer with the best median; redflow is no peer of its own."""
        found = {
            peer: statistics.median(values.values())
            for (name, peer), values in self._samples.items()
            if name == figure.name and peer != OURS and peer not in NOT_PYTHON
        }
        if not found:
            return None
        return (max if figure.more else min)(found, key=lambda peer: found[peer])

    def rows(self, figure: Figure) -> list[dict[str, Any]]:
        """One row for each peer that has the figure, in the order of peers."""
        peers = [name for name in NAMES if self._samples.get((figure.name, name))]
        return [self._row(figure, peer) for peer in peers]

    def limit_of(self, figure: Figure) -> str | None:
        """The limit that was measured and bounds a figure."""
        return next((name for name in figure.limits if self._limits.get(name)), None)

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "title": self.title,
            "figures": {
                figure.name: {
                    "better": "more" if figure.more else "less",
                    "best_peer": self.best(figure),
                    "limit": self.limit_of(figure),
                    "rows": self.rows(figure),
                }
                for figure in self.figures
            },
            "limits": {name: spread(list(v.values())) for name, v in self._limits.items()},
            "missing": {peer: list(reasons) for peer, reasons in self._reasons.items()},
        }

    def text(self) -> str:
        """All of it, for people."""
        lines = [self.title]
        for figure in self.figures:
            lines += self._table(figure)
        for name, values in self._limits.items():
            lines.append(f"  limit: {name}: {_spread_text(spread(list(values.values())))}")
        for peer, reasons in self._reasons.items():
            lines += [f"  {peer}: {reason}" for reason in reasons]
        return "\n".join(lines)

    def _row(self, figure: Figure, peer: str) -> dict[str, Any]:
        values = self._samples[figure.name, peer]
        row: dict[str, Any] = {"peer": peer, **spread(list(values.values()))}
        best, limit = self.best(figure), self.limit_of(figure)
        if best:
            row["times_best_peer"] = ratio(
                values, self._samples[figure.name, best], inverse=not figure.more
            )
        for other in NOT_PYTHON:
            if (figure.name, other) in self._samples:
                row[f"times_{other}"] = ratio(
                    values, self._samples[figure.name, other], inverse=not figure.more
                )
        if limit:
            row["of_limit"] = ratio(values, self._limits[limit])
        return row

    def _table(self, figure: Figure) -> list[str]:
        rows = self.rows(figure)
        if not rows:
            return []
        ratios = [name for name in rows[0] if name.startswith("times_") or name == "of_limit"]
        heads = [f"x {self.best(figure)}" if n == "times_best_peer" else _head(n) for n in ratios]
        better = "more is better" if figure.more else "less is better"
        lines = [f"\n  {figure.name} ({better})", f"  {'':12}{'median [min - max]':>36}"]
        lines[1] += "".join(f"{head:>14}" for head in heads)
        for row in sorted(rows, key=lambda row: row["median"], reverse=figure.more):
            cells = "".join(f"{_number(row.get(name)):>14}" for name in ratios)
            lines.append(f"  {row['peer']:12}{_spread_text(row):>36}{cells}")
        return lines


def spread(values: list[float]) -> dict[str, Any]:
    """Median, least and most of samples, and how many there are."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "runs": len(values),
    }


def ratio(
    values: dict[int, float], others: dict[int, float], *, inverse: bool = False
) -> float | None:
    """The median of the ratios within each run; None when no run has both, or one is 0."""
    pairs = [(values[run], others[run]) for run in values if run in others]
    if inverse:
        pairs = [(other, value) for value, other in pairs]
    if not pairs or not all(value and other for value, other in pairs):
        return None
    return statistics.median(value / other for value, other in pairs)


def _head(name: str) -> str:
    return "of limit" if name == "of_limit" else name.replace("times_", "x ")


def _spread_text(found: dict[str, Any]) -> str:
    return f"{_number(found['median'])} [{_number(found['min'])} - {_number(found['max'])}]"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
