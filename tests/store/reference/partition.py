"""Every call that changes a partition."""

from collections.abc import Sequence
from typing import NamedTuple

from redflow.store.executions import Start
from tests.store.reference.ending import close, open_call
from tests.store.reference.outcomes import record
from tests.store.reference.pausing import hands_out, pause_execution, pause_partition
from tests.store.reference.rerunning import Rerun, purge, rerun, skip_step
from tests.store.reference.signals import deliver
from tests.store.reference.starting import start, start_child
from tests.store.reference.stopping import stop_execution
from tests.store.reference.sweeping import list_due, promote, reclaim
from tests.store.state import Call, Contents, Outcome, Token


class Answer(NamedTuple):
    """What a call answers; what it leaves to others stands in `Partition.last`."""

    words: list[str]
    orders: list[str]
    ended: list[tuple[str, str]]


class Partition(Contents):
    """The state of a partition and every call that changes it."""

    # --- executions

    def start(
        self, now: int, starts: Sequence[Start], names: Sequence[str], hashes: Sequence[str]
    ) -> Answer:
        """Start executions of published workflows."""
        call = open_call(self, now)
        words = [start(call, s, names[s.workflow - 1], hashes[s.plan - 1]) for s in starts]
        return _answer(call, words)

    def start_child(
        self, now: int, token: Token, meta: str, child: str, workflow: str, plan: str, version: int,
        digest: str, value: bytes,
    ) -> Answer:  # fmt: skip
        """Start a child of a step."""
        call = open_call(self, now)
        word = start_child(call, token, meta, child, workflow, plan, version, digest, value)
        return _answer(call, [word])

    def stop(self, now: int, execution: str, kind: str, body: bytes) -> Answer:
        """Cancel (c) or fail (f) an execution."""
        call = open_call(self, now)
        return _answer(call, [stop_execution(call, self.executions.get(execution), kind, body)])

    def signal(self, now: int, execution: str, name: str, signal: str, payload: bytes) -> Answer:
        """Deliver a signal."""
        call = open_call(self, now)
        found = self.executions.get(execution)
        return _answer(call, [deliver(call, found, name, signal, payload)])

    def pause(
        self, now: int, executions: Sequence[str], *, on: bool, letter: str, note: bytes
    ) -> Answer:
        """Pause or resume executions."""
        call = open_call(self, now)
        found = [self.executions.get(one) for one in executions]
        words = [pause_execution(call, one, on=on, letter=letter, note=note) for one in found]
        return _answer(call, words)

    def pause_partition(self, now: int, what: str, name: str, *, on: bool, note: bytes) -> Answer:
        """Pause or resume a queue, a workflow or the namespace."""
        word = pause_partition(self, what, name, on=on, note=note)
        return _answer(open_call(self, now), [word])

    def skip(self, now: int, execution: str, number: int, value: bytes, not_taken: str) -> Answer:
        """Settle a step by hand."""
        call = open_call(self, now)
        word = skip_step(call, self.executions.get(execution), number, value, not_taken)
        return _answer(call, [word])

    def rerun(self, now: int, given: Rerun) -> Answer:
        """Run an ended execution again."""
        call = open_call(self, now)
        return _answer(call, [rerun(call, given)])

    def purge(
        self, now: int, rows: Sequence[tuple[str, str]], completed_before: int, others_before: int
    ) -> list[str]:
        """Remove executions that ended long ago."""
        call = open_call(self, now)
        words = [
            purge(call, *row, completed_before=completed_before, others_before=others_before)
            for row in rows
        ]
        return _answer(call, words).words

    # --- workers

    def advance(
        self, now: int, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]], worker: str
    ) -> tuple[list[int], list[tuple[Token, int]], list[str], list[tuple[str, str]]]:
        """Record outcomes, then hand out tokens: (token, whether to drop it)."""
        call = open_call(self, now, [outcome.token.execution for outcome in outcomes])
        codes = [record(call, outcome) for outcome in outcomes]
        close(call)
        claimed = [
            (token, int(self._stopping(token.execution)))
            for queue, count in claims
            if hands_out(self, queue)
            for token in [t for t in self.streams[queue] if t.consumer is None][:count]
        ]
        for token, _ in claimed:
            token.consumer, token.silent = worker, False
        return codes, claimed, call.orders, call.ended

    def extend(self, worker: str, tokens: Sequence[Token]) -> list[str]:
        """Renew leases."""
        words = []
        for token in tokens:
            if not token.live or token.consumer is None:
                words.append("lost")
                continue
            token.consumer, token.silent = worker, False
            words.append("stop" if self._stopping(token.execution) else "ok")
        return words

    # --- sweeps

    def reclaim(
        self, now: int, tokens: Sequence[Token], deliveries_limit: int, lost_error: bytes
    ) -> Answer:
        """Re-issue steps whose lease ran out."""
        call = open_call(self, now, [token.execution for token in tokens])
        return _answer(call, [reclaim(call, t, deliveries_limit, lost_error) for t in tokens])

    def promote(self, now: int, members: Sequence[str], timeout_error: bytes) -> Answer:
        """Fire timers and carry out orders."""
        call = open_call(self, now, [member.split(":")[1] for member in members])
        return _answer(call, [promote(call, member, timeout_error) for member in members])

    def bump_epoch(self, now: int, server: tuple[str, str, str], lease: int) -> tuple[str, int]:
        """Take note of the history that the server's data have."""
        call = open_call(self, now)
        word = self.sweeper.meet(call, server, lease)
        close(call)
        return word, self.sweeper.epoch

    def list_due(
        self, now: int, worker: str, *, lease: int, sweep_lease: int, sweep_gap: int, limit: int
    ) -> tuple[int, list[str], list[Token]]:
        """When the next timer is due (0: none), due members and silent tokens."""
        return list_due(
            self, now, worker, lease=lease, sweep_lease=sweep_lease, sweep_gap=sweep_gap,
            limit=limit,
        )  # fmt: skip

    def _stopping(self, execution_id: str) -> bool:
        execution = self.executions.get(execution_id)
        return execution is not None and execution.stopping_since is not None


def _answer(call: Call, words: list[str]) -> Answer:
    close(call)
    return Answer(words, call.orders, call.ended)
