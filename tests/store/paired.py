"""One partition twice, on a server and in the reference: every call goes to both, then compare."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from redflow.model.plan import Plan, compile_plan
from redflow.model.workflow import Workflow
from redflow.store import executions, steps, sweeps
from redflow.store.epoch import Server, bump_epoch
from redflow.store.executions import Start
from redflow.store.op import Word
from redflow.store.steps import Ended, read_envelope
from tests.store.reference import Partition
from tests.store.rendering import fields_of
from tests.store.state import DONE, Call, Outcome, Token
from tests.store.support import Store, pairs, scores

QUEUES = ("default", "mail", "slow-2")
LEASE, SWEEP_LEASE, SWEEP_GAP = 30_000, 3_000, 15_000
DELIVERIES = 1
LOST_ERROR = b"\x81\xa6reason\xabworker_lost"
ZSETS = ("timers", "live", "stopping", "completed", "failed", "cancelled")


class Difference(AssertionError):
    """The server and the reference disagree."""


class Pair:
    """A partition under test beside its reference; `answers` counts what the calls answered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.model = Partition(store.limits, QUEUES)
        self.answers: Counter[str] = Counter()
        self.calls = 0
        self._last: Callable[[], Any] | None = None
        self._seen = {"events": "-", "done": "-"}
        store.prepare(QUEUES)

    @property
    def now(self) -> int:
        """The clock of both."""
        return self.store.now

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass."""
        self.store.now += milliseconds

    def publish(self, workflow: Workflow, version: int = 1, status: str = "ACTIVE") -> Plan:
        """Store a workflow's plan and publish it."""
        plan = compile_plan(workflow, version)
        self.store.put_plan(plan)
        self.store.publish(workflow.id, plan.hash, version, status)
        self.model.plans[plan.hash] = plan
        self.model.workflows[workflow.id] = (plan.hash, version, status)
        return plan

    # --- calls

    def again(self) -> Any:
        """Repeat the last call, as a worker does that has not heard its answer."""
        assert self._last is not None
        return self._last()

    def start(
        self, starts: Sequence[Start], names: Sequence[str], hashes: Sequence[str]
    ) -> list[str]:
        """Start executions; answers the orders."""
        self._last = partial(self.start, starts, names, hashes)
        op = executions.start_executions(
            self.store.space, self.store.partition, starts,
            workflows=names, plans=hashes, queues=QUEUES,
        )  # fmt: skip
        words, orders = self.store.run(op)
        expected = self.model.start(self.now, starts, names, hashes)
        self._compare_call("start", (words, sorted(orders)), (expected[0], sorted(expected[1])))
        self._count("start", (word.split(" ")[0] for word in words))
        return orders

    def advance(
        self, worker: str, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]]
    ) -> tuple[list[int], list[tuple[Token, int]], list[str]]:
        """Record outcomes and claim; answers codes, claims and orders."""
        self._last = partial(self.advance, worker, outcomes, claims)
        ids, hashes = self._keys(outcome.token for outcome in outcomes)
        rows: list[Word] = []
        for o in outcomes:
            at = (QUEUES.index(o.token.queue) + 1, ids.index(o.token.execution) + 1, o.token.step)
            rows += [o.token.name, *at, o.kind, o.meta, o.value, o.detail]
        op = steps.advance(
            self.store.space, self.store.partition, consumer=worker, queues=QUEUES, executions=ids,
            plans=hashes, outcomes=rows,
            claims=[word for queue, n in claims for word in (QUEUES.index(queue) + 1, n)],
        )  # fmt: skip
        real = self.store.run(op)
        codes, claimed, orders, ended = self.model.advance(self.now, outcomes, claims, worker)
        self._compare_call(
            "advance",
            (real.codes, sorted(real.orders), sorted((e.execution, e.letter) for e in real.ended)),
            (codes, sorted(orders), sorted(ended)),
        )
        seen = [(c.token, QUEUES[c.queue - 1], c.drop, _content(c.envelope)) for c in real.claims]
        wanted = [(t.name, t.queue, drop, _carried(t)) for t, drop in claimed]
        self._equal("claims", seen, wanted)
        self._count("advance", codes)
        self._count("claim", (f"drop {drop}" for _, drop in claimed))
        return codes, claimed, orders

    def extend(self, worker: str, tokens: Sequence[Token]) -> list[str]:
        """Renew leases."""
        self._last = partial(self.extend, worker, tokens)
        rows: list[Word] = [
            word for t in tokens for word in (t.name, QUEUES.index(t.queue) + 1, t.execution)
        ]
        op = steps.extend_leases(
            self.store.space, self.store.partition, consumer=worker, queues=QUEUES, leases=rows
        )
        words, expected = self.store.run(op), self.model.extend(worker, tokens)
        self._compare_call("extend", words, expected)
        self._count("extend", words)
        return words

    def reclaim(self, tokens: Sequence[Token]) -> list[str]:
        """Re-issue silent tokens; answers the orders."""
        self._last = partial(self.reclaim, tokens)
        ids, hashes = self._keys(tokens)
        rows: list[Word] = [
            word
            for t in tokens
            for word in (t.name, QUEUES.index(t.queue) + 1, ids.index(t.execution) + 1)
        ]
        op = sweeps.reclaim_leases(
            self.store.space, self.store.partition, lease=LEASE, deliveries_limit=DELIVERIES,
            lost_error=LOST_ERROR, queues=QUEUES, executions=ids, plans=hashes, leases=rows,
        )  # fmt: skip
        words, orders, ended = self.store.run(op)
        expected = self.model.reclaim(self.now, tokens, DELIVERIES, b"=" + LOST_ERROR)
        self._compare_ended(ended)
        self._compare_call("reclaim", (words, sorted(orders)), (expected[0], sorted(expected[1])))
        self._count("reclaim", words)
        return orders

    def promote(self, members: Sequence[str]) -> list[str]:
        """Fire timers and carry out orders; answers new orders."""
        self._last = partial(self.promote, members)
        owners = [member.split(":")[1] for member in members]
        ids = list(dict.fromkeys(owners))
        rows: list[Word] = [
            word
            for member, owner in zip(members, owners, strict=True)
            for word in (member, ids.index(owner) + 1)
        ]
        op = sweeps.promote_timers(
            self.store.space, self.store.partition, queues=QUEUES, executions=ids,
            plans=self._plans(ids), members=rows,
        )  # fmt: skip
        words, orders, ended = self.store.run(op)
        expected = self.model.promote(self.now, members)
        self._compare_ended(ended)
        self._compare_call("promote", (words, sorted(orders)), (expected[0], sorted(expected[1])))
        self._count("promote", words)
        self._count("promote", (f"order {member[0]}" for member in members))
        return orders

    def _compare_ended(self, ended: Sequence[Ended]) -> None:
        found = sorted((one.execution, one.letter) for one in ended)
        self._compare_call("ended", found, sorted(self.model.last.ended))

    def list_due(self, worker: str, limit: int = 100) -> tuple[list[str], list[Token]]:
        """Ask what a sweep has to do; answers due members and silent tokens."""
        self._last = partial(self.list_due, worker, limit)
        op = sweeps.list_due(
            self.store.space, [self.store.partition], worker=worker, queues=QUEUES, lease=LEASE,
            sweep_lease=SWEEP_LEASE, sweep_gap=SWEEP_GAP, records_cap=10**9, limit=limit,
        )  # fmt: skip
        real = self.store.run(op)
        next_due, members, tokens = self.model.list_due(
            self.now, worker, lease=LEASE, sweep_lease=SWEEP_LEASE, sweep_gap=SWEEP_GAP, limit=limit
        )
        found = real.partitions[0] if real.partitions else None
        silent = found.tokens if found else []
        self._compare_call(
            "list_due",
            (real.next_due, found.members if found else [], [_silent(s) for s in silent]),
            (next_due, members, [(t.name, t.queue, _carried(t)) for t in tokens]),
        )
        self._count("list_due", ["something" if members or tokens else "nothing"])
        return members, tokens

    def bump_epoch(self, server: Server) -> None:
        """Meet a server: the same as before, or another."""
        self._last = partial(self.bump_epoch, server)
        op = bump_epoch(self.store.space, self.store.partition, server, lease=LEASE)
        found, expected = self.store.run(op), self.model.bump_epoch(self.now, server, LEASE)
        self._compare_call("bump_epoch", found, expected)
        self._count("bump_epoch", [found[0]])

    # --- things that happen

    def lose_lease(self, token: Token) -> None:
        """Nobody has been heard of for longer than a lease."""
        self.store.silence(token.queue, [token.name], 2 * LEASE)
        token.silent = True

    def purge(self, execution: str) -> None:
        """Remove an ended execution, as retention does."""
        ended = self.model.executions[execution]
        assert ended.phase == DONE
        index = "completed" if ended.ended and ended.ended[1] == "C" else "failed"
        self.store.command("ZREM", self.store.partition.index(index), execution)
        self.store.command("DEL", self.store.partition.execution(execution))
        del self.model.executions[execution]

    # --- comparing

    def compare_all(self) -> None:
        """Compare every execution, token and timer, whichever call touched it last."""
        ids = list(self.model.executions)
        streams, rest = self._snapshot(ids)
        self._compare_streams(streams)
        self._compare_rest(ids, rest)
        self._equal("check_partition", self.problems(ids), [])

    def problems(self, ids: Sequence[str]) -> list[str]:
        """What check_partition says of some executions, their tokens and timers."""
        known = {one: i for i, one in enumerate(ids, 1)}
        tokens: list[Word] = []
        for at, stream in enumerate(self.model.streams.values(), 1):
            for token in stream:
                if token.execution in known:
                    tokens += [token.name, at, known[token.execution]]
        members: list[Word] = []
        for member in self.model.timers:
            owner = member.split(":")[1]
            if owner in known:
                members += [member, known[owner]]
        op = sweeps.check_partition(
            self.store.space, self.store.partition, queues=QUEUES, executions=ids,
            plans=self._plans(ids), tokens=tokens, members=members,
        )  # fmt: skip
        return self.store.run(op)

    def _compare_call(self, name: str, seen: object, expected: object) -> None:
        """Compare indexes and the executions of the call; streams come first, they name tokens."""
        self.calls += 1
        touched = [one for one in self.model.last.touched if one in self.model.executions]
        streams, rest = self._snapshot(touched)
        self._compare_streams(streams)
        self._equal(f"answer of {name}", seen, expected)
        self._compare_rest(touched, rest)
        if touched:
            self._equal(f"check_partition after {name}", self.problems(touched), [])

    def _snapshot(self, ids: Sequence[str]) -> tuple[list[Any], list[Any]]:
        permanent, ready = self.store.partition.permanent, self.store.partition.ready
        replies = self.store.commands(
            [
                *(("XRANGE", ready(queue), "-", "+") for queue in QUEUES),
                *(("XPENDING", ready(queue), "workers", "-", "+", 9999) for queue in QUEUES),
                *(("ZRANGE", permanent[name], 0, -1, "WITHSCORES") for name in ZSETS),
                *(("XRANGE", permanent[name], self._seen[name], "+") for name in self._seen),
                ("HGETALL", permanent["sweeper"]),
                *(("HGETALL", self.store.partition.execution(one)) for one in ids),
            ]
        )
        return replies[: 2 * len(QUEUES)], replies[2 * len(QUEUES) :]

    def _compare_streams(self, replies: list[Any]) -> None:
        """Tokens in order; new ones get the names that Redis gave them."""
        both = zip(replies[: len(QUEUES)], replies[len(QUEUES) :], strict=True)
        for queue, (entries, pending) in zip(QUEUES, both, strict=True):
            tokens = self.model.streams[queue]
            self._equal(f"tokens in {queue}", len(entries), len(tokens))
            for token, (name, (_, envelope)) in zip(tokens, entries, strict=True):
                token.name = token.name or name.decode()
                self._equal(f"token in {queue}", name.decode(), token.name)
                content = _content(read_envelope(envelope))
                self._equal(f"envelope {token.name}", content, _carried(token))
            owners = {token.name: token.consumer for token in tokens if token.consumer}
            claimed = {name.decode(): consumer.decode() for name, consumer, _, _ in pending}
            self._equal(f"leases in {queue}", claimed, owners)

    def _compare_rest(self, ids: Sequence[str], replies: list[Any]) -> None:
        store, model = self.store, self.model
        for name, members in zip(ZSETS, replies, strict=False):
            self._equal(name, scores(members), self._expected_zset(name))
        self._compare_events(replies[6])
        self._compare_done(replies[7])
        model.last = Call(0, 0)
        self._equal("sweeper", pairs(replies[8]), self._expected_sweeper())
        for one, reply in zip(ids, replies[9:], strict=True):
            expected = fields_of(model.executions[one], store.limits)
            self._equal(f"execution {one}", pairs(reply), expected)

    def _expected_zset(self, name: str) -> dict[str, int]:
        executions = self.model.executions.values()
        if name == "timers":
            return self.model.timers
        if name == "live":
            return {e.id: e.created for e in executions if not e.ended}
        if name == "stopping":
            return {e.id: e.stopping_since for e in executions if e.stopping_since is not None}
        letter = {"completed": "C", "failed": "F", "cancelled": "X"}[name]
        return {e.id: e.ended[0] for e in executions if e.ended and e.ended[1] == letter}

    def _expected_sweeper(self) -> dict[str, bytes]:
        sweeper = self.model.sweeper
        fields = {"records": str(self.model.records)}
        if sweeper.holder:
            fields |= {
                "holder": sweeper.holder,
                "until": str(sweeper.until),
                "tick": str(sweeper.tick),
            }
        if sweeper.hold is not None:
            fields["hold"] = str(sweeper.hold)
        if sweeper.server is not None:
            fields |= {"server": " ".join(sweeper.server), "epoch": str(sweeper.epoch)}
        return {name: value.encode() for name, value in fields.items()}

    def _new(self, name: str, entries: list[Any]) -> list[dict[str, bytes]]:
        if entries:
            self._seen[name] = "(" + entries[-1][0].decode()
        return [pairs(fields) for _, fields in entries]

    def _compare_events(self, entries: list[Any]) -> None:
        """One entry a call; executions are not ordered among each other, their events are."""
        expected = sorted(self.model.last.events, key=lambda event: event[1:3])
        seen: list[Any] = []
        for fields in self._new("events", entries):
            seen += [tuple(event) for event in msgspec.msgpack.decode(fields["e"])]
            self._equal("records so far", int(fields["n"]), self.model.records)
        self._equal("events", sorted(seen, key=lambda event: event[1:3]), expected)
        self._equal("entries of events", len(entries), min(len(expected), 1))

    def _compare_done(self, entries: list[Any]) -> None:
        lines = [
            line
            for fields in self._new("done", entries)
            for line in fields["e"].decode().split("\n")
        ]
        expected = [" ".join(one) for one in self.model.last.ended]
        self._equal("done", sorted(lines), sorted(expected))

    def _keys(self, tokens: Any) -> tuple[list[str], list[str]]:
        """Executions and plans a call declares for tokens; a purged execution needs no plan."""
        ids = list(dict.fromkeys(token.execution for token in tokens))
        return ids, self._plans(ids)

    def _plans(self, ids: Sequence[str]) -> list[str]:
        known = (self.model.executions.get(one) for one in ids)
        return list(dict.fromkeys(execution.plan.hash for execution in known if execution))

    def _count(self, name: str, words: Any) -> None:
        self.answers.update(f"{name} {word}" for word in words)

    def _equal(self, what: str, seen: object, expected: object) -> None:
        if seen == expected:
            return
        if isinstance(seen, dict) and isinstance(expected, dict):
            names = [n for n in {*seen, *expected} if seen.get(n) != expected.get(n)]
            seen = {name: seen.get(name) for name in names}
            expected = {name: expected.get(name) for name in names}
        raise Difference(f"call {self.calls}, {what}:\n  server    {seen}\n  reference {expected}")


def _content(envelope: steps.Envelope) -> tuple[Any, ...]:
    e = envelope
    data = None if e.data is None else [bytes(value) for value in e.data]
    return (e.attempt, e.deliveries, e.releases, e.execution, e.step, e.plan, data, e.headers)


def _carried(token: Token) -> tuple[Any, ...]:
    t = token
    headers = msgspec.msgpack.decode(t.headers) if t.headers else None
    return (t.attempt, t.deliveries, t.releases, t.execution, t.step, t.plan, t.data, headers)


def _silent(silent: sweeps.Silent) -> tuple[Any, ...]:
    assert silent.envelope is not None
    return (silent.token, QUEUES[silent.queue - 1], _content(silent.envelope))
