"""Raw state for tests of one script: written by hand, not by the scripts under test."""

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from redflow.model.compiling import compile_plan
from redflow.model.plan import Plan
from redflow.model.workflow import Edge, Node, OnCancel, When, Workflow
from redflow.store import steps, stopping, sweeps, waiting
from redflow.store.op import Word
from redflow.store.steps import Advanced
from redflow.store.stopping import Stopped
from redflow.store.sweeps import Swept
from tests.store.support import EPOCH, Store, pairs

QUEUES = ("default", "mail")
META = "1,0,0,default,5,7"
"""attempt, deliveries, releases, queue, wait and run milliseconds, as a worker reports them."""

_EDGE = re.compile(r"(\w+)>(\w+)(?::(\w+))?(?:!(\w+))?")
pack = msgspec.msgpack.encode


def flow(
    *texts: str,
    any_outcome: Sequence[str] = (),
    queues: Mapping[str, str] | None = None,
    deadlines: Mapping[str, float] | None = None,
    undo: Mapping[str, When] | None = None,
    on_cancel: OnCancel = "compensate",
    name: str = "wf",
) -> Workflow:
    """A workflow from edges `a>b`, `a>b:label`, `a>b!failure`, `a>b!always` and lone nodes `a`.

    `deadlines` are seconds; each node of `undo` has a compensation node of its own.
    """
    edges = [Edge(m[1], m[2], m[3], m[4] or "success") for t in texts if (m := _EDGE.fullmatch(t))]  # type: ignore[arg-type]
    ids = {t for t in texts if ">" not in t} | {n for e in edges for n in (e.source, e.target)}
    labels = {one: tuple({e.label for e in edges if e.source == one and e.label}) for one in ids}
    nodes = tuple(
        Node(
            one, "function", config={"function": "work"}, labels=labels[one],
            queue=(queues or {}).get(one, "default"),
            join="any_outcome" if one in any_outcome else "all",
            deadline=(deadlines or {}).get(one),
            compensation=f"un{one}" if one in (undo or {}) else None,
            compensate_when=(undo or {}).get(one, "started"),
        )
        for one in sorted(ids)
    )  # fmt: skip
    undoing = tuple(
        Node(f"un{one}", "function", config={"function": "undo"},
             queue=(queues or {}).get(f"un{one}", "default"))
        for one in sorted(undo or {})
    )  # fmt: skip
    return Workflow(
        name, nodes=nodes + undoing, edges=tuple(edges), allow_disconnected=True,
        on_cancel=on_cancel,
    )  # fmt: skip


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
        flags: str = "", **fields: str | bytes,
    ) -> None:  # fmt: skip
        """Write an execution; one that fails or is cancelled stands in `stopping`."""
        stops = phase in "fc"
        letters = "".join(sorted(flags + "s" * stops + "c" * (phase == "c")))
        words: dict[str, Word] = {
            "state": f"{phase} {active} {seq} {self.plan.hash} {letters}".rstrip(),
            "start": f"{EPOCH} wf 1 digest",
            "input": b"=\x01",
            **fields,
        }
        flat = [word for item in words.items() for word in item]
        self.store.command("HSET", self.store.key(f"execution:{execution}"), *flat)
        self.store.command("ZADD", self.store.key("live"), EPOCH, execution)
        if stops:
            self.store.command("ZADD", self.store.key("stopping"), EPOCH, execution)

    def ended(
        self, execution: str = "e1", letter: str = "C", at: int = EPOCH, **given: Any
    ) -> None:
        """Write an execution that has ended: C completed, F failed, X cancelled."""
        self.execution(execution, phase="d", active=0, ended=f"{at} {letter}", **given)
        index = {"C": "completed", "F": "failed", "X": "cancelled"}[letter]
        self.store.command("ZREM", self.store.key("live"), execution)
        self.store.command("ZADD", self.store.key(f"finished:{index}"), at, execution)

    def ready(
        self, node: str, *, execution: str = "e1", worker: str = "", queue: str = "default",
        attempt: int = 1, deliveries: int = 0, releases: int = 0, resume: bytes = b"\xc0",
    ) -> str:  # fmt: skip
        """Make a step ready, claimed by a worker if one is named; answers its token."""
        number = self.plan.numbers[node]
        envelope = envelope_of(
            execution, number, self.plan.hash, attempt=attempt, deliveries=deliveries,
            releases=releases, resume=resume,
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

    def waits(self, node: str, name: str = "go", *, due: int = 0, counts: str = "1,0,0") -> None:
        """Make a step of e1 that waits for a signal, the last in line; `due`: its timeout."""
        number = self.plan.numbers[node]
        line = self.fields().get(f"w:{name}") or ","
        self.set(f"s{number}", f"w{name},default,{counts},{due}")
        self.set(f"w:{name}", f"{line}{number},")
        if due:
            self.timer(f"w:e1:{number}", due)

    def parked(self, node: str, due: int = EPOCH, counts: str = "1,0,0", why: str = "s") -> None:
        """Make a step of e1 that stands on a timer: it sleeps, or as `why` says."""
        number = self.plan.numbers[node]
        self.set(f"s{number}", f"t{due},default,{counts},{why}")
        self.timer(f"w:e1:{number}", due)

    def nested(self, node: str, child: str, counts: str = "1,0,0") -> None:
        """Make a step of e1 that waits for a child execution."""
        self.set(f"s{self.plan.numbers[node]}", f"k{child},default,{counts}")

    def held(self, node: str, counts: str = "1,0,0") -> None:
        """Make a step of e1 that is ready while the execution is paused."""
        self.set(f"s{self.plan.numbers[node]}", f"hdefault,{counts}")

    def done(self, *nodes: str) -> None:
        """Let steps of e1 have completed, without settling an edge."""
        for node in nodes:
            self.set(f"s{self.plan.numbers[node]}", f"C{META},1-1\n=\x01")

    def undoing(self, *nodes: str, left: int | None = None) -> None:
        """Write the undo list of e1: steps in order of settling, so many not begun yet."""
        for place, node in enumerate(nodes, 1):
            self.set(f"o{place}", str(self.plan.numbers[node]))
        self.set("undo", f"{len(nodes)} {len(nodes) if left is None else left}")

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

    def sweep(self, *members: str) -> Swept:
        """Fire timers and carry out orders."""
        ids = [member.split(":")[1] for member in members]
        return self.store.run(
            sweeps.promote_timers(
                self.store.space, self.store.partition, queues=QUEUES, executions=ids,
                plans=[self.plan.hash],
                members=[word for i, member in enumerate(members, 1) for word in (member, i)],
            )
        )  # fmt: skip

    def promote(self, *members: str) -> tuple[list[str], list[str]]:
        """Fire timers and carry out orders; answers words and orders."""
        words, orders, _ = self.sweep(*members)
        return words, orders

    def fire(self, member: str) -> list[str]:
        """Let a timer be due now and fire it; answers the orders that came of it."""
        self.timer(member, self.store.now)
        words, orders = self.promote(member)
        assert words == ["done"]
        return orders

    def stop(self, kind: str = "c", body: bytes = b"\x80", execution: str = "e1") -> Stopped:
        """Cancel (c) or fail (f) an execution."""
        return self.store.run(
            stopping.stop_execution(
                self.store.space, self.store.partition, kind=kind, body=body, execution=execution,
                plan=self.plan.hash, queues=QUEUES,
            )
        )  # fmt: skip

    def signal(
        self, name: str = "go", id: str = "s1", payload: bytes = b"\x07", execution: str = "e1"
    ) -> str:
        """Deliver a signal."""
        return self.store.run(
            waiting.deliver_signal(
                self.store.space, self.store.partition, execution=execution, plan=self.plan.hash,
                queues=QUEUES, name=name, id=id, payload=payload,
            )
        )  # fmt: skip

    def pause(
        self, *executions: str, on: bool = True, letter: str = "p", note: bytes = b"note"
    ) -> tuple[list[str], list[str]]:
        """Pause executions, or let them go on; answers words and orders."""
        return self.store.run(
            stopping.pause_execution(
                self.store.space, self.store.partition, executions=executions or ["e1"],
                plans=[self.plan.hash], queues=QUEUES, on=on, letter=letter, note=note,
            )
        )  # fmt: skip

    def skip(self, node: str, value: bytes = b"\x07", not_taken: str = "") -> Stopped:
        """Settle a step of e1 by hand."""
        return self.store.run(
            stopping.skip_step(
                self.store.space, self.store.partition, execution="e1", plan=self.plan.hash,
                queues=QUEUES, step=self.plan.numbers[node], value=value, not_taken=not_taken,
            )
        )  # fmt: skip

    def problems(self) -> list[str]:
        """What check_partition finds wrong with anything that is there."""
        names = self.store.command("KEYS", self.store.key("execution:*"))
        ids = [name.decode().rpartition(":")[2] for name in names]
        tokens = [
            (token, at, ids.index(carried[3]) + 1)
            for at, queue in enumerate(QUEUES, 1)
            for token, carried in self.tokens(queue).items()
        ]
        members = [(one, ids.index(one.split(":")[1]) + 1) for one in self.store.zset("timers")]
        op = sweeps.check_partition(
            self.store.space, self.store.partition, queues=QUEUES, executions=ids,
            plans=[self.plan.hash], tokens=words(tokens), members=words(members),
        )  # fmt: skip
        return self.store.run(op)

    # --- raw state, read

    def everything(self) -> dict[str, object]:
        """Every key of the namespace with its content, to compare before and after."""
        names = self.store.command("KEYS", f"*{{{self.store.keys.namespace}*")
        return {name.decode(): self._content(name) for name in sorted(names)}

    def _content(self, key: bytes) -> object:
        kind = self.store.command("TYPE", key)
        if kind == b"hash":
            return pairs(self.store.command("HGETALL", key))
        if kind == b"zset":
            return self.store.command("ZRANGE", key, 0, -1, "WITHSCORES")
        if kind == b"set":
            return sorted(self.store.command("SMEMBERS", key))
        held: Any = []
        if b":ready:" in key:
            held = self.store.command("XPENDING", key, "workers", "-", "+", 1000)
        owners = [(token, consumer) for token, consumer, *_ in held]
        return self.store.command("XRANGE", key, "-", "+"), owners

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
    data: bytes = b"\xc0", headers: bytes = b"\xc0", resume: bytes = b"\xc0",
) -> bytes:  # fmt: skip
    """An envelope as Lua makes it: counts and the length of the id stand at fixed offsets."""
    head = b"\x99\xcd" + struct.pack(">HBB", attempt, deliveries, releases)
    name = b"\xd9" + bytes([len(execution)]) + execution.encode()
    number = pack(step) if step < 128 else b"\xcd" + struct.pack(">H", step)
    return head + name + number + pack(plan) + data + headers + resume


def words(items: Iterable[Sequence[Word]]) -> list[Word]:
    """Rows as one flat list."""
    return [word for item in items for word in item]
