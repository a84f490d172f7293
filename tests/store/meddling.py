"""What producers and operators do to executions at any moment: signals, stops, pauses, reruns."""

from collections.abc import Sequence
from random import Random

import msgspec

from redflow.model.ids import rerun_id
from redflow.model.plan import Plan
from redflow.model.rerun import EndedStep, plan_compensation, plan_rerun
from tests.store.comparing import QUEUES
from tests.store.operating import NOBODY, OperatedPair
from tests.store.reference.rerunning import Rerun
from tests.store.reporting import NAMES, Reporter
from tests.store.state import LIVE, RUNNING, Execution

pack = msgspec.msgpack.encode


class Meddler:
    """Random calls from outside; each answers the orders that came of it."""

    def __init__(self, rng: Random, pair: OperatedPair, reporter: Reporter, reruns: int) -> None:
        self.rng = rng
        self.pair = pair
        self.reporter = reporter
        self.reruns = reruns
        self.signals = 0

    # --- signals

    def signal(self) -> list[str]:
        """Deliver a signal, now and then one that has been delivered."""
        for execution in [self._any() for _ in range(self.rng.randint(1, 3))]:
            self._signal(execution)
            self._sometimes_again()
        return []

    def _signal(self, execution: str) -> None:
        rng = self.rng
        self.signals += 1
        number = rng.randrange(self.signals) if rng.random() < 0.1 else self.signals
        payload = pack("p" * rng.choice([0, 8, 60]))
        self.pair.signal(execution, rng.choice(NAMES), f"signal {number}", payload)

    # --- stops and pauses

    def stop(self) -> list[str]:
        """Cancel or fail an execution."""
        kind, execution = self.rng.choice("ccf"), self._any()
        orders = self.pair.stop(execution, kind, pack({"reason": "enough"}))
        orders = orders + self._sometimes_again()
        if self.rng.random() < 0.5:
            self._signal(execution)
        return orders

    def pause(self) -> list[str]:
        """Pause executions, or let them go on."""
        rng = self.rng
        chosen = list(dict.fromkeys(self._any() for _ in range(rng.randint(1, 3))))
        on, letter = rng.random() < 0.6, rng.choice("ppw")
        paused = [one.id for one in self.pair.model.executions.values() if letter in one.paused]
        if not on and paused and rng.random() < 0.8:
            chosen = rng.sample(paused, 1)
        return self.pair.pause(chosen, on=on, letter=letter) + self._sometimes_again()

    def pause_partition(self) -> list[str]:
        """Pause a queue, a workflow or the namespace, or let it go on."""
        rng = self.rng
        what = rng.choice(["queue", "queue", "workflow", "workflow", "namespace"])
        names = {"queue": QUEUES, "workflow": ("wf0", "wf1", "wf2", "nobody-knows")}
        name = rng.choice(names.get(what, "*"))
        self.pair.pause_partition(what, name, on=rng.random() < 0.4)
        self._sometimes_again()
        return []

    # --- steps and ended executions

    def skip(self) -> list[str]:
        """Settle some step, mostly a live one, mostly of a running execution."""
        rng, executions = self.rng, self.pair.model.executions
        name = self._any()
        if name not in executions:
            return self.pair.skip(name, 1, self.reporter.value(), "")
        execution = executions[name]
        live = [step.number for step in execution.steps if step.state in LIVE]
        step = rng.randint(1, execution.plan.forward)
        if live and rng.random() < 0.7:
            step = rng.choice(live)
        routed = self.reporter.not_taken(execution.plan.step(step))
        orders = self.pair.skip(name, step, self.reporter.value(), routed)
        return orders + self._sometimes_again()

    def rerun(self, plans: Sequence[tuple[str, Plan]]) -> list[str]:
        """Run an ended execution again, or try to."""
        if self.reruns == 0:
            return []
        self.reruns -= 1
        rng, executions = self.rng, self.pair.model.executions
        ended = [one for one in executions.values() if one.ended]
        if not ended or rng.random() < 0.2:
            return self._rerun_wrongly(plans)
        telling = [_failed_to_undo, _has_chosen, lambda _: True]
        told = rng.choice(telling)
        old = rng.choice([one for one in ended if told(one)] or ended)
        newest = dict(plans).get(old.workflow, old.plan)
        given = self._planned(old, rng.choice([old.plan, newest]))
        return self.pair.rerun(given) + self._sometimes_again()

    def _planned(self, old: Execution, plan: Plan) -> Rerun:
        rng = self.rng
        undone = _records(old)
        failed = _failed_to_undo(old) and rng.random() < 0.7
        whole, node = rng.random() < 0.2, None
        if rng.random() < 0.5:
            node = rng.choice(plan.nodes)
        if failed:
            plan, made = old.plan, plan_compensation(old.plan, undone, undo_list=old.undo)
        else:
            made = plan_rerun(
                old.plan, plan, undone, from_node=node, with_input=whole, undo_list=old.undo
            )
        value = self.reporter.value() if whole and not failed else None
        return Rerun(
            old.id, self._new_id(old), old.workflow, plan.hash, plan.version,
            old.digest if value is None else "another", value, made.copies, made.undos,
            failed,
        )  # fmt: skip

    def _rerun_wrongly(self, plans: Sequence[tuple[str, Plan]]) -> list[str]:
        """Run what has not ended, what is not there, or of a workflow that does not start."""
        rng = self.rng
        workflow, plan = rng.choice(plans)
        old = self._any()
        ended = [one.id for one in self.pair.model.executions.values() if one.ended]
        if ended and rng.random() < 0.7:
            old, workflow = rng.choice(ended), rng.choice(["nobody-knows", "resting"])
        given = Rerun(old, f"{old}~r", workflow, plan.hash, 1, "digest", b"\x01", (), ())
        return self.pair.rerun(given)

    def _new_id(self, old: Execution) -> str:
        """The next id of a rerun; now and then one that is taken."""
        taken = self.pair.model.executions
        if self.rng.random() < 0.1:
            return self.rng.choice([one for one in taken if one != old.id] or [old.id + "~r1"])
        number = 1
        while rerun_id(old.id, number) in taken:
            number += 1
        return rerun_id(old.id, number)

    def purge(self) -> list[str]:
        """Retention removes what ended long ago."""
        rng, now, executions = self.rng, self.pair.now, self.pair.model.executions
        chosen = [self._any() for _ in range(rng.randint(1, 3))]
        ended = [one for one in executions.values() if one.ended]
        above = {one.id: executions.get(one.parent[0]) for one in ended if one.parent}
        kept = [one for one, parent in above.items() if parent and not parent.ended]
        chosen += [rng.choice(some) for some in (kept, [one.id for one in ended]) if some]
        chosen = list(dict.fromkeys(chosen))
        self.pair.purge(chosen, now + 1 - rng.choice([0, 0, 9000]), now + 1 - rng.choice([0, 9000]))
        self._sometimes_again()
        return []

    # --- the end

    def let_go(self) -> None:
        """Resume whatever is paused."""
        model = self.pair.model
        for name in list(model.paused_queues):
            self.pair.pause_partition("namespace" if name == "*" else "queue", name, on=False)
        for name in sorted(model.paused_workflows):
            self.pair.pause_partition("workflow", name, on=False)
        for letter in "pw":
            paused = [one.id for one in model.executions.values() if letter in one.paused]
            if paused:
                self.pair.pause(paused, on=False, letter=letter)

    def send_what_is_missing(self) -> None:
        """Deliver a signal to every step that would wait for it for ever."""
        for execution in list(self.pair.model.executions.values()):
            for name, waiters in execution.waiters.items():
                for number in list(waiters):
                    waiting = execution.steps[number].waiting
                    if waiting and not waiting.due and execution.may_run(number):
                        self.signals += 1
                        self.pair.signal(execution.id, name, f"signal {self.signals}", b"\x01")

    def _any(self) -> str:
        """Some execution: mostly one that runs, rarely one that is not there."""
        rng, executions = self.rng, self.pair.model.executions
        running = [one.id for one in executions.values() if one.phase == RUNNING]
        if running and rng.random() < 0.6:
            return rng.choice(running)
        if not executions or rng.random() < 0.03:
            return NOBODY
        return rng.choice(list(executions))

    def _sometimes_again(self) -> list[str]:
        if self.rng.random() >= 0.3:
            return []
        orders = self.pair.again()
        return orders if isinstance(orders, list) else []


def _failed_to_undo(execution: Execution) -> bool:
    steps = execution.plan.steps
    return any(s.undo_of and execution.steps[i].state == "F" for i, s in enumerate(steps, 1))


def _has_chosen(execution: Execution) -> bool:
    return any(step.not_taken for step in execution.steps)


def _records(execution: Execution) -> dict[int, EndedStep]:
    return {
        step.number: EndedStep(step.state, int(step.meta.split(",")[0] or 1), step.not_taken)
        for step in execution.steps[1:]
        if step.state
    }
