"""The bus: at least once, in order, each handler by itself, gaps told first."""

import asyncio
import threading
from functools import partial
from unittest.mock import patch

import pytest

from redflow.errors import InvalidInput, NotFound, Unavailable
from redflow.events import consumer as module
from redflow.events.event import GAP
from tests.client.kit import Counting, count_trips
from tests.events.kit import Heard, begun, bus_of, places, register, trim
from tests.worker.kit import until

ALL = [
    "workflow.started", "step.started", "step.completed", "workflow.completed",
]  # fmt: skip
LATER = 3600.0


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Let a handler that failed be tried again soon."""
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.02)


def has_heard(heard: Heard, count: int) -> bool:
    return len(heard.events) == count


async def test_a_handler_hears_its_type_and_a_global_one_all(client, workers):
    await register(client)
    bus, one, every = bus_of(client), Heard(), Heard()
    bus.register_handler("workflow.completed", one, name="one")
    bus.register_global_handler(every, name="every")
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await client.execute("order", {}, id="e2")
        await workers.run()
        await until(lambda: len(every.events) == 8 and len(one.events) == 2)
    assert one.types == ["workflow.completed"] * 2
    assert every.of("e1") == every.of("e2") == ALL


async def test_what_happens_while_nobody_runs_is_told_later(client, workers):
    await register(client)
    heard = Heard()
    for before, id in enumerate(("e1", "e2")):
        bus = bus_of(client)
        bus.register_handler("workflow.started", heard, name="mail")
        async with bus.running():
            await begun(bus)
            await until(partial(has_heard, heard, before))
        await client.execute("order", {}, id=id)
    bus = bus_of(client)
    bus.register_handler("workflow.started", heard, name="mail")
    async with bus.running():
        await until(lambda: len(heard.events) == 2)
    assert [event.execution_id for event in heard.events] == ["e1", "e2"]


async def test_a_new_handler_may_begin_with_the_oldest(client):
    await register(client)
    await client.execute("order", {}, id="e1")
    bus, old, new = bus_of(client), Heard(), Heard()
    bus.register_handler("workflow.started", old, name="old", start="oldest")
    bus.register_handler("workflow.started", new, name="new")
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e2")
        await until(lambda: len(old.events) == 2 and len(new.events) == 1)
    assert [event.execution_id for event in old.events] == ["e1", "e2"]
    assert [event.execution_id for event in new.events] == ["e2"]


async def test_a_handler_registered_while_it_runs(client):
    await register(client)
    bus, heard = bus_of(client), Heard()
    async with bus.running():
        bus.register_handler("workflow.started", heard, name="late")
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await until(lambda: heard.events)
    assert heard.types == ["workflow.started"]


async def test_a_plain_function_runs_in_a_thread(client):
    await register(client)
    bus, threads = bus_of(client), []
    bus.register_handler(
        "workflow.started", lambda event: threads.append(threading.current_thread()), name="plain"
    )
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await until(lambda: threads)
    assert threads[0] is not threading.main_thread()


async def test_a_handler_that_fails_is_tried_again_in_order(client, workers, caplog):
    await register(client)
    bus, heard = bus_of(client), Heard()
    heard.failing = 3
    bus.register_global_handler(heard, name="flaky")
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await workers.run()
        await until(lambda: len(heard.events) == 4)
    assert heard.of("e1") == ALL
    assert heard.calls == 7
    assert "consumer flaky failed with workflow.started" in caplog.text


async def test_a_handler_may_give_up(client, caplog):
    await register(client, partitions=1)
    bus, heard = bus_of(client), Heard()
    heard.failing = 2
    bus.register_handler("workflow.started", heard, name="mail", attempts=2)
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await client.execute("order", {}, id="e2")
        await until(lambda: heard.events)
    assert [event.execution_id for event in heard.events] == ["e2"]
    assert "consumer mail gave up workflow.started" in caplog.text


async def test_a_handler_that_hangs_is_timed_out(client):
    await register(client)
    bus, heard = bus_of(client), Heard()
    heard.held = asyncio.Event()
    bus.register_handler("workflow.started", heard, name="slow", timeout=0.01)
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await until(lambda: heard.calls >= 2)
        heard.held.set()
        await until(lambda: heard.events)
    assert heard.types == ["workflow.started"]


@pytest.mark.parametrize("how", ["hangs", "fails", "hangs in a thread"])
async def test_a_dead_handler_blocks_no_other(client, how):
    await register(client)
    bus, dead, other = bus_of(client), Heard(), Heard()
    dead.held, dead.failing = asyncio.Event(), 10**9
    if how == "fails":
        dead.held.set()
    release = threading.Event()
    handler = (lambda event: release.wait(30)) if how == "hangs in a thread" else dead
    bus.register_handler("workflow.started", handler, name="dead")
    bus.register_handler("workflow.started", other, name="other")
    with patch("redflow.events.bus.PATIENCE", 0.01):
        async with bus.running():
            await begun(bus)
            for number in range(40):
                await client.execute("order", {}, id=f"e{number}")
            await until(lambda: len(other.events) == 40)
            release.set()
    assert sorted(event.execution_id or "" for event in other.events) == sorted(
        f"e{number}" for number in range(40)
    )


async def test_an_event_that_fails_holds_up_its_own_partition_alone(client):
    await register(client)
    heard: list[str] = []

    async def handler(event):
        if event.execution_id == "bad":
            raise ValueError("never")
        heard.append(event.execution_id)

    keys = (await client._namespace.space()).keys
    bad = keys.partition_of("bad").number
    ids = [f"e{number}" for number in range(40)]
    elsewhere = {id for id in ids if keys.partition_of(id).number != bad}
    bus = bus_of(client)
    bus.register_handler("workflow.started", handler, name="mail")
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="bad")
        for id in ids:
            await client.execute("order", {}, id=id)
        await until(lambda: set(heard) >= elsewhere)
    assert set(heard) == elsewhere


async def test_a_gap_comes_first_and_once(client, workers, driver):
    await register(client)
    heard = Heard()
    bus = bus_of(client)
    bus.register_handler("workflow.completed", heard, name="mail")
    async with bus.running():
        await begun(bus)
    await client.execute("order", {}, id="e1")
    await workers.run()
    await trim(client, driver, "e1", 1)
    for _ in range(2):
        bus = bus_of(client)
        bus.register_handler("workflow.completed", heard, name="mail")
        async with bus.running():
            await until(lambda: heard.events)
    assert heard.types == [GAP, "workflow.completed"]
    assert heard.events[0].data["missed"] == 1


async def test_an_outage_is_waited_out(client, monkeypatch):
    await register(client)
    bus, heard = bus_of(client), Heard()
    bus.register_handler("workflow.started", heard, name="mail")
    async with bus.running():
        await begun(bus)
        driver = client._namespace.driver
        read, failures = driver.read_streams, iter([Unavailable("gone")] * 2)

        async def failing(*args, **options):
            for error in failures:
                raise error
            return await read(*args, **options)

        monkeypatch.setattr("redflow.events.feed.PAUSE", 0.01)
        monkeypatch.setattr(driver, "read_streams", failing)
        await client.execute("order", {}, id="e1")
        await until(lambda: heard.events)
        await client.execute("order", {}, id="e2")
        await until(lambda: len(heard.events) == 2)
    assert [event.execution_id for event in heard.events] == ["e1", "e2"]


async def test_metrics_count_by_consumer(client):
    await register(client)
    bus, heard = bus_of(client), Heard()
    heard.failing = 1
    bus.register_handler("workflow.started", heard, name="mail")
    async with bus.running():
        await begun(bus)
        await client.execute("order", {}, id="e1")
        await until(lambda: heard.events)
    labels = f'{{consumer="mail",namespace="{client.namespace}"}}'
    text = bus._metrics.expose().decode()
    assert f"redflow_events_delivered_total{labels} 1.0" in text
    assert f"redflow_events_failed_total{labels} 1.0" in text
    assert f"redflow_events_lag{labels} 0.0" in text


async def test_consumers_and_how_far_behind_they_are(client, workers):
    await register(client)
    bus = bus_of(client)
    bus.register_handler("workflow.completed", Heard(), name="mail")
    async with bus.running():
        await begun(bus)
    await client.execute("order", {}, id="e1")
    other = bus_of(client)
    assert [(one.name, one.lag) for one in await other.consumers()] == [("mail", 1)]
    await other.forget("mail")
    assert await other.consumers() == []
    assert await places(client, "mail") == [None] * 4
    with pytest.raises(NotFound, match="consumer 'mail' is not known"):
        await other.forget("mail")
    with pytest.raises(InvalidInput, match="is registered here"):
        await bus.forget("mail")


async def test_two_starts_want_two_stops(client):
    await register(client)
    bus, heard = bus_of(client), Heard()
    bus.register_handler("workflow.started", heard, name="mail")
    await bus.start()
    await bus.start()
    await bus.stop()
    await begun(bus)
    await client.execute("order", {}, id="e1")
    await until(lambda: heard.events)
    await bus.stop()
    await bus.stop()
    assert bus._leading is None


async def test_without_handlers_nothing_is_asked(client):
    await register(client)
    counting = count_trips(client)
    async with bus_of(client).running():
        await asyncio.sleep(0)
    assert counting.asked == []


async def test_an_idle_bus_only_waits(client):
    await register(client)
    bus = bus_of(client)
    for number in range(3):
        bus.register_global_handler(Heard(), name=f"h{number}")
    async with bus.running():
        await begun(bus)
        await until(lambda: not any(ready_of(one) for one in bus._consumers.values()))
        counting: Counting = count_trips(client)
        for _ in range(20):
            await asyncio.sleep(0)
        assert counting.asked == []


async def test_a_namespace_that_is_missing_is_told_at_once(client):
    bus = bus_of(client)
    bus.register_global_handler(Heard(), name="mail")
    with pytest.raises(NotFound, match="does not exist"):
        await bus.start()


def ready_of(consumer):
    """Partitions that a consumer would read now."""
    return consumer._subscription.ready if consumer._subscription is not None else set()
