"""One history run: clients and faults on a server of its own, then heal, wait, and collect."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, RedisConnector
from redflow.expressions.analysis import compile_workflow
from redflow.model.plan import Plan
from redflow.store import sweeps
from redflow.store.keys import Keys
from redflow.store.space import Space
from tests.faultkit import planted
from tests.faultkit.history import Collector, History
from tests.faultkit.nemesis import MENU, Nemesis
from tests.faultkit.pod import Functions, Witness
from tests.faultkit.pods import QUICK, Pods
from tests.faultkit.proxy import Proxy
from tests.faultkit.servers import Server
from tests.faultkit.workload import FEW, SIGNAL, registry_for, workflows

PARTITIONS = 3
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
STUCK = 4.0
"""Seconds without an event after which none will come: no step and no lease takes as long."""


@dataclass(frozen=True)
class Size:
    """How much is done in a run; `span` is seconds over which clients begin, `long` the share of
    steps that outlive a lease, `patience` how long the end may take.
    """

    executions: int = 24
    workers: int = 3
    acts: int = 3
    pause: float = 0.5
    span: float = 1.5
    long: float = FEW
    patience: float = 60.0


class Trial:
    """A namespace on a server, with workers and clients; `run` answers the history."""

    def __init__(
        self, seed: int, pods: Pods, server: Server, proxy: Proxy, witness: Path, size: Size
    ) -> None:
        self._rng = Random(f"trial {seed}")
        self._seed, self._size = seed, size
        self._pods, self._server, self._proxy = pods, server, proxy
        self._witness = witness
        self.history = History(lease=QUICK["lease"], deliveries=100)
        self.space = Space(Keys(f"h{seed}", PARTITIONS))
        self.plans: list[Plan] = []

    async def run(self, menu: Sequence[str]) -> History:
        """Do all of it with these faults, each at least once if there are acts enough."""
        self._witness.touch()
        connector = RedisConnector(self._proxy.url)
        async with AsyncClient(connector, namespace=self.space.keys.namespace) as client:
            await self._register(client)
            for _ in range(self._size.workers):
                self._pods.start()
            nemesis = Nemesis(self._rng, self._pods, self._server, self._proxy, self.history)
            acting = asyncio.create_task(self._rage(nemesis, menu))
            await asyncio.gather(*(self._begin(client, n) for n in range(self._size.executions)))
            await acting
            await nemesis.heal()
        async with driver_of(self._server) as driver:
            await self._quiet(driver)
            await self._end_workers()
            await self._collect(driver)
        return self.history

    async def _rage(self, nemesis: Nemesis, menu: Sequence[str]) -> None:
        if menu:
            await nemesis.rage(menu, max(self._size.acts, len(menu)), self._size.pause)

    async def _register(self, client: AsyncClient) -> None:
        registry = registry_for(Functions(Witness("/dev/null"), self._seed).table())
        for workflow in workflows(self._seed):
            complete = registry.complete(workflow)
            version = await client.register_workflow(complete, partitions=PARTITIONS)
            self.plans.append(compile_workflow(complete, version.version))

    # --- clients

    async def _begin(self, client: AsyncClient, number: int) -> None:
        """One client: starts an execution, maybe twice; sends it signals, maybe cancels it."""
        rng = Random(f"client {self._seed} {number}")
        await asyncio.sleep(rng.random() * self._size.span)
        plan, name = rng.choice(self.plans), f"e{number}"
        value = {"number": number}
        self.history.inputs[name] = value

        def start(given: Any, key: str = "") -> Coroutine[Any, Any, None]:
            call = client.execute(plan.workflow, given, id=name)
            return self.history.ask("start", name, key, call)

        async with asyncio.TaskGroup() as group:
            await start(value)
            if rng.random() < 0.3:
                group.create_task(start(value))
            if rng.random() < 0.2:
                group.create_task(start("another", "other input"))
            if any(step.type == "signal" for step in plan.steps):
                group.create_task(self._signal(client, rng, name))
            if rng.random() < 0.15:
                group.create_task(self._cancel(client, rng, name))

    async def _signal(self, client: AsyncClient, rng: Random, name: str) -> None:
        for number in range(rng.choice([1, 2, 2, 3])):
            key = f"{name}-s{number}"
            for _ in range(rng.choice([1, 2])):
                call = client.signal_execution(name, SIGNAL, key, signal_id=key)
                await self.history.ask("signal", name, key, call)
            await asyncio.sleep(rng.random() * 0.3)

    async def _cancel(self, client: AsyncClient, rng: Random, name: str) -> None:
        await asyncio.sleep(rng.random())
        await self.history.ask("cancel", name, "", client.cancel_execution(name))

    # --- the end

    async def _quiet(self, driver: AsyncDriver) -> None:
        """Wait until all has ended, or nothing has happened for a while, but not for ever."""
        changed, before = time.monotonic(), None
        latest = changed + self._size.patience
        while True:
            now = await self._progress(driver)
            if now[0] == 0:
                return
            if now != before:
                changed, before = time.monotonic(), now
            elif time.monotonic() - changed > STUCK:
                return
            if time.monotonic() > latest:
                return
            await asyncio.sleep(0.05)

    async def _progress(self, driver: AsyncDriver) -> tuple[int, ...]:
        """What is left to do, and how many entries of events were written."""
        left = events = 0
        plans = sorted({queue for plan in self.plans for queue in plan.queues})
        for partition in self.space.keys:
            left += len(await driver.run(sweeps.read_members(partition, "live", 0, -1)))
            left += len(await driver.run(sweeps.read_members(partition, "timers", 0, -1)))
            for queue in plans:
                left += await driver.raw("XLEN", partition.ready(queue))
            events += await driver.raw("XLEN", partition.permanent["events"])
        return left, events

    async def _end_workers(self) -> None:
        """Ask all to stop; each must end well."""
        pids = list(self._pods.pids)
        for pid in pids:
            self._pods.term(pid)
        for pid in pids:
            code = await asyncio.to_thread(self._pods.wait, pid, 20.0)
            assert code == 0, f"worker {pid} ended with {code}\n{self._pods.log}"

    async def _collect(self, driver: AsyncDriver) -> None:
        self.history.read_lines(self._witness)
        await Collector(driver, self.space, self.plans).collect(self.history)


@asynccontextmanager
async def driver_of(server: Server) -> AsyncIterator[AsyncDriver]:
    """A driver of the server itself, past the proxy."""
    driver = RedisConnector(server.url).async_driver()
    try:
        yield driver
    finally:
        await driver.close()


async def trial(
    seed: int, pods: Pods, directory: Path, *, menu: Sequence[str] | None = None,
    bug: str | None = None, size: Size | None = None,
) -> History:  # fmt: skip
    """Run one seed on a server of its own; without a menu a random part of all faults.

    A bug is planted in the workers, and in this process while the run lasts.
    """
    rng, size = Random(f"menu {seed}"), size or Size()
    if bug:
        size = replace(size, long=planted.BUGS[bug].long)
    if menu is None:
        menu = rng.sample(MENU, rng.randint(2, 4))
    witness = directory / f"witness-{seed}-{time.monotonic_ns()}"
    remove: Callable[[], None] = planted.plant(bug, worker=False) if bug else (lambda: None)
    try:
        with Server("7.0", *DURABLE) as server, Proxy(server.port) as proxy:
            order = {"seed": seed, "bug": bug, "partitions": PARTITIONS, "long": size.long}
            pods.turn_to(proxy.url, f"h{seed}", witness, **order)
            return await Trial(seed, pods, server, proxy, witness, size).run(menu)
    finally:
        for pid in list(pods.pids):
            pods.kill(pid)
        remove()
