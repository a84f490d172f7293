"""Prints the gates: cost of a step for Redis and for a worker, commands, bytes, memory, idling."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import ExitStack

from bench import api, baseline
from bench.compare.command import main as compare
from bench.expressions import GATES as EXPRESSION_GATES
from bench.expressions import measure_expressions
from bench.features import measure_features
from bench.gates import GATES, measure
from bench.scale.command import main as scale
from bench.sealing import GATE, measure_encryption
from redflow.driver import EmbeddedServer

COMMANDS = "Other commands, each with --help: api, compare, scale, gate, baseline."


def main() -> int:
    """Measure, print a table or JSON; exit 1 when a gate is missed."""
    if sys.argv[1:2] == ["api"]:
        return api.main(sys.argv[2:])
    if sys.argv[1:2] == ["compare"]:
        return compare(sys.argv[2:])
    if sys.argv[1:2] == ["scale"]:
        return scale(sys.argv[2:])
    if sys.argv[1:2] in (["gate"], ["baseline"]):
        return baseline.main(sys.argv[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=COMMANDS)
    parser.add_argument(
        "--redis", help="URL of a server nobody else uses; default: a server of its own"
    )
    parser.add_argument(
        "--steps", type=int, default=100_000, help="steps of each run (default 100,000)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs; medians are printed (default 3)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", action="store_true", help="print where a worker's time goes")
    parser.add_argument(
        "--features", action="store_true", help="print what each feature costs instead"
    )
    parser.add_argument(
        "--expressions", action="store_true", help="print what expressions cost instead; no server"
    )
    parser.add_argument(
        "--encryption", action="store_true", help="print what encryption costs instead"
    )
    options = parser.parse_args()
    if options.expressions:
        return print_expressions()
    with ExitStack() as stack:
        url = options.redis or stack.enter_context(EmbeddedServer()).url
        if options.features:
            for name, value in asyncio.run(measure_features(url)).items():
                print(f"{name:56} {value:10,.1f}")
            return 0
        if options.encryption:
            return print_encryption(asyncio.run(measure_encryption(url, options.runs)))
        found = asyncio.run(
            measure(url, steps=options.steps, runs=options.runs, profile=options.profile)
        )
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, values in found["figures"].items():
            print(line(name, values))
        print(f"server {found['server']}, {found['steps']:,} steps a run, {found['runs']} runs")
    missed = [n for n, gate in GATES.items() if not gate[2](found["figures"][n]["median"])]
    return 1 if missed else 0


def print_encryption(found: dict[str, float]) -> int:
    """Print what encryption costs; return 1 when the gate is missed."""
    for name, value in found.items():
        print(f"{name:34} {value:10,.4g}")
    return 0 if found["share of the throughput"] >= GATE else 1


def print_expressions() -> int:
    """Print what expressions cost; return 1 when a gate is missed."""
    found = measure_expressions()
    for name, value in found.items():
        print(f"{name:34} {value:10,.1f}  gate <= {EXPRESSION_GATES[name]:,g}")
    return 0 if all(value <= EXPRESSION_GATES[name] for name, value in found.items()) else 1


def line(name: str, values: dict[str, float]) -> str:
    """One figure, with its gate."""
    text = f"{name:34} {values['median']:>10,.4g}  [{values['min']:,.4g} - {values['max']:,.4g}]"
    if name not in GATES:
        return text
    sign, limit, passes = GATES[name]
    verdict = "met" if passes(values["median"]) else "MISSED"
    return f"{text}  gate {sign} {limit:,g}: {verdict}"


if __name__ == "__main__":
    sys.exit(main())
