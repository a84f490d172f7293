"""What others see of a worker: its record, metrics and lines, and how little it asks at rest."""

import asyncio
import io
import json
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from redflow.driver import AsyncDriver, Connector
from redflow.driver.single._async import QUIET_SECONDS
from redflow.errors import InvalidInput
from redflow.logs import JsonFormatter
from redflow.metrics import MOST_WORKFLOWS, OTHER
from redflow.model.outcome import Branch, Fail
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.worker import audit
from redflow.worker.retention import EVERY, SOONEST
from redflow.worker.settings import WorkerSettings, new_worker_id
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, chain, until

# --- its record


class Unspeakable:
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no text")


async def test_a_worker_tells_what_it_offers_and_takes_itself_off(bench: Bench):
    await bench.one(lambda value: None, "ship")
    keys, driver = bench.space.keys, bench.driver
    async with bench.working(worker_id="w1", queues=("default", "mail"), concurrency=7):

        async def told() -> Any:
            return await driver.raw("HGET", keys.worker("w1"), "about")

        about = msgspec.msgpack.decode(await until(told))
        assert about["functions"] == ["ship"]
        assert about["types"] == sorted(bench.registry.types)
        assert about["queues"] == ["default", "mail"]
        assert (about["slots"], about["pid"]) == (7, os.getpid())
        assert {"version", "host", "python", "started"} < set(about)
        assert await driver.raw("PTTL", keys.worker("w1")) > 0
        for queue in ("default", "mail"):
            assert await driver.raw("ZRANGE", keys.workers(queue), 0, -1) == [b"w1"]
        members = await driver.raw("SMEMBERS", keys.queues)
        assert set(members) >= {b"default", b"mail"}
    assert await driver.raw("EXISTS", keys.worker("w1")) == 0
    assert await driver.raw("ZRANGE", keys.workers("default"), 0, -1) == []


async def test_a_worker_hears_of_queues_it_does_not_serve(bench: Bench):
    async with bench.working(queues=("mail",)), bench.working() as worker:
        await until(lambda: "mail" in worker.sweeper.queues)


# --- its metrics


async def test_the_counts_are_right_after_a_run(bench: Bench):
    async def work(ctx, value):
        if value == "fail":
            raise ValueError("no")
        if value == "retry" and ctx.attempt == 1:
            raise OSError("once")
        return value

    bench.function("work", work)
    policy = RetryPolicy(2, initial_interval=0.001, jitter="none", non_retryable=("ValueError",))
    await bench.publish(chain("w", ["work", "work"], retry=policy))
    async with bench.working():
        for value in ("fine", "fine", "fail", "retry"):
            await bench.run("w", value)

        def counted(status: str) -> float:
            return bench.metric(
                "redflow_steps_processed_total", node_type="function", status=status
            )

        assert (counted("COMPLETED"), counted("FAILED"), counted("RETRYING")) == (6, 1, 1 + 1)
        assert bench.metric("redflow_workflows_completed_total", workflow="w") == 3
        assert bench.metric("redflow_workflows_failed_total", workflow="w", reason="step") == 1
        assert bench.metric("redflow_step_duration_seconds_count", node_type="function") == 9
        await until(lambda: bench.metric("redflow_active_workers", queue="default") == 1)
    text = bench.metrics.expose().decode()
    for name in (
        "redflow_workflows_started",
        "redflow_workflows_completed",
        "redflow_workflows_failed",
        "redflow_steps_processed",
        "redflow_step_duration_seconds",
        "redflow_active_workers",
    ):
        assert f"# HELP {name}" in text


async def test_executions_that_end_in_a_sweep_are_counted(bench: Bench):
    """A step that waits in a queue nobody serves is cancelled, and with it the execution ends."""

    async def fail(value):
        raise Fail("no")

    bench.function("fail", fail)
    workflow = (
        Workflow.builder("w")
        .add_node("fails", "function", function="fail")
        .add_node("waits", "function", function="fail")
        .with_queue("unserved")
        .allow_disconnected()
        .build()
    )
    await bench.publish(workflow)
    async with bench.working():
        run = await bench.ended(await bench.execute("w"))
        assert run.steps["waits"].kind == "X"

        def counted() -> bool:
            return bench.metric("redflow_workflows_failed_total", workflow="w", reason="step") == 1

        await until(counted)


@pytest.mark.parametrize("value", ["a text", Unspeakable()])
def test_no_field_costs_the_line(value):
    record = logging.makeLogRecord({"msg": "said", "step": value, "other": value})
    line = json.loads(JsonFormatter().format(record))
    assert (line["event"], set(line) >= {"step", "other"}) == ("said", True)


async def test_labels_have_few_values(bench: Bench):
    """Neither labels of branches nor texts of errors nor ids get into them."""

    async def work(value):
        if value % 2:
            raise ValueError(f"error {value}")
        return Branch("left")

    bench.function("work", work, labels=["left"])
    await bench.publish(chain("w", ["work"]))
    async with bench.working():
        for value in range(6):
            await bench.run("w", value)
    before = len(bench.metrics.expose().splitlines())
    for number in range(MOST_WORKFLOWS + 50):
        bench.metrics.completed.labels(
            "n", bench.metrics.workflow_label(f"workflow-{number}")
        ).inc()
    assert bench.metrics.workflow_label("one more") == OTHER
    assert bench.metrics.workflow_label("w") == "w", "those known keep their name"
    text = bench.metrics.expose().decode()
    assert len(text.splitlines()) - before <= 2 * MOST_WORKFLOWS
    assert '"error' not in text


# --- its lines


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Return what is logged as JSON while the test runs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(name) for name in ("redflow", "shop")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel("INFO")
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


async def test_the_fields_of_concurrent_steps_never_cross(bench: Bench, lines: io.StringIO):
    logger, together = logging.getLogger("shop"), asyncio.Barrier(200)

    async def child(ctx: Any) -> None:
        logger.info("%s child", ctx.execution_id)

    async def coroutine(ctx, value):
        logger.info("%s before", ctx.execution_id)
        await together.wait()
        logger.info('%s "after"\nit waited', ctx.execution_id, extra={"price": {1, 2}})
        await asyncio.gather(child(ctx), asyncio.create_task(child(ctx)))
        ctx.logger.info("%s own", ctx.execution_id)

    def plain(ctx, value):
        for _ in range(5):
            logger.info("%s thread", ctx.execution_id)
            threading.Event().wait(0.0005)

    await bench.one(coroutine, "c")
    await bench.one(plain, "p")
    await bench.execute_all("c", [f"c{n}" for n in range(200)])
    await bench.execute_all("p", [f"p{n}" for n in range(40)])
    async with bench.working(worker_id="w1", concurrency=300):
        await bench.all_ended()
    parsed = [json.loads(line) for line in lines.getvalue().splitlines()]
    ours = [line for line in parsed if line["logger"] in ("shop", "redflow.step")]
    assert len(ours) == 200 * 5 + 40 * 5
    for line in ours:
        execution = line["event"].split()[0]
        assert line["execution_id"] == execution
        assert (line["workflow"], line["step_id"]) == (execution[0], "a")
        assert (line["attempt"], line["worker_id"]) == (1, "w1")
        assert line["namespace"] == bench.space.keys.namespace
    for line in parsed:
        assert {"ts", "level", "logger", "event"} <= set(line)
        if line["logger"] == "redflow.worker":
            assert "execution_id" not in line, "the worker's own lines belong to no step"


async def test_the_log_node_writes_a_line_of_its_step(bench: Bench, lines: io.StringIO):
    from redflow.model.workflow import Workflow

    await bench.publish(
        Workflow.builder("w")
        .add_node("say", "log")
        .with_config("message", "hello")
        .with_config("level", "warning")
        .with_config("fields", {"order": 7})
        .build()
    )
    async with bench.working():
        run = await bench.run("w", {"in": 1})
    (line,) = [
        parsed
        for parsed in map(json.loads, lines.getvalue().splitlines())
        if parsed["logger"] == "redflow.node.log"
    ]
    assert (line["event"], line["level"], line["fields"]) == ("hello", "warning", {"order": 7})
    assert (line["execution_id"], line["step_id"]) == (run.raw.id, "say")
    assert run.value("say") == {"in": 1}


# --- at rest


async def test_an_idle_worker_asks_little(
    connector: Connector, driver: AsyncDriver, namespace: str
):
    """Its calls at the default settings, by what makes it call: no waiting for minutes."""
    bench, faults = Bench(connector, driver, namespace, partitions=16), Faults(connector)
    defaults = WorkerSettings()
    async with bench.working(faults, interval=0.05, beat=0.15, sweep=0.5, lease=6.0):
        await until(lambda: faults.calls["put_worker"] >= 3)
        calls, beats = dict(faults.calls), faults.calls["put_worker"]
    seconds = (beats + 1) * 0.15
    assert calls.pop("everywhere", 1) == 1, "asked when it starts"
    assert set(calls) <= {
        "put_partition",
        "read_group",
        "list_due",
        "put_worker",
        "listen",
        "list_unfinished",
    }
    assert calls["listen"] == 1
    groups = len(driver.together(list(bench.space.keys)))
    assert calls["list_due"] <= (seconds / (0.5 * 0.4 * 0.8) + 2) * groups
    assert calls["read_group"] <= (seconds / 0.05 + 2) * groups
    per_second = 1 / defaults.interval + 1 / (defaults.sweep * 0.4 * 0.8) + 1 / defaults.beat
    per_second += 1 / QUIET_SECONDS + (16 * 5 + 1) / (EVERY * SOONEST)
    per_second += 16 / (audit.EVERY * audit.SOONEST)
    assert per_second < 2


@pytest.mark.server
@pytest.mark.slow
async def test_an_idle_worker_sends_at_most_two_commands_a_second(server_url: str, namespace: str):
    """Counted by the server itself, over ten seconds at the default settings."""
    import redis.asyncio

    from redflow.driver import RedisConnector

    connector = RedisConnector(server_url)
    driver = connector.async_driver()
    bench = Bench(connector, driver, namespace, partitions=16)
    client = redis.asyncio.Redis.from_url(server_url)
    sent: list[str] = []
    worker = bench.worker(interval=4.0, lease=30.0, beat=10.0, sweep=5.0)
    async with worker:
        await until(lambda: worker.reader.turns >= 2)
        async with client.monitor() as monitor:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    while True:
                        command = await monitor.next_command()
                        if command["client_type"] != "lua":
                            sent.append(command["command"].split()[0])
    await client.aclose()
    cleaner = connector.driver()
    for name in cleaner.raw("KEYS", f"*{{{namespace}*"):
        cleaner.raw("DEL", name)
    cleaner.close()
    await driver.close()
    assert 2 <= len(sent) <= 20, sent


# --- its settings


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"queues": ()}, "queues"),
        ({"queues": ("a b",)}, "queue"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"threads": 1.5}, "threads"),
        ({"children": -1}, "children"),
        ({"batch": "8"}, "batch"),
        ({"deliveries": 0}, "deliveries"),
        ({"deliveries": 251}, "deliveries"),
        ({"interval": -1}, "interval"),
        ({"drain": float("inf")}, "drain"),
        ({"sweep": float("nan")}, "sweep"),
        ({"retention_completed": -1}, "retention_completed"),
        ({"retention_others": "7d"}, "retention_others"),
        ({"audit": 0}, "audit"),
        ({"lease": 1.0, "beat": 0.5}, "lease"),
        ({"beat": 0}, "lease"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, field):
    with pytest.raises(InvalidInput) as caught:
        WorkerSettings(**settings)
    assert caught.value.field == field


def test_names_of_workers_are_unique():
    assert len({new_worker_id() for _ in range(1000)}) == 1000
    assert str(os.getpid()) in new_worker_id()


async def test_a_beat_shorter_than_the_tick_does_not_make_the_loop_look_hung(
    bench: Bench, connector: Connector
):
    """The loop says that it turns at least once a beat."""
    gate, faults = Gate(), Faults(connector)

    async def work(value):
        await gate.passed()

    await bench.one(work)
    await bench.execute("one")
    async with bench.working(faults, lease=60.0, beat=0.02) as worker:
        await until(lambda: faults.calls["extend_leases"] >= 8)
        before = faults.calls["put_worker"]
        renewed = faults.calls["extend_leases"]
        await until(lambda: faults.calls["put_worker"] >= before + 5)
        assert faults.calls["extend_leases"] - renewed >= 3
        assert worker.attempts.under_way == 1
        gate.opened.set()
        await bench.all_ended()
