"""Coroutines run inline, then in a task that was kept ready; nobody inside can tell."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from redflow import logs
from redflow.worker.coroutines import Coroutines
from tests.worker.kit import until, within

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="base")
Body = Callable[[], Coroutine[Any, Any, Any]]


class Fields:
    """What a step binds to its lines."""

    def log_fields(self) -> dict[str, Any]:
        return {}


class Steps:
    """Starts coroutines and keeps how each ended."""

    def __init__(self) -> None:
        self.coroutines = Coroutines()
        self.ends: list[tuple[Any, BaseException | None]] = []

    def start(self, body: Body, bound: Any = None) -> asyncio.Task[None] | None:
        def finished(value: Any, error: BaseException | None) -> None:
            self.ends.append((value, error))

        return self.coroutines.start(body(), bound or Fields(), finished)

    async def end(self, number: int = 1) -> tuple[Any, BaseException | None]:
        await until(lambda: len(self.ends) >= number)
        await asyncio.sleep(0)
        assert len(self.ends) == number, "each ends once"
        return self.ends[number - 1]


@pytest.fixture
async def steps() -> AsyncIterator[Steps]:
    made = Steps()
    yield made
    made.coroutines.close()


async def test_one_that_does_not_suspend_is_done_at_once(steps: Steps):
    inside: list[Any] = []

    async def body() -> int:
        inside.append(asyncio.current_task())
        return 7

    outer = asyncio.current_task()
    assert steps.start(body) is None
    assert steps.ends == [(7, None)]
    assert asyncio.current_task() is outer
    assert inside[0] not in (None, outer)


async def test_one_that_suspends_goes_on_in_the_task_it_saw_first(steps: Steps):
    seen: list[Any] = []

    async def body() -> str:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        await asyncio.sleep(0.001)
        seen.append(asyncio.current_task())
        return "done"

    task = steps.start(body)
    assert steps.ends == []
    assert (await steps.end()) == ("done", None)
    assert seen == [task] * 3


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), GeneratorExit()])
@pytest.mark.parametrize("suspends", [False, True])
async def test_whatever_is_raised_ends_the_step_alone(steps: Steps, error, suspends):
    async def body() -> None:
        if suspends:
            await asyncio.sleep(0)
        raise error

    steps.start(body)
    assert (await steps.end()) == (None, error)


@pytest.mark.parametrize("seconds", [-1, 0, 0.01])
async def test_a_timeout_in_the_first_stretch_acts_on_the_step(steps: Steps, seconds):
    async def body() -> str:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.sleep(0)
            return "timed out"
        return "never"

    steps.start(body)
    assert (await steps.end()) == ("timed out", None)


async def test_a_timeout_after_a_suspension_acts_on_the_step(steps: Steps):
    async def body() -> str:
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await asyncio.Event().wait()
        return "timed out"

    steps.start(body)
    assert (await steps.end()) == ("timed out", None)


@pytest.mark.parametrize("suspends", [False, True])
async def test_a_task_group_cancels_its_body_when_a_child_fails(steps: Steps, suspends):
    cancelled: list[str] = []

    async def child() -> None:
        raise ValueError("child")

    async def body() -> str:
        if suspends:
            await asyncio.sleep(0)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.append("body")
                    raise
        except ExceptionGroup as errors:
            return str(errors.exceptions[0])
        return "never"

    steps.start(body)
    assert (await steps.end()) == ("child", None)
    assert cancelled == ["body"]


async def test_waiting_shielding_and_gathering_work_in_the_first_stretch(steps: Steps):
    async def later(value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def body() -> list[int]:
        first = await asyncio.wait_for(later(1), 5)
        second = await asyncio.shield(later(2))
        return [first, second, *await asyncio.gather(later(3), later(4))]

    steps.start(body)
    assert (await steps.end()) == ([1, 2, 3, 4], None)


async def test_variables_outlive_a_suspension_and_reach_nobody_else(steps: Steps):
    seen: list[tuple[str, str]] = []

    async def child(name: str) -> None:
        seen.append((f"child of {name}", VARIABLE.get()))

    def body_of(name: str) -> Body:
        async def body() -> None:
            seen.append((name, VARIABLE.get()))
            token = VARIABLE.set(name)
            await asyncio.sleep(0.001)
            seen.append((name, VARIABLE.get()))
            await asyncio.create_task(child(name))
            VARIABLE.reset(token)
            seen.append((name, VARIABLE.get()))

        return body

    for name in ("one", "two"):
        steps.start(body_of(name))
    await steps.end(2)
    for name in ("one", "two"):
        assert [value for who, value in seen if who == name] == ["base", name, "base"]
        assert (f"child of {name}", name) in seen
    assert VARIABLE.get() == "base"


async def test_a_variable_set_inline_does_not_leak_to_the_next_step(steps: Steps):
    async def sets() -> None:
        VARIABLE.set("leaked")

    async def reads() -> str:
        return VARIABLE.get()

    steps.start(sets)
    steps.start(reads)
    assert steps.ends[1] == ("base", None)


async def test_the_bound_step_is_seen_by_its_lines(steps: Steps):
    bound = Fields()

    async def body() -> list[Any]:
        seen = [logs.current.get()]
        await asyncio.sleep(0)
        return [*seen, logs.current.get()]

    steps.start(body, bound)
    assert (await steps.end()) == ([bound, bound], None)
    assert logs.current.get() is None


async def test_cancelling_right_after_the_start_reaches_the_step(steps: Steps):
    """Before the loop has turned: the task has not even begun to carry it."""
    seen: list[str] = []

    def body_of(name: str) -> Body:
        async def body() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append(name)
                raise

        return body

    tasks = [steps.start(body_of(name)) for name in ("one", "two", "three")]
    for task in tasks:
        assert task is not None
        task.cancel()
    await until(lambda: len(steps.ends) == 3)
    assert sorted(seen) == ["one", "three", "two"]
    assert all(isinstance(error, asyncio.CancelledError) for _, error in steps.ends)


async def test_cancelling_early_cancels_what_the_step_waits_for(steps: Steps):
    inner: list[asyncio.Task[Any]] = []

    async def body() -> None:
        inner.append(asyncio.create_task(asyncio.Event().wait()))
        await inner[0]

    task = steps.start(body)
    assert task is not None
    task.cancel()
    _, error = await steps.end()
    assert isinstance(error, asyncio.CancelledError)
    assert inner[0].cancelled()


async def test_cancelling_early_reaches_a_step_that_only_yields(steps: Steps):
    async def body() -> str:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "heard"
        return "not heard"

    task = steps.start(body)
    assert task is not None
    task.cancel()
    assert (await steps.end()) == ("heard", None)


async def test_a_step_may_refuse_to_be_cancelled(steps: Steps):
    gate = asyncio.Event()

    async def body() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()
        return "stayed"

    task = steps.start(body)
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert (await steps.end()) == ("stayed", None)


async def test_a_step_that_cancels_its_own_task_hears_it_at_its_next_wait(steps: Steps):
    async def body() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            return "heard"
        return "not heard"

    steps.start(body)
    assert (await steps.end()) == ("heard", None)


@pytest.mark.parametrize("takes_back", [False, True])
async def test_a_step_that_cancels_its_task_and_ends_leaves_the_next_one_alone(
    steps: Steps, takes_back
):
    async def cancels() -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if takes_back:
            task.uncancel()
        return 1

    async def waits() -> int:
        await asyncio.sleep(0.001)
        return 2

    await asyncio.sleep(0)  # the task that is kept ready has begun
    steps.start(cancels)
    steps.start(cancels)  # and here it has not
    steps.start(waits)
    assert (await steps.end(3)) == (2, None)


async def test_a_task_that_an_ended_step_keeps_is_not_the_next_steps(steps: Steps):
    kept: list[asyncio.Task[Any]] = []

    async def keeps() -> None:
        task = asyncio.current_task()
        assert task is not None
        kept.append(task)

    async def waits() -> str:
        await asyncio.sleep(0.001)
        return "undisturbed"

    steps.start(keeps)
    steps.start(waits)
    kept[0].cancel()
    assert (await steps.end(2)) == ("undisturbed", None)


async def test_a_thousand_at_once_keep_apart(steps: Steps):
    def body_of(number: int) -> Body:
        async def body() -> tuple[int, str]:
            VARIABLE.set(str(number))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            return number, VARIABLE.get()

        return body

    for number in range(1000):
        steps.start(body_of(number))
    await until(lambda: len(steps.ends) == 1000)
    assert sorted(value for value, _ in steps.ends) == [(n, str(n)) for n in range(1000)]


async def test_what_is_no_coroutine_fails_the_step():
    steps = Steps()
    steps.start(lambda: 3)  # type: ignore[arg-type,return-value]
    assert isinstance(steps.ends[0][1], AttributeError)
    steps.coroutines.close()


async def test_closing_lets_go_of_the_task_kept_ready():
    before = asyncio.all_tasks()
    steps = Steps()
    kept = asyncio.all_tasks() - before
    steps.coroutines.close()
    await within(asyncio.gather(*kept, return_exceptions=True))
    assert all(task.cancelled() for task in kept)
