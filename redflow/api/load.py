"""How much work a queue holds, for autoscalers: two round trips, whatever runs."""

from __future__ import annotations

from redflow.api.documents.operations import Load
from redflow.client import AsyncClient
from redflow.store.explaining import read_claimed, read_length, read_time
from redflow.store.op import Op, command


async def load_of(client: AsyncClient, queue: str, concurrency: int) -> Load:
    """Return what a queue holds and how many workers that would fill.

    Timers that are due are work as well, and for whom nobody knows before they fire: without any
    worker nobody fires them, so leaving them out would keep a service at zero for ever.
    """
    keys = list((await client._namespace.space()).keys)
    driver = client._namespace.driver
    lengths: list[Op[int]] = [read_length(one, queue) for one in keys]
    now, *held = await driver.run_many([read_time(), *lengths])
    used = [one for one, length in zip(keys, held, strict=True) if length]
    claims = [read_claimed(one, queue) for one in used]
    timers = [_read_due(one.permanent["timers"], now) for one in keys]
    counted = await driver.run_many([*claims, *timers])
    in_flight, due = sum(counted[: len(used)]), sum(counted[len(used) :])
    ready = sum(held) - in_flight
    return Load(ready, in_flight, due, -(-(ready + in_flight + due) // concurrency))


def _read_due(timers: str, now: int) -> Op[int]:
    return command("read_due", "ZCOUNT", timers, "-inf", now, parse=int)
