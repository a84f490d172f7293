"""Worker processes that cost little to kill: one warm process forks them, `python -m` this module.

It reads an order a line, JSON, and answers each with a line. What runs in a worker appends to a
file of witnesses, so what ran is known without asking Redis.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from redflow.driver import RedisConnector
from redflow.metrics import Metrics
from redflow.model import codec
from redflow.model.outcome import Branch
from redflow.store.keys import Keys
from redflow.store.op import Op
from redflow.store.space import Space
from redflow.worker import heartbeat
from redflow.worker.claims import Held
from redflow.worker.renewal import renewal_of
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker
from tests.faultkit import planted
from tests.faultkit.workload import FEW, fails, fate, registry_for, seconds_of, workflows

STALL = 0.3
"""Seconds in which a thread of a worker did not run, for it to count as stopped meanwhile."""


def digest(value: Any) -> str:
    """A short name of a value."""
    return hashlib.sha256(codec.encode(value)).hexdigest()[:12]


class Witness:
    """Writes what runs; lines of several processes do not mix."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, word: str, step: tuple[str, str, int, int] = ("", "", 0, 0), **more: Any) -> None:
        """Append a line: word, step, process, both clocks in ns, and what belongs to the word."""
        clocks = (os.getpid(), time.monotonic_ns(), time.time_ns())
        os.write(self._file, json.dumps([word, *step, *clocks, more]).encode() + b"\n")

    def watch(self) -> None:
        """Tell, in a thread, when this process did not run for a while."""
        before = time.monotonic()
        while True:
            time.sleep(STALL / 4)
            if (now := time.monotonic()) - before > STALL:
                self.say("stall", seconds=now - before)
            before = now

    def renewal_of(self, space: Space, settings: Any, number: int, held: list[Held]) -> Op[Any]:
        """Ask as a heartbeat does, and write which leases were said to be renewed."""
        asked = time.time_ns()
        op = _RENEWAL_OF(space, settings, number, held)

        def parse(reply: Any) -> Any:
            words = op.parse(reply)
            for one, word in zip(held, words, strict=True):
                if word == "ok" and one.context is not None and not one.reported:
                    self.say("renew", _step(one.context), asked=asked)
            return words

        return replace(op, parse=parse)


_RENEWAL_OF = renewal_of


def _step(ctx: Any) -> tuple[str, str, int, int]:
    return (ctx.execution_id, ctx.node_id, ctx.fence, ctx.attempt)


class Functions:
    """What the steps of a worker call."""

    def __init__(self, witness: Witness, seed: int, long: float = FEW) -> None:
        self._witness, self._long = witness, long
        nodes = [(one.id, node) for one in workflows(seed) for node in one.nodes]
        self._labels = {(workflow, node.id): node.labels for workflow, node in nodes}

    @contextmanager
    def _attempt(self, ctx: Any, value: Any, output: Any) -> Iterator[None]:
        self._witness.say("begin", _step(ctx), input=digest(value))
        try:
            yield
        except BaseException as error:
            word = "raise" if isinstance(error, Exception) else "cut"
            self._witness.say(word, _step(ctx))
            raise
        self._witness.say("end", _step(ctx), output=digest(output))

    async def work(self, ctx: Any, value: Any) -> Any:
        """Take some time, then answer which attempt this was, or fail."""
        chance = fate(ctx.execution_id, ctx.node_id)
        output = [ctx.execution_id, ctx.node_id, ctx.fence]
        with self._attempt(ctx, value, output):
            await asyncio.sleep(seconds_of(chance, self._long))
            if fails(chance, ctx.attempt):
                raise ValueError(f"fate {chance}")
        labels = self._labels.get((ctx.workflow, ctx.node_id))
        return Branch(labels[int(chance * 1000) % len(labels)], output) if labels else output

    async def pay(self, ctx: Any, value: Any) -> Any:
        """Fail three times in four."""
        output = [ctx.execution_id, ctx.node_id, ctx.fence]
        with self._attempt(ctx, value, output):
            if fate(ctx.execution_id, "pay") < 0.75:
                raise ValueError("the card was refused")
        return output

    async def undo(self, ctx: Any, undo: Any) -> Any:
        """Undo what may have been done; a few fail once."""
        chance = fate(ctx.execution_id, ctx.node_id)
        output = [ctx.execution_id, ctx.node_id, ctx.fence]
        with self._attempt(ctx, undo, output):
            await asyncio.sleep(0.02 * chance)
            if chance < 0.1 and ctx.attempt == 1:
                raise ValueError(f"fate {chance}")
        return output

    async def idle(self, ctx: Any, seconds: float) -> Any:
        """Take as long as the input says."""
        with self._attempt(ctx, seconds, seconds):
            await asyncio.sleep(seconds)
        return seconds

    async def poison(self, ctx: Any, value: Any) -> Any:
        """Kill the process that runs it."""
        with self._attempt(ctx, value, None):
            os.kill(os.getpid(), signal.SIGKILL)

    def table(self) -> list[tuple[str, Any]]:
        """All by name."""
        return [(name, getattr(self, name)) for name in ("work", "pay", "undo", "idle", "poison")]


async def work(order: dict[str, Any]) -> None:
    """Be one worker until killed, or asked to stop."""
    witness = Witness(order["witness"])
    setattr(heartbeat, "renewal_of", witness.renewal_of)  # noqa: B010 - it is imported there
    threading.Thread(target=witness.watch, daemon=True).start()
    space = Space(Keys(order["namespace"], order["partitions"]))

    async def known() -> Space:
        return space

    settings = WorkerSettings(**{**order["settings"], "queues": tuple(order["settings"]["queues"])})
    registry = registry_for(Functions(witness, order["seed"], order["long"]).table())
    worker = Worker(RedisConnector(order["url"]), known, registry, settings, Metrics())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.request_stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    witness.say("up", ("", settings.worker_id, 0, 0))
    await worker.run()


class Nursery:
    """Forks workers and buries them."""

    def __init__(self) -> None:
        self._codes: dict[int, int | None] = {}

    def answer(self, order: dict[str, Any]) -> Any:
        """Start a worker and answer its process id, or wait for one and answer its exit code."""
        if "wait" in order:
            return self._wait(order["wait"], order["seconds"])
        child = os.fork()
        if child == 0:
            self._be(order)
        self._codes[child] = None
        return child

    def _be(self, order: dict[str, Any]) -> None:
        os.close(0)
        code = 1
        try:
            if order["bug"]:
                planted.plant(order["bug"])
            asyncio.run(work(order))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _wait(self, pid: int, seconds: float) -> int | None:
        end = time.monotonic() + seconds
        while self._codes[pid] is None:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._codes[pid] = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                return None
            else:
                time.sleep(0.005)
        return self._codes[pid]

    def end(self) -> None:
        """Leave no process behind."""
        for pid in [pid for pid, code in self._codes.items() if code is None]:
            os.kill(pid, signal.SIGKILL)  # not buried yet, so the id is still its own
            os.waitpid(pid, 0)


def main() -> None:
    """Answer orders; the end of the input is the end of all."""
    # A worker that is asked to stop before it can hear hears it later.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    nursery = Nursery()
    try:
        for line in sys.stdin:
            print(json.dumps(nursery.answer(json.loads(line))), flush=True)
    finally:
        nursery.end()


if __name__ == "__main__":
    main()
