"""Random workflows with every kind of node, and clients that start, repeat and meddle."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from redflow.client import AsyncClient
from redflow.errors import Conflict, InvalidInput, NotFound, StoreError
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Node, Workflow
from tests.store.dags import QUEUES, random_workflow

ALL_QUEUES = tuple(sorted(set(QUEUES)))
RETRY = RetryPolicy(max_attempts=4, initial_interval=0.2, maximum_interval=1.0)
SIZES = (1, 2, 3, 4, 6, 8)


def make_workflows(rng: Random) -> list[Workflow]:
    """A child, and some workflows that may run it."""
    child = Workflow("child", nodes=(_work("a"), Node("b", "wait", config={"duration": 0.1})))
    child = replace(child, allow_disconnected=True)
    made = [child]
    for number in range(rng.randint(1, 2)):
        made.append(_varied(rng, random_workflow(rng, f"wf{number}", rng.choice(SIZES))))
    return made


def _work(name: str) -> Node:
    return Node(name, "function", config={"function": "work"}, retry=RETRY)


def _varied(rng: Random, workflow: Workflow) -> Workflow:
    """Other types in the place of some nodes, retries and timeouts."""
    undos = {node.compensation for node in workflow.nodes}
    nodes = [_other(rng, node, node.id not in undos) for node in workflow.nodes]
    return replace(workflow, nodes=tuple(nodes))


def _other(rng: Random, node: Node, forward: bool) -> Node:
    when = node.compensate_when if node.compensation else "started"
    kind, config = "function", dict[str, Any](function="work")
    draw = rng.random() if forward and not node.labels else 1.0
    if draw < 0.12:
        kind, config = "wait", {"duration": rng.choice([0.05, 0.5, 2.0])}
    elif draw < 0.24:
        kind, config = "signal", {"timeout": rng.choice([0.5, 3.0])}
    elif draw < 0.34:
        kind, config = "subworkflow", {"workflow": "child"}
    late = kind == "function" and rng.random() < 0.2
    return replace(
        node,
        type=kind,
        config=config,
        compensate_when=when,
        retry=RETRY if rng.random() < 0.6 else None,
        timeout=rng.choice([0.3, 2.0]) if late else node.timeout,
    )


@dataclass
class Asked:
    """What the clients know: starts that were acknowledged, by how many calls had been made."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    tried: dict[str, str] = field(default_factory=dict)
    """Every start that was asked for, and its workflow."""
    workflow_nodes: dict[str, list[str]] = field(default_factory=dict)


class Customer:
    """A client and what it does: starts, repeated starts, signals, cancels, pauses, skips."""

    def __init__(self, client: AsyncClient, rng: Random, asked: Asked, name: str) -> None:
        self._client, self._rng, self._asked, self._name = client, rng, asked, name
        self.now = lambda: (0, 0)
        """The history of the server, and how many calls were made."""

    async def run(self, workflows: Sequence[str], starts: int) -> None:
        """Start executions one after the other, and meddle in between."""
        rng, asked = self._rng, self._asked
        for number in range(starts):
            await asyncio.sleep(rng.random() * 0.5)
            id = f"{self._name}-{number}"
            asked.tried[id] = rng.choice(workflows)
            await self._start(id)
            for _ in range(rng.choice([0, 1, 1, 2])):
                await asyncio.sleep(rng.random() * 0.4)
                await self._meddle(rng.choice(list(asked.tried)))

    async def _start(self, id: str) -> None:
        """Start; nobody knows whether an unanswered start was made."""
        options = {"timeout": 20.0} if sum(map(ord, id)) % 5 == 0 else {}
        history = self.now()[0]
        with suppress(StoreError):
            await self._client.execute(self._asked.tried[id], {"of": id}, id=id, **options)
            # An answer of a server that is gone by now promises nothing.
            if self.now()[0] == history:
                self._asked.acknowledged[id] = self.now()[1]

    async def _meddle(self, id: str) -> None:
        """What is refused for a good reason is no fault."""
        rng, client = self._rng, self._client
        node = rng.choice(self._asked.workflow_nodes[self._asked.tried[id]])
        act = rng.choice("start start signal signal signal cancel pause resume skip fail".split())
        with suppress(StoreError, Conflict, NotFound, InvalidInput):
            if act == "start":
                await self._start(id)
            elif act == "signal":
                await client.signal_execution(id, node, "hello", signal_id=f"s{rng.random()}")
            elif act == "cancel" and rng.random() < 0.4:
                await client.cancel_execution(id, "enough")
            elif act == "pause":
                await client.pause_execution(id)
            elif act == "resume":
                await client.resume_execution(id)
            elif act == "skip":
                await client.skip_step(id, node, "skipped")
            elif act == "fail" and rng.random() < 0.3:
                await client.fail_execution(id, "no more")
