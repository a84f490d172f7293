"""W7: the cost of a step against queue depth, DAG size and history; it should stay flat."""

from __future__ import annotations

from collections.abc import Callable

from bench.measuring import chain, workflow_of
from bench.scale.running import Row, longest_script, shown, steady, working
from bench.servers import own_server
from redflow import Workflow

STEPS = 40_000
DEPTHS = (1_000, 10_000, 100_000, 1_000_000)
SIZES = (10, 100, 1_000, 10_000)
HISTORIES = (0, 50_000, 200_000, 1_000_000)
WIDE = 1280
"""Steps of fans that are ready at once, about, whatever a fan's size."""


async def queue_depth(scale: float) -> list[Row]:
    """Executions of one step, started as fast as they end, behind so many that are queued."""
    rows: list[Row] = []
    for depth in _scaled(DEPTHS, scale):
        with own_server() as url:
            async with working(url, chain("single", 1)) as ground:
                found = await steady(ground, "single", steps=_steps(scale), in_flight=depth)
                longest = await longest_script(ground)
        rows.append({"queued": depth, **shown(found), **longest})
    return _compared(rows)


async def chain_length(scale: float) -> list[Row]:
    """Chains, 128 under way."""
    return await _sizes(scale, lambda nodes: (chain("dag", nodes), 128))


async def fan_width(scale: float) -> list[Row]:
    """A node, as many in parallel as there are, and one that waits for all."""
    return await _sizes(scale, lambda nodes: (fan("dag", nodes), max(2, WIDE // nodes)))


async def history(scale: float) -> list[Row]:
    """Executions of one step, 1,000 queued, after so many have finished and are kept."""
    rows: list[Row] = []
    with own_server() as url:
        async with working(url, chain("single", 1)) as ground:
            for kept in _scaled(HISTORIES, scale):
                missing = kept - ground.ended.count
                if missing > 0:
                    await ground.start("single", missing)
                    await ground.settle()
                had = ground.ended.count
                found = await steady(ground, "single", steps=_steps(scale), in_flight=1000)
                await ground.settle()
                longest = await longest_script(ground)
                rows.append({"finished": had, **shown(found), **longest})
    return _compared(rows)


def fan(name: str, nodes: int) -> Workflow:
    """One node, many, one."""
    middle = range(1, nodes - 1)
    return workflow_of(name, [(), *((0,) for _ in middle), tuple(middle)])


async def _sizes(scale: float, make: Callable[[int], tuple[Workflow, int]]) -> list[Row]:
    rows: list[Row] = []
    for nodes in SIZES if scale >= 1 else SIZES[:-1]:
        workflow, in_flight = make(nodes)
        with own_server() as url:
            async with working(url, workflow) as ground:
                found = await steady(ground, "dag", steps=_steps(scale), in_flight=in_flight)
                longest = await longest_script(ground)
        rows.append({"nodes": nodes, **shown(found), **longest})
    return _compared(rows)


def _compared(rows: list[Row]) -> list[Row]:
    """Add each row's Redis CPU as a multiple of the smallest case's."""
    name = "Redis CPU us/step"
    return [
        {**row, "to smallest": round(float(row[name]) / float(rows[0][name]), 2)} for row in rows
    ]


def _steps(scale: float) -> int:
    return max(1000, round(STEPS * scale))


def _scaled(sizes: tuple[int, ...], scale: float) -> list[int]:
    return [max(20, round(size * scale)) if size else 0 for size in sizes]
