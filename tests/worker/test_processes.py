"""Functions in child processes: killed at their deadline, and never the end of the worker."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pebble import ProcessPool

from redflow.errors import InvalidInput
from redflow.model.outcome import Branch
from redflow.nodes.registry import Registry
from redflow.worker.processes import ChildDied, DeadlinePassed, Processes, RaisedInChild
from tests.worker import functions
from tests.worker.kit import Bench, until


class Children:
    """Child processes, and how each call ended."""

    def __init__(self, size: int) -> None:
        self.processes = Processes(size)

    async def call(self, function: Any, value: Any = None, timeout: float | None = 30.0) -> Any:
        ended = asyncio.get_running_loop().create_future()

        def finished(value: Any, error: BaseException | None) -> None:
            ended.set_result((value, error))

        self.processes.start(function, value, timeout, finished)
        value, error = await ended
        return error if error is not None else value


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    made = Children(1)
    yield made
    await asyncio.to_thread(made.processes.close)


async def test_values_labels_and_errors_come_back(children: Children):
    first = await children.call(functions.double, 21)
    assert first["double"] == 42
    assert first["pid"] != os.getpid()
    assert await children.call(functions.choose, "x") == Branch("left", {"chose": "x"})
    assert (await children.call(functions.Holder.static, 1)) == 2
    assert (await children.call(functions.Holder.of_class, 1)) == 3
    raised = {
        functions.gives_up: ("fail", "redflow.model.outcome.Fail", "never again"),
        functions.asks_again: ("retry", "redflow.model.outcome.Retry", "later"),
        functions.unfriendly: ("error", "tests.worker.functions.Unfriendly", "no pickle"),
        functions.poisoned: ("error", "tests.worker.functions.Poisoned", "poison"),
        functions.leaves: ("error", "SystemExit", "3"),
        functions.times_out: ("error", "TimeoutError", "of its own"),
    }
    for function, expected in raised.items():
        error = await children.call(function)
        assert isinstance(error, RaisedInChild)
        assert (error.kind, error.info.type, error.info.message) == expected
    error = await children.call(functions.unstorable)
    assert isinstance(error, RaisedInChild)
    assert error.info.reason == "invalid_output"
    last = await children.call(functions.double, 1)
    assert last["pid"] == first["pid"], "nothing of this has cost the child"
    assert children.processes.free == 1


async def test_a_child_that_dies_is_an_error_of_its_step_and_replaced(children: Children):
    first = await children.call(functions.double, 1)
    error = await children.call(functions.dies)
    assert isinstance(error, ChildDied)
    assert "exit code -9" in str(error)
    assert "tests.worker.functions:dies" in str(error)
    second = await children.call(functions.double, 1)
    assert second["pid"] != first["pid"]
    os.kill(second["pid"], 9)  # at rest
    await until(lambda: not lives(second["pid"]))
    (pool,) = children.processes._idle
    await until(lambda: not pool.active)
    assert (await children.call(functions.double, 2))["double"] == 4


async def test_a_child_past_its_deadline_is_killed(children: Children, tmp_path: Path):
    file = tmp_path / "pid"
    assert isinstance(await children.call(functions.hangs, str(file), 0.2), DeadlinePassed)
    await until(lambda: not lives(int(file.read_text())))


async def test_a_step_in_a_child_ends_like_any_other(bench: Bench, tmp_path: Path):
    file = tmp_path / "pid"
    await bench.one(functions.double, "double", run="process")
    await bench.one(functions.gives_up, "gives_up", run="process", retry=3)
    await bench.one(functions.hangs, "hangs", run="process", timeout=0.2)
    await bench.one(functions.dies, "dies", run="process")
    async with bench.working(children=2):
        started = [
            await bench.execute("double", 4),
            await bench.execute("gives_up"),
            await bench.execute("hangs", str(file)),
            await bench.execute("dies"),
            await bench.execute("double", 5),
        ]
        names = ["double", "gives_up", "hangs", "dies", "double"]
        runs = [await bench.ended(one, name, 30) for one, name in zip(started, names, strict=True)]
    values = [run.value("a") for run in runs]
    assert (values[0]["double"], values[4]["double"]) == (8, 10)
    assert (values[1]["reason"], values[1]["attempts"]) == ("not_retryable", 1)
    assert values[2]["reason"] == "timeout"
    assert "its timeout of 0.2 s" in values[2]["message"]
    assert values[3]["type"] == "redflow.worker.processes.ChildDied"
    assert await bench.problems() == []


async def test_stopping_kills_the_child_and_gives_its_step_back(bench: Bench, tmp_path: Path):
    file = tmp_path / "pid"
    await bench.one(functions.hangs, run="process")
    execution = await bench.execute("one", str(file))
    async with bench.working(drain=0.0):
        await until(lambda: file.exists() and file.read_text())
    assert not lives(int(file.read_text()))
    step = (await bench.read(execution)).steps["a"]
    assert step.kind == "q"
    assert step.worker is None, "ready for the next worker"


async def test_a_child_that_cannot_be_started_fails_its_step_alone(bench: Bench, monkeypatch):
    """Too many processes, no memory: the next attempt may find some."""
    schedule, failures = ProcessPool.schedule, [OSError("no more processes")]

    def refuse_once(pool: ProcessPool, *arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return schedule(pool, *arguments, **options)

    monkeypatch.setattr(ProcessPool, "schedule", refuse_once)
    await bench.one(functions.double, run="process")
    async with bench.working() as worker:
        run = await bench.run("one", 1)
        assert run.value("a")["message"] == "no more processes"
        assert (await bench.run("one", 2)).value("a")["double"] == 4
        assert worker.attempts.children.free == 1


async def test_a_step_that_waits_for_a_child_and_is_told_to_stop_never_runs(
    bench: Bench, tmp_path: Path
):
    first, second = tmp_path / "first", tmp_path / "second"
    await bench.one(functions.hangs, run="process")
    await bench.execute("one", str(first))
    async with bench.working(children=1) as worker:
        await until(lambda: first.exists() and first.read_text())
        execution = await bench.execute("one", str(second))
        await until(lambda: worker.attempts._for_pool)
        (held,) = worker.attempts._for_pool
        held.interrupt("stop")
        running = next(one for one in worker.attempts.claims.snapshot() if one is not held)
        running.interrupt("timeout")
        await until(lambda: held.reported)
        assert execution
    assert not second.exists()


REFUSED = {
    "lambda": lambda value: value,
    "method": functions.Holder().of_object,
    "context": lambda ctx, value: value,
    "builtin": [].append,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_child_can_import_is_refused_at_registration(name):
    with pytest.raises(InvalidInput, match="child process"):
        Registry().register_function(name, REFUSED[name], run="process")


def test_a_closure_and_a_coroutine_function_are_refused_for_children():
    def closure(value: Any) -> Any:
        return value

    async def coroutine(value: Any) -> Any:
        return value

    with pytest.raises(InvalidInput, match="top level of a module"):
        Registry().register_function("closure", closure, run="process")
    with pytest.raises(InvalidInput, match="runs on the loop, not in a process"):
        Registry().register_function("coroutine", coroutine, run="process")
