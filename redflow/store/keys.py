"""Every Redis key: its name, type, content and lifetime, in one place."""

# ruff: noqa: E501 - a table reads best in rows

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from redflow.model.ids import check_namespace, partition_of

DEFAULT_PREFIX = "rf:"
SCHEMA = 1
"""Version of the data model; newer code reads the one before it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One family of keys. `scope` is `partition` or `namespace`."""

    name: str
    scope: str
    type: str
    content: str
    lifetime: str


TABLE = (
    Key("events", "partition", "stream", "one entry per script call: all its event records", "permanent; trimmed to the newest 100,000 records"),
    Key("done", "partition", "stream", "one entry per call that ended executions: lines `<id> <C|F|X>`", "permanent; capped at 10,000 entries"),
    Key("timers", "partition", "zset", "due ms of wake-ups, deadlines and orders, see lua/README.md", "permanent, sentinel"),
    Key("schedules", "partition", "zset", "due ms of each schedule, `+inf` while it is paused", "permanent, sentinel"),
    Key("schedule:<id>", "partition", "hash", "one schedule: its rule, its input, its next tick", "until it is deleted"),
    Key("live", "partition", "zset", "unfinished executions by creation", "permanent, sentinel"),
    Key("stopping", "partition", "zset", "executions in phase failing or cancelling with live steps", "permanent, sentinel"),
    Key("finished:completed", "partition", "zset", "completed executions by end", "permanent, sentinel"),
    Key("finished:failed", "partition", "zset", "failed executions by end", "permanent, sentinel"),
    Key("finished:cancelled", "partition", "zset", "cancelled executions by end", "permanent, sentinel"),
    Key("sweeper", "partition", "hash", "`records` ever emitted, sweep lease, outage guard, `paused` queues, until when it is `full`, `epoch` and the `server` it is of", "permanent"),
    Key("consumers", "partition", "hash", "of each consumer of events `<term> <entry> <record>`: how far it has come", "permanent"),
    Key("ready:<queue>", "partition", "stream", "one entry = one ready or running step; group `workers`", "permanent; an entry lives until its step settles"),
    Key("plan:<hash>", "partition", "hash", "a compiled workflow", "while executions refer to it"),
    Key("workflow:<id>", "partition", "hash", "what new executions of a workflow run, and whether it is paused", "until the workflow is deleted"),
    Key("execution:<id>", "partition", "hash", "one execution: state, input, step records, join counters", "until purged"),
    Key("deliveries", "partition", "zset", "executions that webhook deliveries started in the last 24 h, by ms", "those that are older leave with later ones"),
    Key("namespace", "namespace", "hash", "number of partitions, version of the data model, paused queues", "permanent"),
    Key("workflows", "namespace", "zset", "workflow ids by registration", "permanent"),
    Key("workflow:<id>", "namespace", "hash", "the registry's record: versions, documents, status", "until the workflow is deleted"),
    Key("queues", "namespace", "set", "names of all queues", "permanent"),
    Key("secrets", "namespace", "hash", "of each secret its sealed value and what is shown of it", "permanent"),
    Key("api_keys", "namespace", "hash", "of each API key its digest and what is shown of it", "permanent"),
    Key("audit", "namespace", "stream", "one entry per call that changes something: who, what, allowed or denied", "permanent; trimmed to about 100,000 records"),
    Key("leaders", "namespace", "hash", "of each consumer of events `<term> <until ms> <process>`: who hands it events", "permanent"),
    Key("webhooks", "namespace", "hash", "of each webhook its path, secrets' names, workflow and rate", "permanent"),
    Key("worker:<id>", "namespace", "hash", "what a worker offers, its last beat, whether it shall drain", "expires 10 missed beats after the last"),
    Key("workers:<queue>", "namespace", "zset", "workers of a queue by last beat", "silent workers are dropped with every beat"),
)  # fmt: skip


@dataclass(frozen=True)
class PartitionKeys:
    """The keys of one partition; all share one hash tag, so one slot."""

    prefix: str
    number: int

    @cached_property
    def permanent(self) -> dict[str, str]:
        """The keys every writing script declares, by the names of lua/lib/partition.lua."""
        names = ("events", "done", "timers", "schedules", "live", "stopping", "sweeper")
        keys = {name: self.prefix + name for name in names}
        for status in ("completed", "failed", "cancelled"):
            keys[status] = f"{self.prefix}finished:{status}"
        return keys

    def ready(self, queue: str) -> str:
        """The stream of ready and running steps of a queue."""
        return f"{self.prefix}ready:{queue}"

    def plan(self, content_hash: str) -> str:
        """A compiled workflow."""
        return f"{self.prefix}plan:{content_hash}"

    def workflow(self, workflow: str) -> str:
        """The partition's copy of what new executions of a workflow run."""
        return f"{self.prefix}workflow:{workflow}"

    @property
    def consumers(self) -> str:
        """How far each consumer of events has come."""
        return f"{self.prefix}consumers"

    def schedule(self, schedule: str) -> str:
        """One schedule."""
        return f"{self.prefix}schedule:{schedule}"

    def execution(self, execution: str) -> str:
        """One execution."""
        return f"{self.prefix}execution:{execution}"

    @property
    def deliveries(self) -> str:
        """The executions that webhook deliveries started lately."""
        return self.prefix + "deliveries"

    def index(self, name: str) -> str:
        """One of the lists of executions: `live`, `completed`, `failed`, `cancelled`."""
        return self.permanent[name]


@dataclass(frozen=True)
class Keys:
    """The keys of one namespace."""

    namespace: str
    partitions: int
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        check_namespace(self.namespace)

    @cached_property
    def _all(self) -> tuple[PartitionKeys, ...]:
        return tuple(
            PartitionKeys(f"{self.prefix}{{{self.namespace}:{p}}}:", p)
            for p in range(self.partitions)
        )

    @cached_property
    def _own(self) -> str:
        return f"{self.prefix}{{{self.namespace}}}:"

    def partition(self, number: int) -> PartitionKeys:
        """The keys of one partition by number."""
        return self._all[number]

    def partition_of(self, execution: str) -> PartitionKeys:
        """The keys of the partition an execution lives in, or a schedule and all it starts."""
        return self._all[partition_of(execution, self.partitions)]

    def __iter__(self) -> Iterator[PartitionKeys]:
        return iter(self._all)

    @property
    def namespace_record(self) -> str:
        """Partitions and data model of the namespace."""
        return self._own + "namespace"

    @property
    def workflows(self) -> str:
        """Ids of all registered workflows."""
        return self._own + "workflows"

    @property
    def queues(self) -> str:
        """Names of all queues."""
        return self._own + "queues"

    @property
    def secrets(self) -> str:
        """The secrets of the namespace."""
        return self._own + "secrets"

    @property
    def leaders(self) -> str:
        """Who hands events to each consumer."""
        return self._own + "leaders"

    @property
    def webhooks(self) -> str:
        """The webhooks of the namespace."""
        return self._own + "webhooks"

    @property
    def api_keys(self) -> str:
        """The API keys of the namespace."""
        return self._own + "api_keys"

    @property
    def audit(self) -> str:
        """Who did what in the namespace."""
        return self._own + "audit"

    def workflow(self, workflow: str) -> str:
        """The registry's record of a workflow."""
        return f"{self._own}workflow:{workflow}"

    def worker(self, worker: str) -> str:
        """A worker's record."""
        return f"{self._own}worker:{worker}"

    def workers(self, queue: str) -> str:
        """The workers of a queue."""
        return f"{self._own}workers:{queue}"
