"""W11: no-ops in the shapes of two scientific workflows, genome-248 and epigenomics-495.

The shapes are those that WfCommons 1.6 (wfcommons.org, LGPL-3.0) generates for its recipes of the
1000-genomes and the epigenomics workflow at these sizes; they are written here as rules, as no part
of its code or data is needed. A node is the tuple of the numbers of its parents.
"""

from __future__ import annotations

import time

from bench.draining import Ground
from bench.measuring import workflow_of
from bench.scale.running import Row, longest_script, shown, steady, working
from bench.servers import own_server

STEPS = 40_000
LONE = 5

CHROMOSOMES, INDIVIDUALS, OVERLAPS = 6, 25, 7
FREQUENCIES = (8, 8, 8, 7, 7, 7)
"""Of each chromosome; the first two share one."""
LANES = (9, 10, 19, 21, 29, 32)

Shape = list[tuple[int, ...]]


def genome() -> Shape:
    """Per chromosome 25 parts that are merged, a sifting, and analyses that need both."""
    shape: Shape = []
    pairs = []
    for number in range(CHROMOSOMES):
        first = len(shape)
        shape += [()] * INDIVIDUALS
        shape += [tuple(range(first, first + INDIVIDUALS)), ()]
        pairs.append((len(shape) - 2, len(shape) - 1))
        shape += [pairs[-1]] * (OVERLAPS + FREQUENCIES[number] - (number < 2))
    shape.append((*pairs[0], *pairs[1]))
    return shape


def epigenomics() -> Shape:
    """Six lanes that are split into chains of four steps, merged each and together, and indexed."""
    shape: Shape = []
    merges = []
    for width in LANES:
        split = len(shape)
        shape.append(())
        ends = []
        for _ in range(width):
            shape.append((split,))
            for _ in range(3):
                shape.append((len(shape) - 1,))
            ends.append(len(shape) - 1)
        shape.append(tuple(ends))
        merges.append(len(shape) - 1)
    shape.append(tuple(merges))
    shape += [(len(shape) - 1,), (len(shape),)]
    return shape


async def shapes(scale: float) -> list[Row]:
    """Each shape beside chains of ten: many at once, and a lone one from start to end."""
    cases: dict[str, Shape] = {
        "chain of 10": [() if at == 0 else (at - 1,) for at in range(10)],
        "genome-248": genome(),
        "epigenomics-495": epigenomics(),
    }
    return [await _shape(name, shape, scale) for name, shape in cases.items()]


async def _shape(name: str, shape: Shape, scale: float) -> Row:
    steps = max(1000, round(STEPS * scale))
    with own_server() as url:
        async with working(url, workflow_of("dag", shape)) as ground:
            lone = [await _lone(ground) for _ in range(LONE)]
            in_flight = max(4, 1280 // len(shape))
            found = await steady(ground, "dag", steps=steps, in_flight=in_flight)
            longest = await longest_script(ground)
    return {
        "shape": name,
        "nodes": len(shape),
        "edges": sum(map(len, shape)),
        **shown(found),
        "a lone one ms": round(min(lone) * 1000, 1),
        **longest,
    }


async def _lone(ground: Ground) -> float:
    begun = time.perf_counter()
    await (await ground.engine.execute("dag")).result(timeout=60)
    return time.perf_counter() - begun
