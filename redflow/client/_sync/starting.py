# GENERATED from redflow/client/_async/starting.py by tests/tools/unasync.py: change that file.
"""Starting executions: one round trip when all is known, more when something has changed."""

from collections.abc import Sequence
from dataclasses import replace

from redflow.client._sync.namespace import Namespace
from redflow.client._sync.orders import Orders
from redflow.client._sync.plans import Plans
from redflow.client._sync.storing import keep
from redflow.client.answers import keeps_changing, read_answers
from redflow.client.requests import Batch, OnStarted, Options, Request, batches
from redflow.errors import Conflict, NotFound, StoreError
from redflow.store.executions import start_executions

CHANGES = 5  # new versions met by one call
PIPELINED = 16  # calls sent in one round trip: up to 1,600 executions or 16 MiB

Reply = tuple[list[str], list[str]]


class Starter:
    """Starts executions of one namespace."""

    def __init__(
        self,
        namespace: Namespace,
        plans: Plans,
        orders: Orders,
        on_started: OnStarted | None,
    ) -> None:
        self._namespace = namespace
        self._values = namespace.values
        self._plans = plans
        self._orders = orders
        self._on_started = on_started

    def start(self, options: Options, requests: Sequence[Request]) -> list[Conflict]:
        """Start executions and return the conflicts; safe to repeat with the same ids.

        Large inputs are stored first. Raises NotFound, StoreError; OutOfMemory near maxmemory;
        Conflict when the workflow takes no executions.
        """
        if self._values.payloads is not None:
            requests = self._kept(requests)
        plan = self._plans.to_start(options.workflow, options.version)
        space = self._namespace.space()
        todo = batches(space.keys, plan, requests)
        conflicts: list[Conflict] = []
        for _ in range(CHANGES):
            again: list[Batch] = []
            for first in range(0, len(todo), PIPELINED):
                page = todo[first : first + PIPELINED]
                for batch, reply in zip(page, self._ask(options, page), strict=True):
                    again += self._take_in(options, batch, reply, conflicts)
            if not again:
                return conflicts
            todo = again
        raise keeps_changing(options.workflow)

    def _kept(self, requests: Sequence[Request]) -> list[Request]:
        """Put large inputs into the payload store, ahead of what refers to them."""
        aways = [one.away for one in requests if one.away is not None]
        references = iter(keep(self._values, aways))
        return [
            one if one.away is None else replace(one, input=next(references)) for one in requests
        ]

    def _take_in(
        self, options: Options, batch: Batch, reply: Reply, conflicts: list[Conflict]
    ) -> list[Batch]:
        """Work through the reply to one batch; return what has to be asked again."""
        statuses, orders = reply
        try:
            name, where = self._namespace.name, self._namespace.connector.where
            answers = read_answers(options, name, where, batch.requests, statuses)
        except NotFound:
            self._plans.forget(options.workflow)
            raise
        conflicts += answers.conflicts
        if self._on_started is not None:
            self._on_started(options.workflow, statuses.count("ok"))
        if orders:
            known = {request.id: batch.plan for request in batch.requests}
            self._orders.carry_out(batch.partition, orders, known)
        again: list[Batch] = []
        if answers.older:
            again.append(Batch(batch.partition, batch.plan, answers.older))
        for content_hash, requests in answers.moved.items():
            plan = self._plans.of_latest(options.workflow, content_hash)
            again.append(Batch(batch.partition, plan, requests))
        return again

    def _ask(self, options: Options, todo: Sequence[Batch]) -> list[Reply]:
        space = self._namespace.space()
        ops = [
            start_executions(
                space,
                batch.partition,
                [request.start(options.version) for request in batch.requests],
                workflows=[options.workflow],
                plans=[batch.plan.hash],
                queues=batch.plan.queues,
                claim=options.claim,
            )
            for batch in todo
        ]
        try:
            return self._namespace.driver.run_many(ops)
        except StoreError as error:
            if "PLAN" not in str(error):
                raise
        self._restore_plans(todo)
        return self._namespace.driver.run_many(ops)

    def _restore_plans(self, todo: Sequence[Batch]) -> None:
        """Give partitions the plan that one of them has lost; raises NotFound if all is gone."""
        self._namespace.forget()
        self._namespace.space()
        for batch in todo:
            self._plans.put(batch.plan, [batch.partition])
