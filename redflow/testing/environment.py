"""The environment: a server, a worker that runs when told, and a clock that a test moves."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from redflow.client import AsyncClient, Client
from redflow.driver import Connector, MemoryConnector, RedisConnector
from redflow.engine import Engine
from redflow.errors import InvalidInput, NotFound
from redflow.model.execution import Execution
from redflow.model.explain import Reason
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.nodes.registry import Registry
from redflow.store.keys import DEFAULT_PREFIX, Keys
from redflow.store.space import Space
from redflow.testing.clock import ClockLimits, VirtualClock
from redflow.testing.crew import Crew
from redflow.testing.faults import Faults
from redflow.testing.history import History
from redflow.testing.naming import near
from redflow.testing.offer import Offer
from redflow.testing.run import Run
from redflow.testing.stubs import Call, Raised, Stub


class Environment:
    """Runs workflows on the production scripts, in this process, with a clock of its own.

    `source` is the application's engine or registry: its functions and node types are used, and the
    workflows that the engine includes, its server never. Opens when first used and closes with
    `async with`, `close`, or the event loop.
    """

    def __init__(
        self,
        source: Engine | Registry | None = None,
        *,
        workflows: Iterable[Workflow] = (),
        url: str | None = None,
        start: datetime | None = None,
        seed: int = 0,
        partitions: int = 1,
        patience: float = 10.0,
    ) -> None:
        """`url` names a real server in place of the one in memory; `start` is what the clock shows
        first, else now; `seed` makes the jitter of retries; `patience` is how many real seconds a
        step may take.
        """
        # Before the registry is looked at: this adds the functions of flows that were included.
        included = source.included if isinstance(source, Engine) else ()
        self._connector: Connector = MemoryConnector() if url is None else RedisConnector(url)
        self._clock = VirtualClock(start)
        self._faults = Faults()
        self._offer = Offer(_registry_of(source), self._hang)
        self._offer.vanishes = self._vanishes
        self.function = self._offer.function
        """Decorator: adds a function to this environment alone."""
        namespace = f"test-{secrets.token_hex(6)}"
        self._client = AsyncClient(
            self._connector, namespace=namespace, limits=ClockLimits(self._clock)
        )
        self._partitions, self._seed, self._patience = partitions, seed, patience
        self._waiting = [*included, *workflows]
        self._workflows: dict[str, Workflow] = {}
        self._runs: list[Run] = []
        self._crew: Crew | None = None
        self._opening = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    # Life

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the worker and every connection; on a real server all keys are removed."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    @property
    def client(self) -> AsyncClient:
        """A client of the environment's namespace, for what is not offered here."""
        return self._client

    # Workflows and what they call

    async def register(self, *workflows: Workflow) -> None:
        """Register workflows; functions that the environment does not know are left to stubs."""
        await self._opened()
        for workflow in workflows:
            await self._register(workflow)

    def stub(
        self,
        name: str | None = None,
        *,
        node: str | None = None,
        returns: Any = None,
        raises: Raised | Sequence[Raised] = (),
        side_effect: Callable[..., Any] | None = None,
        hangs: int = 0,
    ) -> Stub:
        """Put a stub in place of a function, by its name, or of one `node`; the newest counts.

        A decorated function is known by the id of its node.

        Its first calls hang, `hangs` of them, until they time out; the next ones raise the errors
        of `raises` one by one; all others answer `returns`, or what `side_effect` answers, called
        with (ctx, input) or (input).
        """
        if (name is None) == (node is None):
            raise InvalidInput(
                "a stub stands for one thing: a function or a node",
                hint='write env.stub("charge", ...) or env.stub(node="charge", ...)',
            )
        made = Stub(
            "function" if node is None else "node",
            name if node is None else node,  # type: ignore[arg-type]
            returns=returns,
            raises=raises,
            side_effect=side_effect,
            hangs=hangs,
        )
        self._offer.put(made)
        return made

    def stub_type(
        self,
        name: str,
        *,
        returns: Any = None,
        raises: Raised | Sequence[Raised] = (),
        side_effect: Callable[..., Any] | None = None,
        hangs: int = 0,
    ) -> Stub:
        """Put a stub in place of a node type: every node of it that has no stub of its own."""
        made = Stub(
            "node type",
            name,
            returns=returns,
            raises=raises,
            side_effect=side_effect,
            hangs=hangs,
        )
        self._offer.put(made)
        return made

    def calls(self, execution: str, node: str) -> list[Call]:
        """What a node of an execution was run with, attempt by attempt."""
        made = self._offer.calls
        return [call for call in made if (call.execution, call.node) == (execution, node)]

    # What goes wrong

    def lose_reply(self, of: str = "advance", times: int = 1) -> None:
        """Have the worker's next calls of a script made, and their replies lost."""
        self._faults.lose_reply(of, times)

    def outage(self, calls: int = 3) -> None:
        """Have the worker's next calls not reach the server."""
        self._faults.refuse(calls)

    def kill_worker(self, *, during: str, times: int = 1) -> None:
        """Have the worker vanish when this node, or function, has run and nobody was told.

        Its lease runs out on the clock, and a new worker runs the step again.
        """
        self._offer.check_named(during)
        self._faults.die_during(during, times)

    # Runs

    async def start(self, workflow: Workflow | str, input: Any = None, **options: Any) -> Run:
        """Start an execution and do all that can be done without time passing.

        Options are those of `AsyncClient.execute`: id, delay, timeout, labels and so on.
        """
        run = await self._start(workflow, input, options)
        await self.settle()
        return run

    async def run(
        self,
        workflow: Workflow | str,
        input: Any = None,
        *,
        signals: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Run:
        """Start an execution, move the clock from timer to timer until it has ended, or until
        nothing more happens by itself.

        `signals` are sent at once: a step that waits for one later finds it there.
        """
        run = await self._start(workflow, input, options)
        for name, data in (signals or {}).items():
            await self._client.signal_execution(run.id, name, data)
        await (await self._opened()).finish(run.id)
        await self._refresh()
        return run

    async def find(self, id: str) -> Run:
        """An execution that something else started: a child, `<parent>.<node>`, or the client."""
        await self._opened()
        known = next((run for run in self._runs if run.id == id), None)
        return await (known or self._run_of(id)).refresh()

    async def history(self, execution: Execution) -> History:
        """What happened in an execution."""
        crew = await self._opened()
        version = await self._client.get_workflow(execution.workflow, execution.version)
        plan = await self._client.get_plan(version.content_hash)
        return crew.journal.of(execution.id, [step.id for step in plan.steps])

    # Time

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return self._clock.time

    def virtual(self, real: datetime) -> datetime:
        """What the clock showed at a real time."""
        return self._clock.virtual(real)

    async def advance(self, delta: timedelta | None = None, **units: float) -> None:
        """Move the clock: `advance(days=14)`, `advance(hours=1, minutes=30)`, or a timedelta.

        What is due on the way is done when it is due, in order.
        """
        step = timedelta(**units) if delta is None else delta
        if step < timedelta(0):
            raise InvalidInput("time does not go back", field="delta")
        crew = await self._opened()
        await crew.advance(self._clock.now + round(step / timedelta(milliseconds=1)))
        await self._refresh()

    async def settle(self) -> None:
        """Do all that can be done without time passing."""
        await (await self._opened()).settle()
        await self._refresh()

    # How

    async def _opened(self) -> Crew:
        async with self._opening:
            if self._crew is None:
                if self._keeper is not None:
                    raise InvalidInput("the environment is closed", hint="make a new one")
                self._crew = await self._open()
            return self._crew

    async def _open(self) -> Crew:
        await self._client.create_namespace(self._partitions)
        space = Space(Keys(self._client.namespace, self._partitions), ClockLimits(self._clock))
        crew = self._crew = Crew(
            self._connector,
            space,
            self._offer,
            self._clock,
            self._faults,
            seed=self._seed,
            patience=self._patience,
        )
        self._keeper = asyncio.create_task(self._keep())
        await asyncio.sleep(0)  # a task that is cancelled before it begins never closes anything
        await crew.serve(("default",))
        for workflow in self._waiting:
            await self._register(workflow)
        return crew

    async def _keep(self) -> None:
        """Close when told to, or when the event loop ends: fixtures need no loop of their own."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            crew, self._crew = self._crew, None
            if crew is not None:
                await crew.close()
            if self._connector.lasting:
                await self._remove_keys()
            await self._client.close()

    async def _remove_keys(self) -> None:
        driver, cursor = self._connector.async_driver(), b""
        pattern = f"{DEFAULT_PREFIX}{{{self._client.namespace}*"
        while cursor != b"0":
            cursor, keys = await driver.raw("SCAN", cursor or 0, "MATCH", pattern, "COUNT", 1000)
            if keys:
                await driver.raw("UNLINK", *keys)
        await driver.close()

    async def _register(self, workflow: Workflow) -> None:
        self._offer.learn(workflow)
        completed = self._offer.complete(workflow)
        await self._client.register_workflow(completed, check=self._offer.problems)
        self._workflows[workflow.id] = completed
        assert self._crew is not None
        await self._crew.serve(sorted({node.queue for node in completed.nodes}))

    async def _start(self, workflow: Workflow | str, input: Any, options: Mapping[str, Any]) -> Run:
        await self._opened()
        if isinstance(workflow, Workflow):
            if self._offer.complete(workflow) != self._workflows.get(workflow.id):
                await self._register(workflow)
            workflow = workflow.id
        if workflow not in self._workflows:
            raise self._unknown(workflow)
        for one in self._reached_from(workflow):
            self._offer.check(one)
        handle = await self._client.execute(workflow, input, **options)
        return self._run_of(handle.id)

    def _reached_from(self, workflow: str) -> list[Workflow]:
        """A workflow and those its nodes start, as far as they are registered."""
        found: dict[str, Workflow] = {}
        waiting = [workflow]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._workflows:
                continue
            found[name] = self._workflows[name]
            for node in found[name].nodes:
                waiting += [v for k, v in node.config.items() if k in ("workflow", "workflowId")]
        return list(found.values())

    def _unknown(self, workflow: str) -> NotFound:
        like = near(workflow, self._workflows)
        return NotFound(
            f"workflow {workflow!r} is not registered in this environment"
            + (f"; there is {like!r}" if like else ""),
            hint="give it to Environment(workflows=[...]), or await env.register(it)",
        )

    def _run_of(self, id: str) -> Run:
        run = Run(self, self._client.handle(id), self._explain)
        self._runs.append(run)
        return run

    async def _refresh(self) -> None:
        for run in self._runs:
            if not run.done:
                await run.refresh()

    def _explain(self, id: str) -> list[Reason]:
        """Ask while a test fails, where nothing can be awaited."""
        limits = ClockLimits(self._clock)
        with Client(self._connector, namespace=self._client.namespace, limits=limits) as client:
            return client.explain(id)

    def _hang(self, context: Context) -> None:
        if self._crew is not None:
            self._crew.hang(context)

    def _vanishes(self, context: Context, name: str) -> bool:
        dies = self._faults.kills(context.node_id, name)
        if dies and self._crew is not None:
            self._crew.vanish()
        return dies


def _registry_of(source: Engine | Registry | None) -> Registry | None:
    return source.registry if isinstance(source, Engine) else source
