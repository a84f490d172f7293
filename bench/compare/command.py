"""`python -m bench compare`: runs redflow and its peers in turn, prints a table a workload."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.compare import installing
from bench.compare.limits import limits_of
from bench.compare.peers import NAMES, kind_of
from bench.compare.peers.base import Kind
from bench.compare.processes import PeerFailed, Site, scratch
from bench.compare.server import Server, own_server
from bench.compare.stamps import Stalled
from bench.compare.table import Results
from bench.compare.workloads import WORKLOADS, Part, Run, Sizes

LIMIT_CALLS = 5000


def main(arguments: list[str]) -> int:
    """Install or compare; exit 1 when nothing could be measured or installed."""
    options = _options(arguments)
    if options.install:
        return install([name for name in options.only if name in NAMES])
    kinds, absent = _runnable(options.only)
    sizes = Sizes(options.scale)
    with own_server() as server:
        found = compare(server, kinds, options.workloads, runs=options.runs, sizes=sizes)
        document = {
            "server": server.version,
            "machine": _machine(),
            "scale": options.scale,
            "runs": options.runs,
            "peers": {kind.name: _about(kind) for kind in kinds},
            "absent": absent,
            "workloads": {name: results.document() for name, results in found.items()},
        }
    for results in found.values():
        print(results.text(), end="\n\n")
    print(_footer(document))
    if options.json:
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if any(part["rows"] for part in _parts(document)) else 1


def compare(
    server: Server,
    kinds: list[type[Kind]],
    workloads: list[str],
    *,
    runs: int,
    sizes: Sizes,
) -> dict[str, Results]:
    """Run everybody once, then everybody again: what disturbs the machine disturbs all alike."""
    found = {w: Results(WORKLOADS[w].title, WORKLOADS[w].figures) for w in workloads}
    for run in range(runs):
        for workload, results in found.items():
            results.add_limits(run, limits_of(server, workload, sizes.of(LIMIT_CALLS, 50)))
            for part in WORKLOADS[workload].parts:
                for kind in kinds:
                    _say(f"run {run + 1} of {runs}: {workload} {part.name}: {kind.name}")
                    found_of = partial(_measure, server, kind, part, sizes)
                    _record(results, run, kind, part, found_of)
    return found


def install(names: list[str]) -> int:
    """Install peers one by one, each into an environment of its own."""
    failed = 0
    for name in names:
        try:
            said = installing.install(kind_of(name))
        except subprocess.CalledProcessError as error:
            failed, said = 1, f"was not installed: {error}"
        print(f"{name}: {said}", flush=True)
    return failed


def _record(
    results: Results, run: int, kind: type[Kind], part: Part, found: Callable[[], dict[str, float]]
) -> None:
    if why := kind.why_not(part.name):
        results.refuse(kind.name, f"{part.name}: {why}")
        return
    try:
        results.add(run, kind.name, found())
    except (PeerFailed, Stalled) as error:
        results.refuse(kind.name, f"{part.name}: run {run + 1} failed: {error}")


def _measure(server: Server, kind: type[Kind], part: Part, sizes: Sizes) -> dict[str, float]:
    server.flush()
    with scratch() as directory:
        site = Site(kind, installing.home_of(kind), server.url, directory / "run")
        return part.measure(Run(server, site, sizes))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench compare", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install peers instead")
    parser.add_argument(
        "--only", type=_names(NAMES), default=list(NAMES), help=f"of {','.join(NAMES)}"
    )
    parser.add_argument(
        "--workloads", type=_names(WORKLOADS), default=list(WORKLOADS), help="such as W1,W3"
    )
    parser.add_argument("--runs", type=int, default=3, help="of everybody (default 3)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of all sizes; 0.01 only shows that it works"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there as well")
    return parser.parse_args(arguments)


def _names(known: Any) -> Any:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not of {', '.join(known)}")
        return asked

    return names


def _runnable(names: list[str]) -> tuple[list[type[Kind]], dict[str, str]]:
    kinds = [kind_of(name) for name in names]
    absent = {kind.name: why for kind in kinds if (why := installing.missing(kind))}
    return [kind for kind in kinds if kind.name not in absent], absent


def _about(kind: type[Kind]) -> dict[str, Any]:
    return {"setting": kind.setting, "packages": list(kind.packages)}


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [figure for w in document["workloads"].values() for figure in w["figures"].values()]


def _footer(document: dict[str, Any]) -> str:
    lines = [f"{document['server']}, {document['machine']}, {document['runs']} runs"]
    if document["scale"] < 1:
        lines.append(f"sizes scaled by {document['scale']:g}: not figures to compare")
    for name, about in document["peers"].items():
        lines.append(f"{name}: {about['setting']} ({', '.join(about['packages']) or 'this tree'})")
    lines += [f"{name}: {why}" for name, why in document["absent"].items()]
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
