"""`python -m bench scale`: W7 to W11, each as a table, all as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path

from bench.scale.clustered import cluster
from bench.scale.growing import chain_length, fan_width, history, queue_depth
from bench.scale.payloads import payload
from bench.scale.processes import processes
from bench.scale.running import Row
from bench.scale.shapes import shapes

Workload = Callable[[float], Coroutine[None, None, list[Row]]]

WORKLOADS: dict[str, dict[str, Workload]] = {
    "W7": {
        "cost of a step by queue depth": queue_depth,
        "cost of a step by length of a chain": chain_length,
        "cost of a step by width of a fan": fan_width,
        "cost of a step by history kept": history,
    },
    "W8": {"worker processes": processes},
    "W9": {"cluster": cluster},
    "W10": {"payloads": payload},
    "W11": {"shapes of real workflows": shapes},
}


def main(words: list[str]) -> int:
    """Measure and print; every case has a server of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=__doc__)
    parser.add_argument("--only", default=",".join(WORKLOADS), help="such as W7,W8; default: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of all sizes, such as 0.01")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    unknown = set(options.only.split(",")) - set(WORKLOADS)
    if unknown:
        parser.error(f"no workload {', '.join(sorted(unknown))}: there are {', '.join(WORKLOADS)}")
    logging.disable(logging.WARNING)  # the servers keep nothing, which a worker says each time
    found: dict[str, list[Row]] = {}
    for name in options.only.split(","):
        for title, workload in WORKLOADS[name].items():
            rows = asyncio.run(workload(options.scale))
            found[f"{name} {title}"] = rows
            print(table(f"{name} {title}", rows), flush=True)
            if options.json:
                text = json.dumps({"scale": options.scale, "tables": found}, indent=2)
                options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def table(title: str, rows: list[Row]) -> str:
    """A title, a head and rows, every column as wide as it needs."""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]
    return "\n".join(["", title, *lines])


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
