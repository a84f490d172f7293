"""The table of node types and functions, handed to engine and worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any, TypeVar, overload

from redflow import defaults
from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.expressions.analysis import every_problem
from redflow.model.annotations import labels_of
from redflow.model.decorators import FlowBuilder, NodeFunction, Run
from redflow.model.durations import seconds
from redflow.model.ids import check_label, check_queue
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import DEFAULT, Node, Workflow
from redflow.nodes.ai.node import AiNode
from redflow.nodes.base import NodeType
from redflow.nodes.condition import ConditionNode
from redflow.nodes.decorated import decorated_functions
from redflow.nodes.function import Function, FunctionNode, inspect_function
from redflow.nodes.http import HttpNode
from redflow.nodes.installed import distribution_of, installed, load, refused
from redflow.nodes.log import LogNode
from redflow.nodes.notify import NotifyNode
from redflow.nodes.setvariable import SetVariableNode
from redflow.nodes.shapes import shape_problems
from redflow.nodes.signal import SignalNode
from redflow.nodes.subworkflow import SubworkflowNode
from redflow.nodes.switch import SwitchNode
from redflow.nodes.transform import TransformNode
from redflow.nodes.wait import WaitNode

F = TypeVar("F", bound=Callable[..., Any])

BUILT_IN = (
    FunctionNode(),
    ConditionNode(),
    SwitchNode(),
    TransformNode(),
    SetVariableNode(),
    LogNode(),
    HttpNode(),
    NotifyNode(),
    AiNode(),
    WaitNode(),
    SignalNode(),
    SubworkflowNode(),
)


class Registry:
    """Built-in node types, those of installed packages, and what the application registers."""

    def __init__(self) -> None:
        self.types: dict[str, NodeType] = {}
        self.functions: dict[str, Function] = {}
        self._distributions: dict[str, str] = {}
        for node_type in BUILT_IN:
            self.register(node_type)
        for entry in installed():
            self._register_installed(entry)

    def _register_installed(self, entry: EntryPoint) -> None:
        node_type = load(entry)
        try:
            self.register(node_type)
        except InvalidInput as error:
            raise refused(entry, error) from error
        self._distributions[node_type.type] = distribution_of(entry)

    def origin(self, name: str) -> str:
        """Say where a registered node type comes from: built-in, a distribution, or a module."""
        node_type = self.types[name]
        if node_type in BUILT_IN:
            return "built-in"
        return self._distributions.get(name) or type(node_type).__module__

    def register(self, node_type: NodeType) -> None:
        """Add a node type; raises InvalidInput when its name is taken."""
        name = getattr(node_type, "type", None)
        if not isinstance(node_type, NodeType) or not isinstance(name, str):
            raise InvalidInput(
                f"{node_type!r} is no node type", hint="register an instance of a NodeType"
            )
        own_runner = type(node_type).runner is not NodeType.runner
        if not own_runner and not inspect.iscoroutinefunction(node_type.execute):
            raise InvalidInput(f"execute of node type {name!r} is not a coroutine function")
        if name in self.types:
            raise InvalidInput(f"node type {name!r} is already registered by {self.types[name]!r}")
        self.types[name] = node_type

    def register_function(
        self,
        name: str,
        call: Callable[..., Any],
        *,
        run: Run = "auto",
        labels: Sequence[str] = (),
        timeout: float | str | None = defaults.FUNCTION_TIMEOUT,
        retry: int | RetryPolicy | None = None,
        queue: str | None = None,
    ) -> None:
        """Add a function; raises InvalidInput when the name is taken or it cannot be called.

        `run` puts plain functions in a thread (auto) or a child process; coroutine functions run on
        the loop. Labels, timeout, retry and queue are defaults of the nodes that call it.
        """
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"function name {name!r} is not a text", field="name")
        if isinstance(call, NodeFunction):
            call = call.call
        where, wants_context = inspect_function(call, run, name)
        self._add(
            Function(
                name=name,
                call=call,
                where=where,
                wants_context=wants_context,
                labels=tuple(dict.fromkeys((*map(check_label, labels), *labels_of(call)))),
                timeout=None if timeout is None else seconds(timeout, positive=True),
                retry=None if retry is None else RetryPolicy.of(retry),
                queue=None if queue is None else check_queue(queue),
            )
        )

    def include(self, flow: FlowBuilder[Workflow]) -> Workflow:
        """Build a flow and add its decorated functions; answers the workflow.

        Raises InvalidWorkflow with every problem, InvalidInput for what cannot be called.
        """
        workflow = flow.build()
        for function in decorated_functions(flow.functions, workflow):
            self._add(function)
        return workflow

    def _add(self, function: Function) -> None:
        known = self.functions.get(function.name)
        if known is not None and known.call is not function.call:
            raise InvalidInput(
                f"function {function.name!r} is already registered",
                hint="give one of them another name",
            )
        self.functions[function.name] = function

    @overload
    def function(self, call: F, /) -> F: ...

    @overload
    def function(
        self,
        name: str | None = None,
        /,
        *,
        run: Run = "auto",
        labels: Sequence[str] = (),
        timeout: float | str | None = defaults.FUNCTION_TIMEOUT,
        retry: int | RetryPolicy | None = None,
        queue: str | None = None,
    ) -> Callable[[F], F]: ...

    def function(self, call: Any = None, /, **options: Any) -> Any:
        """Register the decorated function under its own or the given name; answers it unchanged."""
        if callable(call):
            self.register_function(call.__name__, call)
            return call

        def decorate(function: F) -> F:
            self.register_function(call or function.__name__, function, **options)
            return function

        return decorate

    def problems(self, workflow: Workflow) -> list[Problem]:
        """Everything wrong with a workflow, as far as this registry knows; [] when it is valid."""
        checks = {name: partial(self._check, node_type) for name, node_type in self.types.items()}
        return [*every_problem(workflow, checks), *shape_problems(workflow, self.functions)]

    def _check(self, node_type: NodeType, config: Mapping[str, Any]) -> Sequence[str]:
        """Check a config and answer the labels its node then declares."""
        declared = node_type.declared_by(config)
        if node_type.type != FunctionNode.type or not self.functions:
            return declared
        function = self.functions.get(config["function"])
        if function is None:
            known = ", ".join(sorted(self.functions)[:10])
            raise InvalidInput(
                f"function {config['function']!r} is not registered (known: {known})",
                field="function",
                hint="register it here, or register the workflow where it is",
            )
        return function.labels

    def complete(self, workflow: Workflow) -> Workflow:
        """Fill in what nodes leave to their function or type: labels, timeout, retry, queue."""
        return replace(workflow, nodes=tuple(self._completed(node) for node in workflow.nodes))

    def _completed(self, node: Node) -> Node:
        node_type = self.types.get(node.type)
        if node_type is None:
            return node
        function = self.functions.get(_function_name(node.config))
        if node.type != FunctionNode.type or function is None:
            declared = _declared(node_type, node.config)
            return replace(node, labels=tuple(dict.fromkeys((*node.labels, *declared))))
        return replace(
            node,
            labels=tuple(dict.fromkeys((*node.labels, *function.labels))),
            timeout=function.timeout if node.timeout is DEFAULT else node.timeout,
            retry=function.retry if node.retry is None else node.retry,
            queue=function.queue if node.queue == "default" and function.queue else node.queue,
        )


def _declared(node_type: NodeType, config: Mapping[str, Any]) -> Sequence[str]:
    """The labels of a node; what is wrong with its config is told by the check, not here."""
    try:
        return node_type.declared_by(config)
    except (InvalidInput, InvalidWorkflow):
        return node_type.labels


def _function_name(config: Mapping[str, Any]) -> str:
    name = config.get("function")
    return name if isinstance(name, str) else ""
