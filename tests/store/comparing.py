"""What a server holds of a partition against what the reference holds of it, field by field."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from redflow.model.event import EVENT_TYPES
from redflow.store import steps, sweeps
from redflow.store.op import Word
from redflow.store.steps import read_envelope
from tests.store.reference.partition import Partition
from tests.store.rendering import fields_of
from tests.store.state import Call, Execution, Token
from tests.store.support import Store, pairs, scores

QUEUES = ("default", "mail", "slow-2")
_TOKEN = re.compile(rb"[FX][^\n]*,(\d+-\d+)(?:\n|$)")
ZSETS = ("timers", "live", "stopping", "completed", "failed", "cancelled")


class Difference(AssertionError):
    """The server and the reference disagree."""


class Comparison:
    """A partition on a server beside its reference; `answers` counts what the calls answered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.model = Partition(store.limits, QUEUES)
        self.answers: Counter[str] = Counter()
        self.calls = 0
        self._seen = {"events": "-", "done": "-"}
        store.prepare(QUEUES)

    def compare_all(self) -> None:
        """Compare every execution, token and timer, whichever call touched it last."""
        ids = list(self.model.executions)
        streams, rest = self._snapshot(ids)
        self._compare_streams(streams)
        self._compare_rest(ids, rest)
        self.equal("check_partition", self.problems(ids), [])

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
            plans=self.plans_of(ids), tokens=tokens, members=members,
        )  # fmt: skip
        return self.store.run(op)

    def compare_call(self, name: str, seen: object, expected: object) -> None:
        """Compare indexes and the executions of the call; streams come first, they name tokens."""
        self.calls += 1
        touched = [one for one in self.model.last.touched if one in self.model.executions]
        streams, rest = self._snapshot(touched)
        self._compare_streams(streams)
        self.equal(f"answer of {name}", seen, expected)
        self._compare_rest(touched, rest)
        if touched:
            self.equal(f"check_partition after {name}", self.problems(touched), [])

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
            self.equal(f"tokens in {queue}", len(entries), len(tokens))
            for token, (name, (_, envelope)) in zip(tokens, entries, strict=True):
                token.name = token.name or name.decode()
                self.equal(f"token in {queue}", name.decode(), token.name)
                seen = content(read_envelope(envelope))
                self.equal(f"envelope {token.name}", seen, carried(token))
            owners = {token.name: token.consumer for token in tokens if token.consumer}
            claimed = {name.decode(): consumer.decode() for name, consumer, _, _ in pending}
            self.equal(f"leases in {queue}", claimed, owners)

    def _compare_rest(self, ids: Sequence[str], replies: list[Any]) -> None:
        store, model = self.store, self.model
        for name, members in zip(ZSETS, replies, strict=False):
            self.equal(name, scores(members), self._expected_zset(name))
        self._compare_events(replies[6])
        self._compare_done(replies[7])
        model.last = Call(model, 0)
        self.equal("sweeper", pairs(replies[8]), self._expected_sweeper())
        for one, reply in zip(ids, replies[9:], strict=True):
            fields = pairs(reply)
            _name_short_lived(model.executions[one], fields)
            self.equal(f"execution {one}", fields, fields_of(model.executions[one], store.limits))

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
        if sweeper.full:
            fields["full"] = str(sweeper.full)
        if sweeper.hold is not None:
            fields["hold"] = str(sweeper.hold)
        if sweeper.server is not None:
            fields |= {"server": " ".join(sweeper.server), "epoch": str(sweeper.epoch)}
        packed = {name: value.encode() for name, value in fields.items()}
        if self.model.notes:
            paused = self.model.paused_queues
            packed["paused"] = f",{','.join(paused)},".encode() if paused else b""
        return packed | {f"note:{name}": note for name, note in self.model.notes.items()}

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
            self.equal("records so far", int(fields["n"]), self.model.records)
        self.equal("events", sorted(seen, key=lambda event: event[1:3]), expected)
        self.count("event", (EVENT_TYPES[event[0]] for event in seen))
        self.equal("entries of events", len(entries), min(len(expected), 1))

    def _compare_done(self, entries: list[Any]) -> None:
        lines = [
            line
            for fields in self._new("done", entries)
            for line in fields["e"].decode().split("\n")
        ]
        expected = [" ".join(one) for one in self.model.last.ended]
        self.equal("done", sorted(lines), sorted(expected))

    def keys_of(self, tokens: Any) -> tuple[list[str], list[str]]:
        """Executions and plans a call declares for tokens; a purged execution needs no plan."""
        ids = list(dict.fromkeys(token.execution for token in tokens))
        return ids, self.plans_of(ids)

    def plans_of(self, ids: Sequence[str]) -> list[str]:
        """Plans that a call declares for executions that exist."""
        known = (self.model.executions.get(one) for one in ids)
        return list(dict.fromkeys(execution.plan.hash for execution in known if execution))

    def count(self, name: str, words: Any) -> None:
        """Count what calls answered."""
        self.answers.update(f"{name} {word}" for word in words)

    def equal(self, what: str, seen: object, expected: object) -> None:
        """Fail with what differs."""
        if seen == expected:
            return
        if isinstance(seen, dict) and isinstance(expected, dict):
            names = [n for n in {*seen, *expected} if seen.get(n) != expected.get(n)]
            seen = {name: seen.get(name) for name in names}
            expected = {name: expected.get(name) for name in names}
        raise Difference(f"call {self.calls}, {what}:\n  server    {seen}\n  reference {expected}")


def _name_short_lived(execution: Execution, fields: dict[str, bytes]) -> None:
    """Learn the names of tokens that were issued and consumed in the same call."""
    for step in execution.steps[1:]:
        if step.token and not step.token.name:
            found = _TOKEN.match(fields.get(f"s{step.number}", b""))
            step.token.name = found[1].decode() if found else "a name"


def content(envelope: steps.Envelope) -> tuple[Any, ...]:
    """What a token on the server carries."""
    e = envelope
    data = None if e.data is None else [bytes(value) for value in e.data]
    resume = None if e.resume is None else msgspec.msgpack.encode(e.resume)
    counts = (e.attempt, e.deliveries, e.releases)
    return (*counts, e.execution, e.step, e.plan, data, e.headers, resume)


def carried(token: Token) -> tuple[Any, ...]:
    """What a token of the reference carries."""
    t = token
    headers = msgspec.msgpack.decode(t.headers) if t.headers else None
    counts = (t.attempt, t.deliveries, t.releases)
    return (*counts, t.execution, t.step, t.plan, t.data, headers, t.resume)


def silent_content(silent: sweeps.Silent) -> tuple[Any, ...]:
    """What a sweep is told of a token."""
    assert silent.envelope is not None
    return (silent.token, QUEUES[silent.queue - 1], content(silent.envelope))
