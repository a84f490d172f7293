"""Who calls a handler: one process at a time, the next one from the checkpoint on."""

import asyncio
from unittest.mock import patch

from redflow.errors import Unavailable
from redflow.events import consumer as module
from redflow.store.events import Place, lead_consumers, move_consumers
from tests.events.kit import Heard, begun, bus_of, places, register
from tests.worker.kit import until

LATER = 3600.0


async def test_a_crash_before_the_checkpoint_delivers_again(client):
    await register(client)
    first, heard = bus_of(client), Heard()
    first.register_handler("workflow.started", heard, name="mail")
    await first.start()
    await begun(first)
    with patch.object(module.Consumer, "_save", side_effect=Unavailable("cut")):
        await client.execute("order", {}, id="e1")
        await until(lambda: heard.events)
        tasks = [task for task in (*first._tasks.values(), first._leading) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await give_up(client, first)
    second = bus_of(client)
    second.register_handler("workflow.started", heard, name="mail")
    async with second.running():
        await until(lambda: len(heard.events) == 2)
    assert heard.events[0] == heard.events[1]


async def give_up(client, bus):
    """Let the lease of a dead bus run out at once."""
    space = await client._namespace.space()
    op = lead_consumers(space, list(bus._consumers), process=bus._process, lease=0)
    await client._namespace.driver.run(op)


async def test_one_leads_and_another_takes_over(client):
    await register(client)
    one, two, heard, others = bus_of(client), bus_of(client), Heard(), Heard()
    one.register_handler("workflow.started", heard, name="mail")
    two.register_handler("workflow.started", others, name="mail")
    await one.start()
    await begun(one)
    await two.start()
    await client.execute("order", {}, id="e1")
    await until(lambda: heard.events)
    await one.stop()
    two._changed.set()  # not only with the next beat
    await begun(two)
    await client.execute("order", {}, id="e2")
    await until(lambda: others.events)
    await two.stop()
    assert [event.execution_id for event in heard.events] == ["e1"]
    assert [event.execution_id for event in others.events] == ["e2"]


async def test_a_leader_that_was_replaced_notes_nothing(client, caplog):
    await register(client)
    bus, heard = bus_of(client, lease=LATER), Heard()
    bus.register_handler("workflow.started", heard, name="mail")
    async with bus.running():
        await begun(bus)
        space = await client._namespace.space()
        for partition in space.keys:
            later = move_consumers(space, partition, [("mail", 10**15, Place(0, 0, 0))])
            await client._namespace.driver.run(later)
        await client.execute("order", {}, id="e1")
        await until(lambda: "another process leads consumer mail" in caplog.text)
        assert await places(client, "mail") == [Place(0, 0, 0)] * 4


async def test_who_does_not_trust_its_lease_hands_over_nothing(client, caplog):
    await register(client)
    bus, heard = bus_of(client, lease=LATER), Heard()
    bus.register_handler("workflow.started", heard, name="mail")
    async with bus.running():
        await begun(bus)
        bus._trusted_until = 0.0
        await client.execute("order", {}, id="e1")
        await until(lambda: "another process leads consumer mail" in caplog.text)
    assert heard.events == []


async def test_what_a_page_still_holds_comes_to_the_next_one(client):
    await register(client, partitions=1)
    for id in ("e1", "e2", "e3"):
        await client.execute("order", {}, id=id)
    heard: list[str | None] = []

    async def stumbles(event):
        if event.execution_id == "e2":
            heard.append(None)
            raise ValueError("not today")
        heard.append(event.execution_id)

    first, rest = bus_of(client), Heard()
    first.register_handler("workflow.started", stumbles, name="mail", start="oldest")
    async with first.running():
        await until(lambda: None in heard)
    second = bus_of(client)
    second.register_handler("workflow.started", rest, name="mail")
    async with second.running():
        await until(lambda: len(rest.events) == 2)
    assert heard[0] == "e1"
    assert [event.execution_id for event in rest.events] == ["e2", "e3"]
