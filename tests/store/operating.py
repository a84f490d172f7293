"""The calls of producers and operators, each made to both sides of a pair."""

from collections.abc import Sequence
from functools import partial

from redflow.store import reruns, stopping, waiting
from tests.store.comparing import QUEUES
from tests.store.paired import Pair
from tests.store.reference.partition import Answer
from tests.store.reference.rerunning import Rerun

NOBODY = "nobody"
"""The id of no execution; its calls declare any plan."""


class OperatedPair(Pair):
    """A pair that can be told from outside what to do."""

    def stop(self, execution: str, kind: str, body: bytes) -> list[str]:
        """Cancel (c) or fail (f) an execution."""
        self._last = partial(self.stop, execution, kind, body)
        op = stopping.stop_execution(
            self.store.space, self.store.partition, kind=kind, body=body, execution=execution,
            plan=self._plan(execution), queues=QUEUES,
        )  # fmt: skip
        kept = body if kind == "c" else b"=" + body
        expected = self.model.stop(self.now, execution, kind, kept)
        real = self.store.run(op)
        return self.agree(f"stop-{kind}", ([real.word], real.orders, real.ended), expected)

    def signal(self, execution: str, name: str, signal: str, payload: bytes) -> str:
        """Deliver a signal; answers the word."""
        self._last = partial(self.signal, execution, name, signal, payload)
        op = waiting.deliver_signal(
            self.store.space, self.store.partition, execution=execution,
            plan=self._plan(execution), queues=QUEUES, name=name, id=signal, payload=payload,
        )  # fmt: skip
        expected = self.model.signal(self.now, execution, name, signal, payload)
        word = self.store.run(op)
        self.agree("signal", ([word], [], None), expected)
        return word

    def pause(
        self, executions: Sequence[str], *, on: bool, letter: str = "p", note: bytes = b"note"
    ) -> list[str]:
        """Pause or resume executions."""
        self._last = partial(self.pause, executions, on=on, letter=letter, note=note)
        op = stopping.pause_execution(
            self.store.space, self.store.partition, executions=executions,
            plans=self.plans_of(executions), queues=QUEUES, on=on, letter=letter, note=note,
        )  # fmt: skip
        words, orders = self.store.run(op)
        expected = self.model.pause(self.now, executions, on=on, letter=letter, note=note)
        return self.agree("pause" if on else "resume", (words, orders, None), expected)

    def pause_partition(self, what: str, name: str, *, on: bool, note: bytes = b"note") -> None:
        """Pause or resume a queue, a workflow's new executions or the namespace."""
        self._last = partial(self.pause_partition, what, name, on=on, note=note)
        op = stopping.pause_partition(
            self.store.space, self.store.partition, what=what, name=name, on=on, note=note
        )
        word = self.store.run(op)
        expected = self.model.pause_partition(self.now, what, name, on=on, note=note)
        self.agree(f"pause-{what}" if on else f"resume-{what}", ([word], [], None), expected)
        if what == "workflow" and name in self.model.workflows:
            found = self.store.hash(f"workflow:{name}")
            paused = b"1" if name in self.model.paused_workflows else b"0"
            kept = self.model.workflow_notes.get(name)
            self.equal(
                "paused workflow", (found.get("paused", b"0"), found.get("note")), (paused, kept)
            )

    def skip(self, execution: str, step: int, value: bytes, not_taken: str) -> list[str]:
        """Settle a step by hand."""
        self._last = partial(self.skip, execution, step, value, not_taken)
        op = stopping.skip_step(
            self.store.space, self.store.partition, execution=execution,
            plan=self._plan(execution), queues=QUEUES, step=step, value=value,
            not_taken=not_taken,
        )  # fmt: skip
        real = self.store.run(op)
        packed = (b"=" if len(value) <= self.store.limits.inline_value else b"@") + value
        expected = self.model.skip(self.now, execution, step, packed, not_taken)
        return self.agree("skip", ([real.word], real.orders, real.ended), expected)

    def rerun(self, given: Rerun) -> list[str]:
        """Run an ended execution again."""
        self._last = partial(self.rerun, given)
        op = reruns.rerun_execution(
            self.store.space, self.store.partition, old=given.old, new=given.new, plan=given.plan,
            queues=QUEUES, workflow=given.workflow, version=given.version, digest=given.digest,
            input=given.input, copies=given.copies, undos=given.undos,
            compensation=given.compensation,
        )  # fmt: skip
        real = self.store.run(op)
        expected = self.model.rerun(self.now, given)
        return self.agree("rerun", ([real.word], real.orders, real.ended), expected)

    def purge(self, executions: Sequence[str], completed_before: int, others_before: int) -> None:
        """Remove executions that ended long ago."""
        self._last = partial(self.purge, executions, completed_before, others_before)
        rows = [(one, self._parent(one)) for one in executions]
        op = reruns.purge_executions(
            self.store.space, self.store.partition, executions=rows,
            completed_before=completed_before, others_before=others_before,
        )  # fmt: skip
        words = self.store.run(op)
        expected = self.model.purge(self.now, rows, completed_before, others_before)
        self.agree("purge", (words, [], None), Answer(expected, [], []))

    def _plan(self, execution: str) -> str:
        found = self.model.executions.get(execution)
        return found.plan.hash if found else next(iter(self.model.plans))

    def _parent(self, execution: str) -> str:
        found = self.model.executions.get(execution)
        return found.parent[0] if found and found.parent else ""
