"""Pods that run the real worker, and the nemesis that ends them, holds them and replaces Redis."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from random import Random
from typing import Any

from redflow.errors import RedflowError, StoreError
from redflow.metrics import Metrics
from redflow.nodes.registry import Registry
from redflow.store.space import Space
from redflow.worker import worker as worker_module
from redflow.worker.heartbeat import Heartbeat
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker
from tests.simulation.loop import POD, Loop
from tests.simulation.store import Snapshot, Store
from tests.simulation.wire import WireConnector

METRICS = Metrics()


class LoopHeartbeat(Heartbeat):
    """Beats from the loop: there are no threads here."""

    def start(self) -> None:
        self._over = False
        self._beat_soon = asyncio.Event()
        self._turning = asyncio.get_running_loop().create_task(self._turn())

    def stop(self) -> None:
        self._over = True
        self._turning.cancel()
        self._say_goodbye()

    def beat_now(self) -> None:
        self._beat_soon.set()

    async def _turn(self) -> None:
        while not self._over:
            try:
                self.beat()
                self.missed = 0
            except RedflowError:
                self.missed += 1
            beat = self._settings.beat
            try:
                async with asyncio.timeout(beat if not self.missed else beat / 5):
                    await self._beat_soon.wait()
            except TimeoutError:
                pass
            self._beat_soon.clear()


@dataclass
class Pod:
    """One worker; a pod that is replaced gets another name."""

    name: str
    worker: Worker | None = None
    gone: bool = False
    draining: bool = False
    held: bool = False


class Pods:
    """The workers of a run."""

    def __init__(
        self,
        loop: Loop,
        connector: WireConnector,
        space: Space,
        registry: Registry,
        settings: Callable[[str], WorkerSettings],
    ) -> None:
        self._loop, self._connector, self._space = loop, connector, space
        self._registry, self._settings = registry, settings
        self.all: dict[str, Pod] = {}
        self.problems: list[str] = []

    @property
    def alive(self) -> list[Pod]:
        return [pod for pod in self.all.values() if not pod.gone]

    def start(self) -> None:
        """Start one more."""
        pod = Pod(f"w{len(self.all)}")
        self.all[pod.name] = pod
        self.spawn(pod.name, self._live(pod))

    def spawn(self, name: str, coroutine: Any) -> asyncio.Task[Any]:
        """Run a coroutine as a pod's."""
        context = copy_context()
        context.run(POD.set, name)
        return self._loop.create_task(coroutine, context=context)

    async def _live(self, pod: Pod) -> None:
        """A process that is started again until it comes up; then it works until it is ended."""

        async def space() -> Space:
            return self._space

        while not pod.gone:
            made = Worker(self._connector, space, self._registry, self._settings(pod.name), METRICS)
            try:
                await made.start()
            except StoreError:
                await asyncio.sleep(0.2)
                continue
            pod.worker = made
            await made._stop.wait()
            await made.stop()
            pod.gone = True
            self._judge(pod)

    def crash(self, pod: Pod) -> None:
        """End a pod at once."""
        self._judge(pod)
        pod.gone = True
        self._loop.kill(pod.name)

    def hold(self, pod: Pod, seconds: float) -> None:
        """Let a pod stand still for a while."""
        pod.held = True
        self._loop.hold(pod.name)
        self._loop.call_later(seconds, self._loop.wake, pod.name)

    def drain(self, pod: Pod) -> None:
        """Have a pod stop as it does at SIGTERM."""
        if pod.worker is not None and not pod.draining:
            pod.draining = True
            worker = pod.worker
            context = copy_context()
            context.run(POD.set, pod.name)
            self._loop.call_soon(worker.request_stop, context=context)

    def _judge(self, pod: Pod) -> None:
        """A part that ended by an error is a fault, whatever was done to the pod."""
        if pod.worker is not None and pod.worker._failure is not None:
            self.problems.append(f"a part of {pod.name} ended: {pod.worker._failure!r}")

    def judge_all(self) -> None:
        for pod in self.alive:
            self._judge(pod)

    def gives_back(self, name: str) -> bool:
        """Whether a pod was told to stop: it gives back steps that do not hear of it."""
        return name in self.all and self.all[name].draining

    def troubled(self, name: str) -> bool:
        """Whether a pod was held or has ended."""
        return self.all[name].held or self.all[name].gone


class Nemesis:
    """Ends, holds and drains pods and replaces the server, at any turn of the loop."""

    ACTS = ("crash", "hold", "drain", "rollback")

    def __init__(self, rng: Random, loop: Loop, pods: Pods, store: Store, *, lease: float) -> None:
        self._rng, self._loop, self._pods, self._store = rng, loop, pods, store
        self._lease = lease
        self.acts: list[str] = []
        self.every = 0
        """Turns between two acts, on average; 0 for never."""
        self._next = 0
        self._snapshots: list[Snapshot] = []
        self.lost_from: list[int] = []
        """Of each rollback: how many calls had been made when the older state was taken."""
        self.on_rollback: Callable[[], None] = lambda: None
        self.counts: dict[str, int] = {}

    def tick(self) -> None:
        """Called before every turn of the loop."""
        if not self.every:
            return
        self._next -= 1
        if self._next > 0:
            return
        self._next = self._rng.randint(1, 2 * self.every)
        if self.acts:
            self._act(self._rng.choice(self.acts))

    def _act(self, act: str) -> None:
        rng, pods = self._rng, self._pods
        awake = [pod for pod in pods.alive if not self._loop.is_still(pod.name)]
        if act == "rollback":
            self._roll_back()
            return
        if not awake:
            return
        pod = rng.choice(awake)
        self.counts[act] = self.counts.get(act, 0) + 1
        self._store.history.tell(self._store.now, pod.name, act.upper())
        if act == "hold":
            pods.hold(pod, rng.uniform(0.1, 2.5) * self._lease)
            return
        if act == "crash":
            pods.crash(pod)
        else:
            pods.drain(pod)
        self._loop.call_later(rng.random() * 2, self._replace)

    def _replace(self) -> None:
        """Start another pod in the place of one that ended."""
        self._pods.start()

    def _roll_back(self) -> None:
        """Take note of the state, or go back to what was noted."""
        if not self._snapshots or self._rng.random() < 0.6:
            self._snapshots = [*self._snapshots[-1:], self._store.snapshot()]
            return
        snapshot = self._rng.choice(self._snapshots)
        self._snapshots = [snapshot]
        self.lost_from.append(snapshot[0])
        self.counts["rollback"] = self.counts.get("rollback", 0) + 1
        self._store.restore(snapshot)
        self.on_rollback()


@contextmanager
def without_threads() -> Iterator[None]:
    """Have workers that are made while the block runs beat from the loop."""
    before = vars(worker_module)["Heartbeat"]
    setattr(worker_module, "Heartbeat", LoopHeartbeat)  # noqa: B010 - not exported
    try:
        yield
    finally:
        setattr(worker_module, "Heartbeat", before)  # noqa: B010
