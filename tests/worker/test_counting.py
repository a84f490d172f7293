"""What workers and drivers count: waits, retries, leases, refusals, calls, slots, lag."""

import pytest

from redflow.driver.watching import Watch, kind_of
from redflow.errors import (
    DecryptionFailed,
    KeyMissing,
    Misconfigured,
    NotFound,
    OutOfMemory,
    StoreError,
    Unavailable,
)
from redflow.metrics import Metrics
from redflow.model.outcome import ErrorInfo, Failed
from redflow.model.retry import RetryPolicy
from redflow.store.executions import read_execution
from redflow.store.explaining import read_queues
from redflow.worker.counting import Counting
from tests.worker.kit import Bench, Gate, chain, until


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"redflow_{name}", labels)


async def test_a_run_is_counted(bench: Bench):
    async def work(ctx, value):
        if ctx.attempt == 1:
            raise OSError("once")

    bench.function("work", work)
    policy = RetryPolicy(2, initial_interval=0.001, jitter="none")
    await bench.publish(chain("w", ["work"], retry=policy))
    namespace = bench.space.keys.namespace
    async with bench.working():
        await bench.run("w")
        metrics = bench.metrics
        await until(lambda: value(metrics, "event_loop_lag_seconds_count"))
    assert (
        value(metrics, "step_queue_wait_seconds_count", namespace=namespace, queue="default") == 2
    )
    retried = {"namespace": namespace, "node_type": "function", "reason": "error"}
    assert value(metrics, "step_retries_total", **retried) == 1
    ended = {"namespace": namespace, "status": "completed"}
    assert value(metrics, "workflow_duration_seconds_count", **ended) == 1
    assert (value(metrics, "workflow_duration_seconds_sum", **ended) or 0) > 0
    assert (value(metrics, "script_duration_seconds_count", script="advance") or 0) >= 2


async def test_slots_are_those_of_workers_that_run(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    namespace = bench.space.keys.namespace

    def slots(state: str) -> float | None:
        return value(bench.metrics, "worker_slots", namespace=namespace, state=state)

    async with bench.working(concurrency=5):
        execution = await bench.execute("one")
        await until(lambda: gate.begun)
        assert (slots("busy"), slots("free"), slots("stuck")) == (1, 4, 0)
        gate.opened.set()
        await bench.ended(execution)
    assert slots("busy") is None


async def test_lost_leases_are_counted_where_they_are_found(bench: Bench):
    gate = Gate()

    async def work(ctx, value):
        if ctx.fence and not gate.opened.is_set():
            await gate.passed()

    await bench.one(work)
    namespace = bench.space.keys.namespace
    async with bench.working(lease=30.0, beat=10.0) as first:
        await bench.execute("one")
        await until(lambda: gate.begun)
        await bench.silence()
        async with bench.working(lease=0.5, beat=0.1):
            await until(lambda: value(bench.metrics, "leases_reclaimed_total", namespace=namespace))
            gate.opened.set()
            await until(lambda: first.pump.fenced)
    assert value(bench.metrics, "leases_expired_total", namespace=namespace) == 1
    fenced = value(bench.metrics, "fence_rejected_total", namespace=namespace, op="advance")
    assert fenced == 1


@pytest.mark.parametrize(("reason", "label"), [("timeout", "timeout"), ("card 4242", "error")])
def test_what_a_node_calls_its_reason_is_no_label(reason, label):
    metrics = Metrics()
    Counting(metrics, "n").retried("http", Failed(ErrorInfo("E", "text", reason)))
    labels = {"namespace": "n", "node_type": "http", "reason": label}
    assert value(metrics, "step_retries_total", **labels) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyMissing("k"), "key_missing"), (DecryptionFailed("d"), "refused"), (NotFound("n"), None)],
)
def test_values_that_cannot_be_decrypted(error, reason):
    metrics = Metrics()
    Counting(metrics, "n").unreadable(error)
    counted = value(metrics, "decrypt_failures_total", namespace="n", reason=reason or "refused")
    assert counted == (1 if reason else None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("u", ambiguous=True), "no_answer"),
        (Unavailable("u"), "unreachable"),
        (OutOfMemory("o"), "out_of_memory"),
        (Misconfigured("m"), "misconfigured"),
        (StoreError("s"), "refused"),
    ],
)
def test_kinds_of_errors(error, kind):
    assert kind_of(error) == kind


def test_an_answer_after_failures_is_one_reconnect(bench: Bench):
    metrics = Metrics()
    watch, op = Watch(metrics), read_execution(bench.space, bench.space.keys.partition(0), "e1")
    assert value(metrics, "redis_reconnects_total") == 0
    watch.answered(op, 0.001)
    watch.failed(Unavailable("gone"))
    watch.failed(Unavailable("gone"))
    watch.answered(op, 0.001)
    watch.answered(op, 0.001)
    assert value(metrics, "redis_reconnects_total") == 1
    assert value(metrics, "redis_errors_total", kind="unreachable") == 2
    assert value(metrics, "script_duration_seconds_count", script="read_execution") == 3


async def test_errors_of_calls_are_counted(bench: Bench):
    driver = bench.connector.async_driver()
    driver.watch = Watch(bench.metrics)
    await driver.raw("SET", bench.space.keys.queues, "no set")
    try:
        with pytest.raises(StoreError):
            await driver.run(read_queues(bench.space))
    finally:
        await driver.raw("DEL", bench.space.keys.queues)
        await driver.close()
    assert value(bench.metrics, "redis_errors_total", kind="refused") == 1
