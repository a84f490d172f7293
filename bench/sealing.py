"""What encryption costs: chains whose values have 1 KiB, with and without a key, in turn."""

from __future__ import annotations

import secrets
import statistics
from typing import Any

from bench.draining import Ground
from bench.measuring import chain, clean
from redflow import Crypto, Key

DEPTH, CHAINS = 10, 1000
VALUE = {"text": secrets.token_hex(510)}
"""About 1 KiB as it is stored."""

GATE = 0.9
"""Share of the throughput that is left with encryption."""


async def measure_encryption(url: str, runs: int) -> dict[str, float]:
    """Steps a second and CPU of both, medians, and the share that is left."""

    async def echo(value: Any) -> Any:
        return value

    found: dict[str, list[dict[str, float]]] = {"plain": [], "encrypted": []}
    for _ in range(runs):
        for name, crypto in (("plain", None), ("encrypted", Crypto([Key.new("k1")]))):
            ground = Ground(url, echo, crypto)
            async with ground.engine as engine:
                await engine.register_workflow(chain("chain", DEPTH))
                await ground.run("chain", CHAINS, VALUE)
                found[name].append(ground.cost())
                await clean(engine)
    figures = {
        f"{name}, {figure}": statistics.median(cost[figure] for cost in costs)
        for name, costs in found.items()
        for figure in ("steps/s", "Redis CPU us/step", "worker CPU us/step")
    }
    pairs = zip(found["plain"], found["encrypted"], strict=True)
    share = statistics.median(with_key["steps/s"] / bare["steps/s"] for bare, with_key in pairs)
    return figures | {"share of the throughput": share}
