"""A synchronous runner of questions on one partition, for tests of the scripts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import fakeredis
import redis

from redflow.driver.compiled import lend_interpreter
from redflow.model.plan import Plan
from redflow.model.plan_fields import plan_fields
from redflow.store import workflows
from redflow.store.keys import Keys, PartitionKeys
from redflow.store.op import Op, Word
from redflow.store.space import Limits, Space
from redflow.store.workflows import Registered
from tests.support.clients import raw

T = TypeVar("T")
EPOCH = 1_700_000_000_000
"""Milliseconds at which the clock of a test starts."""


def fake_client() -> redis.Redis:
    """Connect to a fakeredis of its own; replies stay as the server gave them."""
    server = fakeredis.FakeServer()
    lend_interpreter(server)
    return raw(fakeredis.FakeRedis(server=server, protocol=2))


class Store:
    """One namespace with one partition, its clock and its limits."""

    def __init__(self, client: redis.Redis, namespace: str, limits: Limits | None = None) -> None:
        self.client = client
        self.keys = Keys(namespace, 1)
        self.partition: PartitionKeys = self.keys.partition(0)
        self.limits = limits or Limits()
        self.now = EPOCH

    @property
    def space(self) -> Space:
        """The namespace at this moment of the test's clock."""
        return Space(self.keys, replace(self.limits, now=self.now))

    def run(self, op: Op[T]) -> T:
        """Ask once; a script the server does not know is loaded first."""
        if op.script is None:
            return op.parse(self.command(*op.args))
        try:
            reply = self._evalsha(op)
        except redis.exceptions.NoScriptError:
            self.client.execute_command("SCRIPT LOAD", op.script.text)
            reply = self._evalsha(op)
        return op.parse(reply)

    def _evalsha(self, op: Op[Any]) -> Any:
        assert op.script is not None
        return self.command("EVALSHA", op.script.sha, len(op.keys), *op.keys, *op.args)

    def command(self, *words: Word) -> Any:
        """Run a plain command."""
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    def commands(self, commands: Iterable[Sequence[Word]]) -> list[Any]:
        """Run plain commands in one round trip."""
        pipeline = self.client.pipeline(transaction=False)
        for words in commands:
            pipeline.execute_command(*words)  # type: ignore[no-untyped-call]
        return pipeline.execute()

    def key(self, name: str) -> str:
        """A key of the partition by the rest of its name: `timers`, `ready:default`."""
        return self.partition.prefix + name

    def prepare(self, queues: Sequence[str]) -> None:
        """Make what a partition needs before anything runs."""
        self.run(workflows.put_partition(self.space, self.partition, queues))

    def put_plan(self, plan: Plan) -> None:
        """Store a compiled plan."""
        fields = plan_fields(plan)
        for op in workflows.put_plan(self.space, self.partition, plan.hash, fields):
            self.run(op)

    def publish(self, workflow: str, plan: str, version: int, status: str = "ACTIVE") -> None:
        """Tell the partition what new executions of a workflow run."""
        registered = Registered(version, version, version, plan)
        self.run(
            workflows.publish_workflow(self.space, self.partition, workflow, registered, status)
        )

    # --- raw state

    def hash(self, name: str) -> dict[str, bytes]:
        """Every field of a hash of the partition."""
        return pairs(self.command("HGETALL", self.key(name)))

    def zset(self, name: str) -> dict[str, int]:
        """Members and scores of a zset of the partition, without the sentinel."""
        return scores(self.command("ZRANGE", self.key(name), 0, -1, "WITHSCORES"))

    def entries(self, name: str) -> list[tuple[str, dict[str, bytes]]]:
        """Entries of a stream of the partition."""
        reply = self.command("XRANGE", self.key(name), "-", "+")
        return [(entry.decode(), pairs(fields)) for entry, fields in reply]

    def pending(self, queue: str) -> dict[str, str]:
        """Consumer of each pending token of a queue."""
        reply = self.command("XPENDING", self.key(f"ready:{queue}"), "workers", "-", "+", 100_000)
        return {entry.decode(): consumer.decode() for entry, consumer, _, _ in reply}

    def silence(self, queue: str, tokens: Sequence[str], milliseconds: int = 60_000) -> None:
        """Let the leases of pending tokens run out: nobody has been heard of for so long."""
        for token in tokens:
            key, owner = self.key(f"ready:{queue}"), self.pending(queue)[token]
            self.command("XCLAIM", key, "workers", owner, 0, token, "IDLE", milliseconds, "JUSTID")

    def clear(self) -> None:
        """Delete every key of the namespace."""
        names = self.command("KEYS", f"*{{{self.keys.namespace}*")
        self.commands(("DEL", name) for name in names)


def pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    """A flat reply of fields and values."""
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


def scores(flat: Sequence[bytes]) -> dict[str, int]:
    """A flat reply of members and scores, without the sentinel."""
    return {m: int(float(s)) for m, s in pairs(flat).items() if m != "~"}


def as_bytes(fields: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """Field values as Redis gives them back."""
    return {k: v.encode() if isinstance(v, str) else v for k, v in fields.items()}
