"""W9: one server and a cluster of three masters, with 1 and 16 partitions."""

from __future__ import annotations

from bench.measuring import chain
from bench.scale.running import Row, longest_script, shown, steady, working
from bench.servers import own_cluster, own_server

STEPS = 60_000
PARTITIONS = (1, 16)


async def cluster(scale: float) -> list[Row]:
    """Chains of ten, one worker process; a cluster's Redis CPU is that of its three nodes."""
    rows: list[Row] = []
    for name, start in (("one server", own_server), ("cluster of 3", own_cluster)):
        for partitions in PARTITIONS:
            with start() as url:
                async with working(url, chain("chain", 10), partitions=partitions) as ground:
                    steps = max(1000, round(STEPS * scale))
                    found = await steady(ground, "chain", steps=steps, in_flight=1000)
                    longest = await longest_script(ground)
            row: Row = {"servers": name, "partitions": partitions, **shown(found)}
            row["commands/step"] = round(found["commands/step"], 4)
            rows.append({**row, **longest})
    return rows
