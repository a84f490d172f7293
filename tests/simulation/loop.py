"""An event loop with virtual time whose scheduler is a seeded dice: the same seed, the same run.

Callbacks belong to pods. Which pod moves next is drawn; within a pod the order is that of any
loop, as each pod would have a loop of its own. A pod that stands still keeps what it has to do, one
that is dead never does anything again. When nobody has anything to do, it is as late as the next
timer.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from random import Random
from typing import Any

NOBODY = ""
"""The pod of the simulation itself: of the nemesis, of the network, of the checks."""

POD: ContextVar[str] = ContextVar("pod", default=NOBODY)
"""Whose code runs; tasks, callbacks and timers inherit it."""


class Stuck(AssertionError):
    """The simulation does not come to its end."""


class Task(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks have the same order in every run."""

    def __init__(self, *args: Any, number: int, **options: Any) -> None:
        self.number = number
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self.number


class Ready:
    """Callbacks that are ready, by pod; stands in the place of the loop's queue."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._queues: dict[str, deque[Any]] = {NOBODY: deque()}
        self.still: set[str] = set()
        self.dead: set[str] = set()

    def append(self, handle: Any) -> None:
        pod = handle._context.get(POD, NOBODY)
        if pod not in self.dead:
            self._queues.setdefault(pod, deque()).append(handle)

    def kill(self, pod: str) -> None:
        """Drop what a pod had to do, now and ever after."""
        self.dead.add(pod)
        self._queues.pop(pod, None)

    def popleft(self) -> Any:
        """Take the next callback of a pod that is drawn."""
        pods = [pod for pod, queue in self._queues.items() if queue and pod not in self.still]
        return self._queues[pods[self._rng.randrange(len(pods))]].popleft()

    def clear(self) -> None:
        self._queues.clear()

    def __bool__(self) -> bool:
        return any(queue and pod not in self.still for pod, queue in self._queues.items())

    def __len__(self) -> int:
        return sum(len(queue) for pod, queue in self._queues.items() if pod not in self.still)


class Loop(asyncio.BaseEventLoop):
    """Runs one callback a turn; `tick` is called before each, and may kill whose turn it was."""

    def __init__(self, rng: Random, *, most_turns: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock = 0.0
        self._numbers = count()
        self._most_turns = most_turns
        self._ready: Any = Ready(rng)
        self._scheduled: list[asyncio.TimerHandle] = []
        self.turns = 0
        self.tasks: list[Task] = []
        self.tick: Callable[[], None] = lambda: None
        self.failures: list[str] = []
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._failed)

    # Time

    def time(self) -> float:
        return self._clock

    def skip(self, seconds: float) -> None:
        """Be later at once."""
        self._clock += seconds

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns > self._most_turns:
            raise Stuck(f"no end after {self._most_turns} turns, {self._clock:.1f} s")
        self.tick()
        ready, timers = self._ready, self._scheduled
        if not ready and timers:
            self._clock = max(self._clock, timers[0].when())
        while timers and timers[0].when() <= self._clock:
            timer = heapq.heappop(timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            if not timer.cancelled():
                ready.append(timer)
        if ready:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
        elif not timers:
            raise Stuck("nobody has anything to do")

    # Pods

    def kill(self, pod: str) -> None:
        """End a pod without a word: none of its code runs again."""
        self._ready.kill(pod)

    def hold(self, pod: str) -> None:
        """Let a pod stand still."""
        self._ready.still.add(pod)

    def wake(self, pod: str) -> None:
        """Let a pod go on."""
        self._ready.still.discard(pod)

    def is_still(self, pod: str) -> bool:
        return pod in self._ready.still

    # What a loop has

    def _make_task(self, loop: Any, coroutine: Any, **options: Any) -> Task:
        task = Task(coroutine, loop=loop, number=next(self._numbers), **options)
        self.tasks.append(task)
        return task

    def _failed(self, loop: Any, context: dict[str, Any]) -> None:
        pod = POD.get()
        self.failures.append(f"{pod}: {context.get('message')}: {context.get('exception')!r}")

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        """Run it at once: there are no threads."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, event_list: Any) -> None: ...

    def _write_to_self(self) -> None: ...

    def bury(self) -> None:
        """Close the coroutines that nobody will run on; what they do about it has no effect."""
        self.set_exception_handler(lambda loop, context: None)
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                try:
                    task.get_coro().close()  # type: ignore[union-attr]
                except BaseException:  # it wanted to wait for something on its way out
                    continue
