"""What the tests of the command line share: runs it in this process or as one of its own."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from redflow.cli.base import State
from redflow.cli.tree import run
from redflow.driver import Connector
from redflow.engine import Engine
from redflow.errors import NotFound
from redflow.model.status import StepStatus
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from tests.support.tree import ROOT

PROGRAM = [sys.executable, "-m", "redflow.cli"]
SECONDS = 30.0  # nothing here takes that long, but for a machine that is busy

ORDER = (
    Workflow.builder("order", "Order")
    .add_node("reserve", "function", function="reserve")
    .add_node("charge", "function", function="charge")
    .connect("reserve", "charge")
    .build()
)
APPROVAL = (
    Workflow.builder("approval", "An order that somebody approves")
    .add_node("reserve", "function", function="reserve")
    .with_saga("release")
    .add_node("approve", "signal", timeout="1h", merge=True)
    .add_node("charge", "function", function="charge")
    .connect("reserve", "approve")
    .connect("approve", "charge")
    .add_node("release", "function", function="release")
    .build()
)


def order_registry() -> Registry:
    """Return the functions of ORDER and APPROVAL.

    `charge` fails for an amount below zero, `release` for one below -1.
    """
    registry = Registry()

    async def reserve(order: Any) -> Any:
        return order

    async def charge(order: Any) -> Any:
        amount = order["amount"] if order else 0
        if amount < 0:
            raise ValueError(f"amount is {amount}")
        return {"paid": amount}

    async def release(undo: Any) -> Any:
        if undo["input"]["amount"] < -1:
            raise ValueError("it is gone")
        return "released"

    registry.register_function("reserve", reserve)
    registry.register_function("release", release)
    registry.register_function("charge", charge)
    return registry


@dataclass(frozen=True, slots=True)
class Result:
    """How a command line ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """Return the error of the one JSON document on standard error."""
        return json.loads(self.err)["error"]

    @property
    def rows(self) -> list[list[str]]:
        """Return standard output as tab-separated lines."""
        return [line.split("\t") for line in self.out.splitlines()]


def call(
    *arguments: str,
    state: State | None = None,
    stdin: str | bytes | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Result:
    """Run a command line in this process, with streams of its own and no REDFLOW_ variables."""
    clean: dict[str, str | None] = {"REDFLOW_URL": None, "REDFLOW_NAMESPACE": None}
    with CliRunner().isolation(stdin, env=clean | dict(env or {})) as (out, err, _):
        code = run(arguments, state)
        return Result(code, out.getvalue().decode(), err.getvalue().decode())


class Console:
    """The command line on one server and namespace."""

    def __init__(self, connector: Connector, namespace: str) -> None:
        self.connector = connector
        self.namespace = namespace

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """Run a command line."""
        state = State(server=self.connector, namespace=self.namespace)
        return call(*arguments, state=state, stdin=stdin)

    def engine(self, registry: Registry | None = None) -> Engine:
        """Make an engine on the same namespace."""
        return Engine(self.connector, registry or order_registry(), namespace=self.namespace)

    def register(self, *workflows: Workflow) -> None:
        """Register workflows."""

        async def register() -> None:
            async with self.engine() as engine:
                for one in workflows or (ORDER,):
                    await engine.register_workflow(one, partitions=2)

        asyncio.run(register())

    def finish(self, *executions: str) -> None:
        """Run a worker until executions have ended."""

        async def work() -> None:
            async with self.engine() as engine, engine.worker():
                handles = [engine.handle(one) for one in executions]
                waiting = [handle.result(SECONDS) for handle in handles]
                await asyncio.gather(*waiting, return_exceptions=True)

        asyncio.run(work())

    def wait(self, execution: str, node: str) -> None:
        """Run a worker until a node rests."""

        async def work() -> None:
            async with self.engine() as engine, engine.worker():
                while node not in await resting(engine):
                    await asyncio.sleep(0)

        async def resting(engine: Engine) -> list[str]:
            try:
                steps = await engine.get_execution_steps(execution)
            except NotFound:  # a child that has not been started yet
                return []
            return [step.node_id for step in steps if step.status is StepStatus.WAITING]

        async def bounded() -> None:
            await asyncio.wait_for(work(), SECONDS)

        asyncio.run(bounded())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run a worker in a thread while the block runs."""
        started, stopped = threading.Event(), threading.Event()

        async def work() -> None:
            async with self.engine() as engine, engine.worker():
                while not await engine.workers.list():  # known by its first beat
                    await asyncio.sleep(0.005)
                started.set()
                await asyncio.to_thread(stopped.wait)

        thread = threading.Thread(target=asyncio.run, args=(work(),))
        thread.start()
        try:
            assert started.wait(SECONDS)
            yield
        finally:
            stopped.set()
            thread.join(SECONDS)


# Processes


def environment(**own: str) -> dict[str, str]:
    """Return the environment of a child: ours, without what would tell it of another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REDFLOW_")}
    return kept | {"PYTHONPATH": str(ROOT)} | own


def in_process(*arguments: str, cwd: Path | None = None, stdin: bytes = b"", **own: str) -> Result:
    """Run a command line in a process of its own, to its end."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=cwd or ROOT,
        env=environment(**own),
        input=stdin,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode())


class Running:
    """A command line in a process of its own, whose standard error is read line by line."""

    def __init__(self, *arguments: str, cwd: Path, **own: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=cwd,
            env=environment(**own),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[list[str]], Any]) -> Any:
        """Wait until the lines so far make `wanted` answer something true, and return that."""
        with self._changed:
            self._changed.wait_for(lambda: wanted(self.lines) or self._over, SECONDS)
            found = wanted(self.lines)
        assert found, "".join(self.lines)
        return found

    def ends(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()


def saying(text: str) -> Callable[[list[str]], list[str]]:
    """Return a condition of `wait_for`: the lines that hold a text."""
    return lambda lines: [line for line in lines if text in line]
