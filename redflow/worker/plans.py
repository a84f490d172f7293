"""Compiled workflows made runnable: read once per process, prepared once per step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from redflow.crypto.values import Field, place_of
from redflow.driver import AsyncDriver
from redflow.errors import InvalidInput, NotFound
from redflow.expressions import Template, parse_template
from redflow.metrics import Metrics, StepTally
from redflow.model.inputs import fields_of
from redflow.model.plan import DEFAULT_TIMEOUT, Plan, PlanStep, decode_plan
from redflow.model.plan_fields import given_fields, inline_needs
from redflow.nodes.base import NotOffered, Runner
from redflow.nodes.context import StepInfo
from redflow.nodes.registry import Registry
from redflow.nodes.services import Services
from redflow.store.keys import PartitionKeys
from redflow.store.steps import Ended
from redflow.store.workflows import read_plan

LOGGER = logging.getLogger("redflow.worker")


@dataclass(slots=True)
class Prepared:
    """A step of a plan, ready to run; `problem` says why this worker cannot."""

    plan: Plan
    number: int
    step: PlanStep
    runner: Runner | None
    problem: InvalidInput | None
    timeout: float | None
    fields: list[str]
    info: StepInfo
    tally: StepTally
    needs: list[str] | None
    """Fields whose values travel in the token."""
    given: list[str] | None
    """Those of them that are what its edges give."""
    places: list[tuple[Field, str]]
    """Where the values in `needs` belong."""
    is_plain: bool
    """Whether no expression makes or reads anything but the input that its edges give."""
    chooses: bool
    """Whether an expression decides about some edge when the step completes."""
    _templates: dict[int, Template | None] = field(default_factory=dict)

    def template_of(self, number: int) -> Template | None:
        """The template of the input of a step of this plan, this one's or one it has to do with."""
        if number not in self._templates:
            template = self.plan.step(number).template
            self._templates[number] = None if template is None else parse_template(template[0])
        return self._templates[number]

    @property
    def runs_while_stopping(self) -> bool:
        """Whether an end of its execution is no reason to end it: finalizers and undo steps."""
        return self.step.finalizer or self.step.undo_of > 0


class Plans:
    """Plans by hash and prepared steps; a plan never changes, so nothing is ever read twice."""

    def __init__(
        self,
        driver: AsyncDriver,
        registry: Registry,
        metrics: Metrics,
        *,
        namespace: str,
        worker_id: str,
        services: Services | None = None,
    ) -> None:
        self._driver = driver
        self._registry = registry
        self._metrics = metrics
        self._namespace = namespace
        self._worker_id = worker_id
        self._services = services
        self._plans: dict[str, Plan] = {}
        self._prepared: dict[tuple[str, int], Prepared] = {}
        self.queues: dict[str, None] = {}

    def count_ended(self, ended: Iterable[Ended]) -> None:
        """Count executions that ended; whoever's call ended them has read their plans."""
        ended = list(ended)
        for one in ended:
            self._metrics.count_duration(self._namespace, one.letter, one.took / 1000)
        counts = Counter((one.plan, one.letter) for one in ended)
        for (content_hash, letter), count in counts.items():
            plan = self._plans.get(content_hash)
            if plan is not None:
                self._metrics.count_ended(self._namespace, plan.workflow, letter, count)

    def known(self, content_hash: str, number: int) -> Prepared | None:
        """A step that is prepared already."""
        return self._prepared.get((content_hash, number))

    async def get(self, partition: PartitionKeys, content_hash: str) -> Plan:
        """The plan; raises NotFound when the partition has lost it."""
        plan = self._plans.get(content_hash)
        if plan is None:
            data = await self._driver.run(read_plan(partition, content_hash))
            if data is None:
                raise NotFound(
                    f"plan {content_hash} is not stored in partition {partition.number}",
                    hint="register its workflow again",
                )
            plan = decode_plan(data)
            self._plans[content_hash] = plan
            self.queues.update(dict.fromkeys(plan.queues))
        return plan

    async def prepare(self, partition: PartitionKeys, content_hash: str, number: int) -> Prepared:
        """A step made runnable; functions that are unknown now are so until a restart."""
        plan = await self.get(partition, content_hash)
        step = plan.step(number)
        runner, problem = self._runner(step)
        needs = inline_needs(step)
        timeout = step.timeout
        if timeout == DEFAULT_TIMEOUT:
            timeout = None if runner is None else runner.timeout
        prepared = Prepared(
            plan=plan,
            number=number,
            step=step,
            runner=runner,
            problem=problem,
            timeout=timeout,
            fields=fields_of(plan, number),
            info=StepInfo(
                self._namespace,
                plan.workflow,
                plan.version,
                step.id,
                self._worker_id,
                timeout,
                self._services,
                step.config,
            ),
            tally=self._metrics.steps(self._namespace, step.type),
            needs=needs,
            given=given_fields(step),
            places=[place_of(plan, name) for name in needs or ()],
            is_plain=step.template is None and not step.reads,
            chooses=any(edge.when is not None for edge in step.edges),
        )
        self._prepared[content_hash, number] = prepared
        return prepared

    def _runner(self, step: PlanStep) -> tuple[Runner | None, InvalidInput | None]:
        node_type = self._registry.types.get(step.type)
        if node_type is None:
            return None, NotOffered(f"node type {step.type!r} is not registered in this worker")
        try:
            return node_type.runner(step.config, self._registry), None
        except InvalidInput as problem:
            return None, problem
        except Exception as error:  # a node type of the application may raise anything
            LOGGER.exception("node type %s cannot prepare step %s", step.type, step.id)
            return None, InvalidInput(f"node type {step.type!r} cannot prepare the step: {error!r}")
