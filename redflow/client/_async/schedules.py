"""The schedules of a namespace: what is started when; workers fire them."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from random import random
from secrets import token_hex
from typing import Any

from redflow.auth.principal import principal_part
from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.starting import AsyncStarter
from redflow.client.actor import pause_note
from redflow.client.arguments import check_limit, check_text
from redflow.client.registered import unknown_workflow
from redflow.client.requests import NOW, Request, meta_of, options_of
from redflow.cron.decision import CatchUp, Overlap
from redflow.cron.schedule import (
    RawSchedule,
    Schedule,
    check_schedule_id,
    define,
    digest_of,
    place_of,
    unknown_schedule,
)
from redflow.crypto.values import Field
from redflow.errors import Conflict
from redflow.model import codec
from redflow.model.headers import encode_headers
from redflow.store.explaining import read_time
from redflow.store.keys import PartitionKeys
from redflow.store.schedules import (
    delete_schedule,
    list_schedules,
    pause_schedule,
    put_schedule,
    read_meta,
    read_schedule,
)

Infos = list[Schedule]
Times = list[datetime]
CHANGES = 5  # other rules met by one call


@guarded
class AsyncSchedules:
    """Keeps schedules and shows them; each tick starts one execution, however many workers run."""

    def __init__(self, namespace: AsyncNamespace, starter: AsyncStarter) -> None:
        self._namespace = namespace
        self._starter = starter
        self._door = namespace.door

    async def put(
        self,
        id: str,
        workflow: str,
        cron: str,
        input: Any = None,
        *,
        timezone: str = "UTC",
        overlap: Overlap = "allow",
        catch_up: CatchUp = "last",
        jitter: float = 0.0,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        headers: bytes = b"",
    ) -> Schedule:
        """Keep a schedule, or put it in the place of the one with this id; atomic and idempotent.

        `cron` has five fields, or six with seconds last. `jitter` is in seconds, `headers` is what
        redflow/model/headers.py encodes, by default on whose behalf it fires: who puts it. While
        `cron`, `timezone` and `jitter` stay, so does the tick it waits for; a pause stays in any
        case. Raises InvalidInput, NotFound.
        """
        check_schedule_id(id, field="id")
        headers = headers or encode_headers(principal_part())
        definition = define(
            workflow,
            cron,
            timezone=timezone,
            overlap=overlap,
            catch_up=catch_up,
            jitter=jitter,
        )
        values, meta = self._namespace.values, meta_of(labels, metadata)
        data = codec.encode(input)
        input_digest = values.digests(data)[0]
        next, due = definition.rule.first(await self._now(), random)
        partition = await self._namespace.partition_of(id)
        op = put_schedule(
            await self._namespace.space(),
            partition,
            id,
            definition,
            digest=digest_of(definition, input_digest, meta, headers),
            input=values.seal(data, place_of(id), Field.INPUT),
            input_digest=input_digest,
            meta=meta,
            headers=headers,
            next=next,
            due=due,
        )
        if await self._namespace.driver.run(op) == "unknown":
            raise unknown_workflow(definition.workflow, self._namespace.name)
        return await self.get(id)

    async def get(self, id: str) -> Schedule:
        """Return a schedule as it stands; raises NotFound."""
        raw, _ = await self._find(id)
        return raw.show()

    async def list(self) -> Infos:
        """Return all schedules by id."""
        space, driver = await self._namespace.space(), self._namespace.driver
        pages = await driver.run_many([list_schedules(partition) for partition in space.keys])
        ops = [
            read_schedule(partition, id)
            for partition, ids in zip(space.keys, pages, strict=True)
            for id in ids
        ]
        found = await driver.run_many(ops) if ops else []
        return sorted((raw.show() for raw in found if raw is not None), key=lambda one: one.id)

    async def delete(self, id: str) -> None:
        """Forget a schedule; what it has started goes on. Raises NotFound."""
        partition = await self._namespace.partition_of(check_schedule_id(id, field="id"))
        op = delete_schedule(await self._namespace.space(), partition, id)
        if not await self._namespace.driver.run(op):
            raise unknown_schedule(id, self._namespace.name)

    async def pause(self, id: str, reason: str = "") -> None:
        """Start nothing by a schedule until it is resumed; raises NotFound."""
        partition = await self._namespace.partition_of(check_schedule_id(id, field="id"))
        note = pause_note(check_text(reason, "reason"))
        op = pause_schedule(await self._namespace.space(), partition, id, on=True, note=note)
        if await self._namespace.driver.run(op) == "gone":
            raise unknown_schedule(id, self._namespace.name)

    async def resume(self, id: str) -> None:
        """Let a paused schedule go on with its next tick; those meanwhile are left out.

        Raises NotFound.
        """
        space = await self._namespace.space()
        for _ in range(CHANGES):
            raw, partition = await self._find(id)
            next, due = raw.definition.rule.first(await self._now(), random)
            op = pause_schedule(
                space, partition, id, on=False, digest=raw.digest, next=next, due=due
            )
            word = await self._namespace.driver.run(op)
            if word == "gone":
                raise unknown_schedule(id, self._namespace.name)
            if word != "changed":
                return
        raise Conflict(f"schedule {id!r} was changed each time it was to go on", hint="try again")

    async def run_now(self, id: str) -> str:
        """Start what a schedule starts, beside its ticks, and return the execution's id.

        It starts even while the schedule is paused, and whatever `overlap` says. Raises NotFound;
        KeyMissing when its input is sealed and there are no keys here; Conflict.
        """
        raw, partition = await self._find(id)
        values = self._namespace.values
        data = codec.encode(values.read(raw.input, place_of(id), Field.INPUT))
        meta, _ = await self._namespace.driver.run(read_meta(partition, id))
        execution = f"{id}.{await self._now() // 1000}-{token_hex(4)}"
        sealed = values.seal(data, execution, Field.INPUT)
        request = Request(execution, sealed, meta, NOW, values.digests(data))
        await self._starter.start(options_of(raw.definition.workflow, None, "error"), [request])
        return execution

    async def next_times(self, id: str, count: int = 5) -> Times:
        """Return when a schedule's next ticks come, in its time zone; raises NotFound."""
        raw, _ = await self._find(id)
        expression = raw.definition.rule.expression
        ticks = islice(expression.after(await self._now() // 1000), check_limit(count))
        return [datetime.fromtimestamp(tick, expression.zone) for tick in ticks]

    async def _find(self, id: str) -> tuple[RawSchedule, PartitionKeys]:
        partition = await self._namespace.partition_of(check_schedule_id(id, field="id"))
        raw = await self._namespace.driver.run(read_schedule(partition, id))
        if raw is None:
            raise unknown_schedule(id, self._namespace.name)
        return raw, partition

    async def _now(self) -> int:
        """Return Redis' time in ms: this process may have another one."""
        space = await self._namespace.space()
        return space.limits.now or await self._namespace.driver.run(read_time())
