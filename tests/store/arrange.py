"""Raw state for tests of one script: written by hand, not by the scripts under test."""

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from redflow.model.plan import Plan, compile_plan
from redflow.model.workflow import Edge, Node, Workflow
from redflow.store import steps, sweeps
from redflow.store.op import Word
from redflow.store.steps import Advanced
from tests.store.support import EPOCH, Store

QUEUES = ("default", "mail")
META = "1,0,0,default,5,7"
"""attempt, deliveries, releases, queue, wait and run milliseconds, as a worker reports them."""

_EDGE = re.compile(r"(\w+)>(\w+)(?::(\w+))?(?:!(\w+))?")
pack = msgspec.msgpack.encode


def flow(
    *texts: str,
    any_outcome: Sequence[str] = (),
    queues: Mapping[str, str] | None = None,
    name: str = "wf",
) -> Workflow:
    """A workflow from edges `a>b`, `a>b:label`, `a>b!failure`, `a>b!always` and lone nodes `a`."""
    edges = [Edge(m[1], m[2], m[3], m[4] or "success") for t in texts if (m := _EDGE.fullmatch(t))]  # type: ignore[arg-type]
    ids = {t for t in texts if ">" not in t} | {n for e in edges for n in (e.source, e.target)}
    labels = {one: tuple({e.label for e in edges if e.source == one and e.label}) for one in ids}
    nodes = tuple(
        Node(
            one, "function", config={"function": "work"}, labels=labels[one],
            queue=(queues or {}).get(one, "default"),
            join="any_outcome" if one in any_outcome else "all",
        )
        for one in sorted(ids)
    )  # fmt: skip
    return Workflow(name, nodes=nodes, edges=tuple(edges), allow_disconnected=True)


@dataclass(frozen=True)
class Report:
    """One outcome as a worker reports it; `node` is a node's id."""

    token: str
    node: str
    kind: str = "c"
    value: bytes = b"=\x01"
    detail: str = ""
    meta: str = META
    execution: str = "e1"


class Scene:
    """One workflow in an empty partition, and executions of it in any state."""

    def __init__(self, store: Store, workflow: Workflow) -> None:
        self.store = store
        self.plan: Plan = compile_plan(workflow, 1)
        store.prepare(QUEUES)
        store.put_plan(self.plan)
        store.publish(workflow.id, self.plan.hash, 1)

    # --- raw state

    def execution(
        self, execution: str = "e1", *, phase: str = "r", active: int = 1, seq: int = 1,
        **fields: str | bytes,
    ) -> None:  # fmt: skip
        """Write an execution; a failing one stands in `stopping`."""
        flag = " s" if phase == "f" else ""
        words: dict[str, Word] = {
            "state": f"{phase} {active} {seq} {self.plan.hash}{flag}",
            "start": f"{EPOCH} wf 1 digest",
            "input": b"=\x01",
            **fields,
        }
        flat = [word for item in words.items() for word in item]
        self.store.command("HSET", self.store.key(f"execution:{execution}"), *flat)
        self.store.command("ZADD", self.store.key("live"), EPOCH, execution)
        if phase == "f":
            self.store.command("ZADD", self.store.key("stopping"), EPOCH, execution)

    def ready(
        self, node: str, *, execution: str = "e1", worker: str = "", queue: str = "default",
        attempt: int = 1, deliveries: int = 0, releases: int = 0,
    ) -> str:  # fmt: skip
        """Make a step ready, claimed by a worker if one is named; answers its token."""
        number = self.plan.numbers[node]
        envelope = envelope_of(
            execution, number, self.plan.hash, attempt=attempt, deliveries=deliveries,
            releases=releases,
        )  # fmt: skip
        key = self.store.key(f"ready:{queue}")
        token = self.store.command("XADD", key, "*", "e", envelope).decode()
        self.set(f"s{number}", f"q{token},{queue}", execution=execution)
        if worker:
            group = ("XREADGROUP", "GROUP", "workers", worker)
            reply = self.store.command(*group, "COUNT", 1, "STREAMS", key, ">")
            assert reply[0][1][0][0].decode() == token, "an earlier token was waiting"
        return token

    def claimed(self, node: str, **given: Any) -> str:
        """Make a step that worker w1 runs."""
        return self.ready(node, worker="w1", **given)

    def set(self, field: str, value: str | bytes, *, execution: str = "e1") -> None:
        """Write one field of an execution."""
        self.store.command("HSET", self.store.key(f"execution:{execution}"), field, value)

    def timer(self, member: str, due: int = EPOCH) -> None:
        """Add a member to `timers`."""
        self.store.command("ZADD", self.store.key("timers"), due, member)

    # --- calls

    def advance(
        self, *reports: Report, claims: Mapping[str, int] | None = None, worker: str = "w1",
        plans: Sequence[str] | None = None, queues: Sequence[str] = QUEUES, **given: Any,
    ) -> Advanced:  # fmt: skip
        """Report outcomes and claim."""
        ids = list(dict.fromkeys(report.execution for report in reports))
        rows: list[Word] = []
        for one in reports:
            queue = queues.index(one.meta.split(",")[3]) + 1
            number = self.plan.numbers[one.node]
            rows += [one.token, queue, ids.index(one.execution) + 1, number]
            rows += [one.kind, one.meta, one.value, one.detail]
        wanted = (claims or {}).items()
        return self.store.run(
            steps.advance(
                self.store.space, self.store.partition, consumer=worker, queues=queues,
                executions=ids, plans=[self.plan.hash] if plans is None else plans, outcomes=rows,
                claims=[word for q, n in wanted for word in (queues.index(q) + 1, n)], **given,
            )
        )  # fmt: skip

    def promote(self, *members: str) -> tuple[list[str], list[str]]:
        """Fire timers and carry out orders."""
        ids = [member.split(":")[1] for member in members]
        return self.store.run(
            sweeps.promote_timers(
                self.store.space, self.store.partition, queues=QUEUES, executions=ids,
                plans=[self.plan.hash],
                members=[word for i, member in enumerate(members, 1) for word in (member, i)],
            )
        )[:2]  # fmt: skip

    # --- raw state, read

    def fields(self, execution: str = "e1") -> dict[str, str]:
        """Every field of an execution but those written when it was made."""
        found = self.store.hash(f"execution:{execution}")
        made = ("start", "input")
        return {name: v.decode("latin-1") for name, v in found.items() if name not in made}

    def state(self, execution: str = "e1") -> str:
        """Phase, live steps, events and flags of an execution."""
        return self.fields(execution)["state"].replace(f" {self.plan.hash}", "")

    def record(self, node: str, execution: str = "e1") -> str | None:
        """The record of a step."""
        return self.fields(execution).get(f"s{self.plan.numbers[node]}")

    def tokens(self, queue: str = "default") -> dict[str, list[Any]]:
        """Tokens of a queue and what they carry."""
        entries = self.store.entries(f"ready:{queue}")
        return {name: msgspec.msgpack.decode(fields["e"]) for name, fields in entries}

    def events(self) -> list[tuple[Any, ...]]:
        """All events: (kind, execution, seq, step, extra)."""
        entries = self.store.entries("events")
        return [tuple(e) for _, fields in entries for e in msgspec.msgpack.decode(fields["e"])]


def envelope_of(
    execution: str, step: int, plan: str, *,
    attempt: int = 1, deliveries: int = 0, releases: int = 0,
    data: bytes = b"\xc0", headers: bytes = b"\xc0",
) -> bytes:  # fmt: skip
    """An envelope as Lua makes it: counts and the length of the id stand at fixed offsets."""
    head = b"\x98\xcd" + struct.pack(">HBB", attempt, deliveries, releases)
    name = b"\xd9" + bytes([len(execution)]) + execution.encode()
    return head + name + pack(step) + pack(plan) + data + headers


def words(items: Iterable[Sequence[Word]]) -> list[Word]:
    """Rows as one flat list."""
    return [word for item in items for word in item]
