"""W10: chains whose steps hand on a payload of 100 B, 10 KiB and 100 KiB."""

from __future__ import annotations

import base64
import random
from typing import Any

from bench.measuring import chain, counters
from bench.scale.running import Row, longest_script, shown, steady, working
from bench.servers import own_server

DEPTH = 10
SIZES = (100, 10 * 1024, 100 * 1024)
STEPS, LEAST_STEPS = 40_000, 200
MEGABYTES = 300
"""About what the outputs of a case may take in Redis."""


async def payload(scale: float) -> list[Row]:
    """Ten steps, each of whose output is the next one's input; what does not compress."""
    return [await _size(size, scale) for size in SIZES]


async def _size(size: int, scale: float) -> Row:
    steps = max(LEAST_STEPS, round(min(STEPS, MEGABYTES * 2**20 / size) * scale))
    with own_server() as url:
        async with working(url, chain("chain", DEPTH), step=_same) as ground:
            empty = (await counters(ground.engine))["used_memory"]
            value = _random_text(size)
            in_flight = max(4, min(128, steps // DEPTH // 4))
            found = await steady(ground, "chain", steps=steps, in_flight=in_flight, value=value)
            used = (await counters(ground.engine))["used_memory"] - empty
            longest = await longest_script(ground)
            recorded = ground.begun.count
    return {
        "payload B": size,
        "steps": steps,
        **shown(found),
        "MB/s of payload": round(found["steps/s"] * size / 1e6, 1),
        "bytes in Redis/step": round(used / recorded),
        **longest,
    }


async def _same(value: Any) -> Any:
    return value


def _random_text(size: int) -> str:
    return base64.b64encode(random.Random(7).randbytes(size)).decode()[:size]
