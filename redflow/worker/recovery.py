"""After a lost reply: find what it claimed, in this worker's own pending list."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from redflow.store.keys import PartitionKeys
from redflow.store.steps import read_envelope, read_pending
from redflow.worker.claims import Claims, Held
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

PAGE = 100


async def read_unheard(
    shared: Shared, claims: Claims, partitions: Sequence[PartitionKeys]
) -> list[Held]:
    """Entries pending under this worker's name that it does not hold: their claim was not heard of.

    Names of workers are unique, so nobody else's entries are seen. While it reads, no call of this
    worker may claim or report: what such a call has settled would be taken for unheard.
    """
    settings = shared.settings
    found: list[Held] = []
    after = {(partition, queue): "0" for partition in partitions for queue in settings.queues}
    while after:
        sources = list(after)
        pages = await shared.driver.run_many(
            [
                read_pending(*source, settings.worker_id, after=after[source], count=PAGE)
                for source in sources
            ],
            deadline=None,
        )
        after = {}
        for (partition, queue), page in zip(sources, pages, strict=True):
            if len(page) == PAGE:
                after[partition, queue] = page[-1][0]
            for token, entry in page:
                if entry is not None and (partition.number, queue, token) not in claims:
                    held = held_of(partition, queue, token, entry, now_ms=shared.clock.now())
                    found += [held] if held else []
    return found


def held_of(
    partition: PartitionKeys, queue: str, token: str, entry: bytes, *, now_ms: int
) -> Held | None:
    """The step of an entry; None, and a line in the log, for one that cannot be read."""
    try:
        return Held(partition, queue, token, read_envelope(entry), now_ms=now_ms)
    except msgspec.MsgspecError as error:
        LOGGER.error("entry %s of queue %s cannot be read: %s", token, queue, error)
        return None
