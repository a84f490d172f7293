# GENERATED from redflow/client/_async/rerunning.py by tests/tools/unasync.py: change that file.
"""Running ended executions again: what is kept, what runs, and under which id."""

from dataclasses import dataclass, replace

from redflow.client._sync.acting import Acting, Target
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.plans import Plans
from redflow.client._sync.reading import Reader
from redflow.client._sync.storing import packed
from redflow.client.refusals import (
    inactive_workflow,
    no_room,
    still_running,
    unknown_execution,
)
from redflow.client.registered import unknown_workflow
from redflow.client.reruns import RerunOptions, ended_steps, no_free_id, rerun_digest, rerun_ids
from redflow.crypto.values import Field
from redflow.errors import Conflict, NotFound, OutOfMemory
from redflow.model.plan import Plan
from redflow.model.rerun import RerunPlan, plan_compensation, plan_rerun
from redflow.store.keys import PartitionKeys
from redflow.store.records import RawExecution
from redflow.store.reruns import rerun_execution


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rerun that has been decided: of what, and along which plan."""

    raw: RawExecution
    partition: PartitionKeys
    plan: Plan
    rerun: RerunPlan


class Rerunning:
    """Reruns executions of one namespace."""

    def __init__(
        self,
        namespace: Namespace,
        plans: Plans,
        reader: Reader,
        acting: Acting,
    ) -> None:
        self._namespace = namespace
        self._plans = plans
        self._reader = reader
        self._acting = acting

    def plan(self, execution: str, options: RerunOptions) -> RerunPlan:
        """Say what a rerun would do, and the id it would probably have; changes nothing."""
        prepared = self._prepare(execution, options)
        return replace(prepared.rerun, id=next(iter(rerun_ids(prepared.raw))))

    def rerun(self, execution: str, options: RerunOptions) -> str:
        """Run an ended execution again; answers the new id. Raises NotFound, Conflict."""
        prepared = self._prepare(execution, options)
        digest = rerun_digest(prepared.raw, options, self._namespace.values)
        for new in rerun_ids(prepared.raw):
            if self._start(prepared, new, options, digest):
                return new
        raise no_free_id(execution)

    def _start(self, prepared: Prepared, new: str, options: RerunOptions, digest: str) -> bool:
        """Start a rerun under an id; answers whether that was free."""
        raw, plan = prepared.raw, prepared.plan
        space = self._namespace.space()
        given = options.input
        if given is not None:
            given = packed(self._namespace.values, given, new, Field.INPUT)
        op = rerun_execution(
            space,
            prepared.partition,
            old=raw.id,
            new=new,
            plan=plan.hash,
            queues=plan.queues,
            workflow=raw.workflow,
            version=prepared.rerun.version,
            digest=digest,
            input=given,
            copies=prepared.rerun.copies,
            undos=prepared.rerun.undos,
            compensation=options.compensation,
        )
        word, orders, _ = self._acting.ask(prepared.partition, plan, op)
        if word == "conflict":
            return False
        self._refuse(raw, word)
        self._acting.carry_out(Target(new, space, prepared.partition, plan), orders)
        return True

    def _refuse(self, raw: RawExecution, word: str) -> None:
        """Raise what a word stands for, unless the rerun has started."""
        name = self._namespace.name
        errors: dict[str, Conflict | NotFound | OutOfMemory] = {
            "gone": unknown_execution(raw.id, name),
            "running": still_running(raw.id),
            "full": no_room(self._namespace.connector.where),
            "inactive": inactive_workflow(raw.workflow),
            "unknown": unknown_workflow(raw.workflow, name),
        }
        if word in errors:
            raise errors[word]

    def _prepare(self, execution: str, options: RerunOptions) -> Prepared:
        """Read an ended execution with all its records and decide; raises NotFound, Conflict."""
        raw = (self._reader.look(execution)).raw
        if raw.ended is None:
            raise still_running(execution)
        partition = self._namespace.partition_of(execution)
        old = self._reader.plan_of(raw)
        records = ended_steps(self._reader.records(raw, range(1, len(old.steps) + 1)))
        undone = self._undo_list(partition, raw)
        if options.compensation:
            return Prepared(raw, partition, old, plan_compensation(old, records, undo_list=undone))
        new = old
        if options.version is not None:
            new = self._plans.of_version(raw.workflow, options.version)
        rerun = plan_rerun(
            old,
            new,
            records,
            from_node=options.from_node,
            with_input=options.input is not None,
            undo_list=undone,
        )
        return Prepared(raw, partition, new, rerun)

    def _undo_list(self, partition: PartitionKeys, raw: RawExecution) -> list[int]:
        """Return the steps that were to be undone, in the order they settled."""
        found = self._reader.fields(partition, raw.id, "o", list(range(1, raw.undo_total + 1)))
        return [int(value) for value in found.values() if value is not None]
