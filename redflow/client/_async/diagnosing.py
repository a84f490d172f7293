"""Gathering what `doctor` judges: the server, this installation, the namespace and its workers."""

import time
from collections.abc import Iterable, Sequence

from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.plans import AsyncPlans
from redflow.client._async.queues import AsyncQueues
from redflow.client._async.registry import AsyncRegistry
from redflow.client._async.workers import AsyncWorkers
from redflow.client.diagnosis import (
    Diagnosis,
    judge_denied,
    judge_functions,
    judge_installation,
    judge_queues,
    judge_slots,
    judge_state,
    judge_sweeps,
    judge_timeout,
)
from redflow.client.probes import TYPED, WORDS, probes
from redflow.errors import Misconfigured, NotFound, StoreError, Unavailable, VersionMismatch
from redflow.model.plan import Plan
from redflow.model.status import WorkflowStatus
from redflow.store.audit import read_sweep
from redflow.store.explaining import read_queues, read_time
from redflow.store.fitness import Clocks, Finding, judge, read_info
from redflow.store.keys import Keys
from redflow.store.op import Word
from redflow.store.space import Space


class AsyncDiagnosing:
    """Asks everything once, and judges it."""

    def __init__(
        self,
        namespace: AsyncNamespace,
        plans: AsyncPlans,
        registry: AsyncRegistry,
        queues: AsyncQueues,
        workers: AsyncWorkers,
    ) -> None:
        self._namespace = namespace
        self._plans = plans
        self._registry = registry
        self._queues = queues
        self._workers = workers

    async def diagnose(self) -> Diagnosis:
        """Judge it all; raises Unavailable, and Misconfigured where nobody is let in."""
        found = Diagnosis()
        await self._namespace.driver.everywhere("PING")
        await self._server(found)
        found.findings.extend(judge_installation())
        if any(one.code == "writes" for one in found.findings):
            found.unchecked.append("access and the namespace: Redis refuses every write")
            return found
        # Before the namespace is known: each connection then begins with a script.
        await self._access(found)
        space = await self._known(found)
        if space is not None:
            await self._look(found, space)
        return found

    # The server

    async def _server(self, found: Diagnosis) -> None:
        before = time.time()
        try:
            told = await self._namespace.driver.everywhere("INFO")
        except Unavailable:
            raise
        except StoreError as error:
            found.unchecked.append(f"version, memory, persistence, clock: {error.args[0]}")
        else:
            clocks = Clocks(before, time.time())
            for where, info in told:
                for one in judge(read_info(info), clocks):
                    found.findings.append(_at(where, one))
                found.findings.extend(judge_state(where, info))
        await self._timeout(found)

    async def _timeout(self, found: Diagnosis) -> None:
        try:
            told = await self._namespace.driver.everywhere("CONFIG", "GET", "timeout")
        except Unavailable:
            raise
        except StoreError as error:
            found.unchecked.append(f"timeout: {error.args[0]}")
            return
        for where, reply in told:
            seconds = reply[1].decode() if len(reply) == 2 else ""
            found.findings.extend(judge_timeout(where, seconds))

    # Access

    async def _access(self, found: Diagnosis) -> None:
        """Try every command that scripts and clients use, in a form that changes nothing."""
        keys = Keys(self._namespace.name, 1, self._namespace.prefix)
        typed = await self._is_there(keys)
        denied: set[str] = set()
        for name, words in probes(keys, typed=typed):
            if await self._denied(words):
                denied.add(name)
        found.findings.extend(judge_denied(await self._user(), denied))
        if not typed:
            left = sorted(name for name, words in WORDS.items() if TYPED in words)
            found.unchecked.append(f"whether {', '.join(left)} may be run: there is no namespace")
        found.unchecked.append("whether the control channels may be listened to: workers say so")

    async def _is_there(self, keys: Keys) -> bool:
        """Whether the keys are there that hold another type than some probes need."""
        kinds = {keys.namespace_record: b"hash", keys.partition(0).permanent["timers"]: b"zset"}
        try:
            for key, kind in kinds.items():
                if await self._namespace.driver.raw("TYPE", key) != kind:
                    return False
        except Misconfigured:
            return False
        return True

    async def _denied(self, words: Sequence[Word]) -> bool:
        try:
            await self._namespace.driver.raw(*words)
        except Misconfigured as error:
            return "denies access" in str(error)
        except Unavailable as error:
            if error.ambiguous or "refuses for now" not in str(error):
                raise
        except StoreError:
            pass  # it may be run: what was refused are its words
        return False

    async def _user(self) -> str:
        try:
            reply = await self._namespace.driver.raw("ACL", "WHOAMI")
        except StoreError:
            return "of the URL"
        return str(reply, errors="replace")

    # The namespace

    async def _known(self, found: Diagnosis) -> Space | None:
        try:
            return await self._namespace.space()
        except NotFound as error:
            finding = Finding(
                str(error.args[0]),
                "nothing was registered in it yet, or the URL names another database",
                "redflow workflow register, or redflow namespace create",
                code="namespace",
            )
        except VersionMismatch as error:
            finding = Finding(
                str(error.args[0]),
                "another version of redflow wrote it",
                error.hint,
                fatal=True,
                code="data",
            )
        except Misconfigured as error:
            finding = Finding(
                "the namespace may not be read",
                str(error.args[0]),
                error.hint,
                fatal=True,
                code="access",
            )
        found.findings.append(finding)
        return None

    async def _look(self, found: Diagnosis, space: Space) -> None:
        driver = self._namespace.driver
        try:
            names = await driver.run(read_queues(space))
            now = await driver.run(read_time())
            queues = await self._queues.list()
            serving = await self._workers.of_queues(names, now)
            sweeps = await driver.run_many([read_sweep(one) for one in space.keys])
            plans = await self._latest()
        except Unavailable:
            raise
        except StoreError as error:
            found.unchecked.append(f"queues, workers and sweeps: {error.args[0]}")
            return
        alive = any(one.alive for workers in serving.values() for one in workers)
        for judged in (
            judge_slots(space.keys, names),
            judge_queues(queues),
            judge_functions(plans, serving),
            judge_sweeps(now, sweeps, alive=alive),
        ):
            found.findings.extend(judged)

    async def _latest(self) -> Iterable[Plan]:
        """The plans that new executions run."""
        found = []
        for one in await self._registry.all():
            if one.status is WorkflowStatus.ACTIVE:
                found.append(await self._plans.of_version(one.id, one.latest))
        return found


def _at(where: str, one: Finding) -> Finding:
    return Finding(f"Redis at {where}: {one.what}", one.why, one.step, one.fatal, one.code)
