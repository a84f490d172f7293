"""What clients and operators do to executions, for tests of the worker: one call each."""

from collections.abc import Sequence
from typing import Any

from redflow.model import codec
from redflow.model.outcome import ErrorInfo
from redflow.model.plan import Plan
from redflow.store import stopping, waiting, workers
from redflow.store.executions import Start, start_executions
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.store.sweeps import promote_timers, read_plan_hash
from tests.worker.kit import Bench


async def signal(bench: Bench, execution: str, name: str, data: Any = None, *, id: str = "") -> str:
    """Deliver a signal; answers the word."""
    partition, plan = await _of(bench, execution)
    return await bench.driver.run(
        waiting.deliver_signal(
            bench.space,
            partition,
            execution=execution,
            plan=plan.hash,
            queues=plan.queues,
            name=name,
            id=id or f"{name}-{data!r}"[:200],
            payload=codec.encode(data),
        )
    )


async def cancel(bench: Bench, execution: str, *, orders: bool = True) -> str:
    """Cancel an execution; answers the word."""
    return await _stop(bench, execution, "c", codec.encode({"reason": "test"}), orders=orders)


async def fail(bench: Bench, execution: str) -> str:
    """Fail an execution; answers the word."""
    error = ErrorInfo("Operator", "it must end", "operator")
    return await _stop(bench, execution, "f", codec.encode(error.to_value()), orders=True)


async def _stop(bench: Bench, execution: str, kind: str, body: bytes, *, orders: bool) -> str:
    partition, plan = await _of(bench, execution)
    stopped = await bench.driver.run(
        stopping.stop_execution(
            bench.space,
            partition,
            kind=kind,
            body=body,
            execution=execution,
            plan=plan.hash,
            queues=plan.queues,
        )
    )
    if orders:
        await carry_out(bench, partition, stopped.orders)
    return stopped.word


async def skip(bench: Bench, execution: str, node: str, output: Any = None) -> str:
    """Settle a step by hand; answers the word."""
    partition, plan = await _of(bench, execution)
    stopped = await bench.driver.run(
        stopping.skip_step(
            bench.space,
            partition,
            execution=execution,
            plan=plan.hash,
            queues=plan.queues,
            step=plan.numbers[node],
            value=codec.encode(output),
        )
    )
    await carry_out(bench, partition, stopped.orders)
    return stopped.word


async def pause(bench: Bench, execution: str, *, on: bool = True) -> str:
    """Pause an execution, or let it go on; answers the word."""
    partition, plan = await _of(bench, execution)
    words, orders = await bench.driver.run(
        stopping.pause_execution(
            bench.space,
            partition,
            executions=[execution],
            plans=[plan.hash],
            queues=plan.queues,
            on=on,
        )
    )
    await carry_out(bench, partition, orders)
    return words[0]


async def pause_queue(bench: Bench, name: str, *, on: bool = True) -> None:
    """Pause a queue, `*` for all, or let it go on: note it for workers, then tell them."""
    await bench.driver.run(workers.put_pause(bench.space, name, on=on))
    what = "namespace" if name == "*" else "queue"
    for partition in bench.space.keys:
        op = stopping.pause_partition(bench.space, partition, what=what, name=name, on=on)
        await bench.driver.run(op)


async def start(
    bench: Bench, workflow: str, id: str, value: Any = None, *, due: str = "", timeout: int = 0
) -> str:
    """Start an execution later, or with a timeout in ms."""
    plan, partition = bench.plans[workflow], bench.space.keys.partition_of(id)
    begun = Start(id, 1, 1, codec.encode(value), "digest", due=due, timeout=timeout)
    op = start_executions(
        bench.space,
        partition,
        [begun],
        workflows=[workflow],
        plans=[plan.hash],
        queues=plan.queues,
    )
    assert (await bench.driver.run(op))[0] == ["ok"]
    return id


async def carry_out(bench: Bench, partition: PartitionKeys, orders: Sequence[str]) -> None:
    """Do what was ordered, and what comes of it, as the caller of a script does."""
    left = list(orders)
    queues = sorted({queue for plan in bench.plans.values() for queue in plan.queues})
    while left:
        member = left.pop()
        rows: list[Word] = [member, 1]
        op = promote_timers(
            bench.space,
            partition,
            queues=queues,
            executions=[member.split(":")[1]],
            plans=[plan.hash for plan in bench.plans.values()],
            members=rows,
        )
        left += (await bench.driver.run(op)).orders


async def _of(bench: Bench, execution: str) -> tuple[PartitionKeys, Plan]:
    partition = bench.space.keys.partition_of(execution)
    found = await bench.driver.run(read_plan_hash(partition, execution))
    (plan,) = (plan for plan in bench.plans.values() if plan.hash == found)
    return partition, plan
