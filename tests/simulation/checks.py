"""What must hold: of the store at any moment, and of everything once it is quiet."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from redflow.model.event import EventKind, EventRecord
from redflow.store import sweeps
from redflow.store.keys import PartitionKeys
from redflow.store.space import Space
from redflow.store.steps import read_envelope
from tests.simulation.store import Store
from tests.simulation.workload import ALL_QUEUES

ENDS = {EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED}
SETTLES = {
    EventKind.STEP_COMPLETED,
    EventKind.STEP_FAILED,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_CANCELLED,
}
INDEXES = ("live", "completed", "failed", "cancelled")
TOKENS = 1000
_records = msgspec.msgpack.Decoder(list[EventRecord])


class Checks:
    """Asks the store behind the back of the simulation."""

    def __init__(self, store: Store, space: Space, plans: Sequence[str]) -> None:
        self._store, self._space, self._plans = store, space, list(plans)

    def at_any_time(self) -> list[str]:
        """What is wrong between the keys of each partition now."""
        found = []
        for partition in self._space.keys:
            found += [*self._partition(partition), *self._children(partition)]
        return found

    def unfinished(self) -> list[str]:
        """Executions that have not ended."""
        return [one for p in self._space.keys for one in self._members(p, "live")]

    def when_quiet(self, *, history: int) -> list[str]:
        """What is wrong once nothing happens any more; `history` is the server's."""
        found = self.at_any_time()
        for partition in self._space.keys:
            found += self._left(partition)
            found += self._events(partition)
            found += self._epoch(partition, history)
        return found

    def ended(self, execution: str) -> str | None:
        """How an execution ended, "" while it has not; None where there is none."""
        key = self._space.keys.partition_of(execution).execution(execution)
        state, ended = self._store.plain("HMGET", key, "state", "ended")
        return None if state is None else (ended or b" ").decode().rpartition(" ")[2]

    def recorded(self, execution: str, step: int) -> bytes:
        """The record of a step."""
        key = self._space.keys.partition_of(execution).execution(execution)
        return self._store.plain("HGET", key, f"s{step}") or b""

    # Parts

    def _members(self, partition: PartitionKeys, index: str) -> list[str]:
        found: list[str] = self._store.ask(sweeps.read_members(partition, index, 0, -1))
        return found

    def _tokens(self, partition: PartitionKeys) -> Iterator[tuple[str, int, str]]:
        """Every token: its id, the position of its queue, its execution."""
        for at, queue in enumerate(ALL_QUEUES, 1):
            for token, fields in self._store.plain("XRANGE", partition.ready(queue), "-", "+"):
                yield token.decode(), at, read_envelope(fields[1]).execution

    def _partition(self, partition: PartitionKeys) -> list[str]:
        ids = [one for index in INDEXES for one in self._members(partition, index)]
        known = {one: at for at, one in enumerate(ids, 1)}
        found, tokens, members = [], [], []
        for token, queue, execution in self._tokens(partition):
            if execution in known:
                tokens += [token, queue, known[execution]]
            else:
                found.append(f"token {token} is of {execution}, which no index knows")
        for member in self._members(partition, "timers"):
            owner = member.split(":")[1]
            if owner in known:
                members += [member, known[owner]]
            elif member[0] not in "cp":  # orders about a child or a parent may be late
                found.append(f"timer {member} is of an execution that no index knows")
        if ids:
            found += self._store.ask(
                sweeps.check_partition(
                    self._space, partition, queues=ALL_QUEUES, executions=ids, plans=self._plans,
                    tokens=tokens, members=members,
                )
            )  # fmt: skip
        return found

    def _children(self, partition: PartitionKeys) -> Iterator[str]:
        """Steps that wait for a child that has ended, and whom no order will tell."""
        for execution in self._members(partition, "live"):
            flat = self._store.plain("HGETALL", partition.execution(execution))
            for name, record in zip(flat[::2], flat[1::2], strict=True):
                if name[:1] != b"s" or not name[1:].isdigit() or record[:1] != b"k":
                    continue
                child = record[1:].split(b",")[0].decode()
                order = f"p:{execution}:{name[1:].decode()}"
                timer = self._store.plain("ZSCORE", partition.permanent["timers"], order)
                if self.ended(child) != "" and timer is None:
                    yield f"{execution}: step {name[1:].decode()} waits for {child}, which is over"

    def _left(self, partition: PartitionKeys) -> list[str]:
        left = [f"token {token} of {of} is left" for token, _, of in self._tokens(partition)]
        for index in ("timers", "stopping", "live"):
            left += [f"{one} is left in {index}" for one in self._members(partition, index)]
        for queue in ALL_QUEUES:
            key = partition.ready(queue)
            pending = self._store.plain("XPENDING", key, "workers", "-", "+", 10)
            left += [f"{entry[0].decode()} is left pending in {queue}" for entry in pending]
        return left

    def _epoch(self, partition: PartitionKeys, history: int) -> list[str]:
        key = partition.permanent["sweeper"]
        server = self._store.plain("HGET", key, "server") or b""
        if not server.endswith(f"{history:040d}".encode()):
            return [f"partition {partition.number} was not told of history {history}"]
        return []

    def _events(self, partition: PartitionKeys) -> list[str]:
        """Numbers without holes, one end and nothing behind it, each step settled once, epochs."""
        by_execution: defaultdict[str, list[EventRecord]] = defaultdict(list)
        for _, fields in self._store.plain("XRANGE", partition.permanent["events"], "-", "+"):
            for record in _records.decode(dict(zip(fields[::2], fields[1::2], strict=True))[b"e"]):
                if record.seq is not None:
                    by_execution[record.execution].append(record)
        epochs = [record.seq for record in by_execution.pop("", [])]
        now = int(self._store.plain("HGET", partition.permanent["sweeper"], "epoch") or 0)
        found = []
        if epochs != list(range(2, now + 1)):
            found.append(f"partition {partition.number}: epoch {now}, and told were {epochs}")
        for execution, records in by_execution.items():
            found += _of_one(execution, records)
        return found


def _of_one(execution: str, records: list[EventRecord]) -> Iterator[str]:
    numbers = [record.seq for record in records]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{execution}: its events are numbered {numbers}"
    ends = [at for at, record in enumerate(records) if record.kind in ENDS]
    if len(ends) != 1 or ends[0] != len(records) - 1:
        yield f"{execution}: ends at {ends} of {len(records)} events"
    settled = Counter(record.step for record in records if record.kind in SETTLES)
    for step, times in settled.items():
        if times > 1:
            yield f"{execution}: step {step} was settled {times} times"


SUCCESS = re.compile(rb"C(\d+),\d+,\d+,[^,]+,\d+,\d+,([^|\n]+)")
"""Attempt and token of a recorded success."""
