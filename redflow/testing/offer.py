"""What the worker of an environment offers: a registry whose every step is watched and stubbed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from redflow.errors import InvalidInput
from redflow.model.workflow import Workflow
from redflow.nodes.base import NodeType, Runner
from redflow.nodes.context import Context
from redflow.nodes.function import Function, FunctionNode
from redflow.nodes.registry import Registry
from redflow.testing.naming import near, unknown
from redflow.testing.stubs import Call, Stub, Target

Ended = Callable[[Context, str], bool]
"""Told that a step has run, with its function's name or its type; answers whether that is lost."""


class Offer(Registry):
    """Functions and node types of another registry, as they stand now, and stubs laid over them."""

    def __init__(self, source: Registry | None, hang: Callable[[Context], None]) -> None:
        super().__init__()
        if source is not None:
            self.functions = dict(source.functions)
            self.types = dict(source.types)
        self.types = {name: _watched(one, self) for name, one in self.types.items()}
        self.calls: list[Call] = []
        self.vanishes: Ended = lambda ctx, name: False
        self._hang = hang
        self._stubs: dict[tuple[Target, str], Stub] = {}
        self._named: dict[str, list[str]] = {}
        self._nodes: dict[str, None] = {}

    # What is known

    def learn(self, workflow: Workflow) -> None:
        """Know the nodes of a workflow; functions that are not here must be stubbed to run it."""
        for node in workflow.nodes:
            self._nodes[node.id] = None
            if node.compensation is not None:
                self._nodes[f"{node.id}~undo"] = None
            name = node.config.get("function")
            if node.type == FunctionNode.type and isinstance(name, str):
                named = self._named.setdefault(name, [])
                named += [node.id] if node.id not in named else []
                if name and name not in self.functions:
                    self.functions[name] = _missing(name)

    def put(self, stub: Stub) -> None:
        """Lay a stub over what has its name, in place of an earlier one; refuses unknown names."""
        known = self._known(stub.target)
        mistaken = stub.target == "function" and stub.name in self._nodes  # of another type
        certain = mistaken or stub.target == "node type" or near(stub.name, known) is not None
        if stub.name not in known and certain:
            raise self._refusal(stub)
        self._stubs[stub.target, stub.name] = stub

    def check_named(self, name: str) -> None:
        """Raise InvalidInput for what is like the name of a node or function, and is none."""
        known = {*self._real(), *self._named, *self._nodes}
        if name not in known and (known or near(name, known)):
            raise unknown("node or function", name, known, field="during")

    def check(self, workflow: Workflow) -> None:
        """Raise InvalidInput for a stub of nothing, and for a function that is neither here nor
        stubbed.
        """
        for stub in self._stubs.values():
            if stub.name not in self._known(stub.target):
                raise self._refusal(stub)
        for node in workflow.nodes:
            name = node.config.get("function")
            if node.type == FunctionNode.type and isinstance(name, str):
                self._check_function(node.id, name)

    def _check_function(self, node: str, name: str) -> None:
        function = self.functions.get(name)
        real = function is not None and not isinstance(function.call, _Missing)
        stubs = (("function", name), ("function", node), ("node", node))
        if real or any(one in self._stubs for one in stubs):
            return
        like = near(name, self._real())
        also = f" (there is {like!r})" if like else ""
        raise InvalidInput(
            f"node {node!r} calls function {name!r}, which is neither registered nor stubbed{also}",
            field="function",
            hint=f"give Environment the engine that registers it, or env.stub({name!r}, ...)",
        )

    def _known(self, target: Target) -> set[str]:
        if target == "function":  # a decorated one is known by its node
            nodes = (node for named in self._named.values() for node in named)
            return {*self._real(), *self._named, *nodes}
        return set(self._nodes if target == "node" else self.types)

    def _real(self) -> set[str]:
        return {n for n, one in self.functions.items() if not isinstance(one.call, _Missing)}

    def _refusal(self, stub: Stub) -> InvalidInput:
        if stub.target == "function" and stub.name in self._nodes:
            return InvalidInput(
                f"there is no function {stub.name!r}, but a node",
                field="name",
                hint=f"write env.stub(node={stub.name!r}, ...)",
            )
        return unknown(stub.target, stub.name, self._known(stub.target), field="name")

    # What runs

    def watch(self, runner: Runner, name: str) -> Runner:
        """A runner that is watched, on the loop of the test; plain functions get a thread."""
        kind: Target = "node type" if name in self.types else "function"

        async def call(ctx: Context) -> Any:
            made = Call(ctx.execution_id, ctx.node_id, ctx.attempt, ctx.input, ctx.idempotency_key)
            if ctx.resume is None:
                self.calls.append(made)
            stub = self._stub_of(kind, name, ctx.node_id)
            if stub is not None:
                value = await stub.answer(ctx, made, self._hang)
            elif runner.where == "loop":
                value = await runner.call(ctx)
            else:
                value = await asyncio.to_thread(runner.call, ctx)
            if self.vanishes(ctx, name):
                await asyncio.get_running_loop().create_future()
            return value

        return replace(runner, call=call, where="loop", function=None)

    def _stub_of(self, kind: Target, name: str, node: str) -> Stub | None:
        """The narrowest stub; the name of a function is that of its node where no other has it."""
        found = self._stubs.get(("node", node)) or self._stubs.get((kind, name))
        if found is not None or kind != "function" or node in self.functions:
            return found
        return self._stubs.get(("function", node))


class _Watched:
    """A node type as it is, but for what its steps run."""

    def __init__(self, inner: NodeType, offer: Offer) -> None:
        self._inner = inner
        self._offer = offer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def runner(self, config: Mapping[str, Any], registry: Registry) -> Runner:
        """The runner of the inner type, watched."""
        inner, offer = self._inner, self._offer
        runner = inner.runner(config, registry)
        return offer.watch(runner, runner.name if inner.type == FunctionNode.type else inner.type)


def _watched(node_type: NodeType, offer: Offer) -> NodeType:
    return cast("NodeType", _Watched(node_type, offer))


class _Missing:
    """Stands where a function would be that only a stub can give."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, ctx: Context, value: Any) -> Any:
        raise InvalidInput(f"function {self._name!r} is neither registered nor stubbed")


def _missing(name: str) -> Function:
    return Function(name=name, call=_Missing(name), where="loop", wants_context=True)
