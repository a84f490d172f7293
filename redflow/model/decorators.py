"""Decorators: a workflow written as functions, each of them a node."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, Literal, ParamSpec, Self, TypeVar, cast, overload

from redflow.errors import Problem
from redflow.model.annotations import labels_of
from redflow.model.builder import Builder
from redflow.model.checks import pointer, shown
from redflow.model.definition import DEFAULT, Default, Definition, Edge, Join, Node, On, When
from redflow.model.retry import RetryPolicy

D = TypeVar("D", bound=Definition)
P = ParamSpec("P")
R = TypeVar("R")

Run = Literal["auto", "thread", "process"]
Limit = float | str | timedelta


@dataclass(frozen=True, slots=True)
class Need:
    """What must have come of a node before another runs; made by `.on`, `.when` and `.label`."""

    node: NodeFunction[Any, Any] | str
    label: str | None = None
    on: On = "success"
    expression: str | None = None


class NodeFunction(Generic[P, R]):
    """A function that is a node of a flow. Calling it calls the function, nothing else."""

    __name__: str

    def __init__(
        self, call: Callable[P, R], flow: str, id: str, *, run: Run, undoes: bool = False
    ) -> None:
        functools.update_wrapper(self, call)
        self.call = call
        self.flow = flow
        """The id of its workflow."""
        self.id = id
        """The id of its node."""
        self.run: Run = run
        self.undoes = undoes

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<node {self.id!r} of flow {self.flow!r}>"

    @property
    def name(self) -> str:
        """The name its function is registered under."""
        return f"{self.flow}.{self.id}"

    def when(self, expression: str) -> Need:
        """For `needs`: it has completed, and the expression over `output` holds."""
        return Need(self, expression=expression)

    def on(self, on: On) -> Need:
        """For `needs`: it has failed ("failure"), or ended in whatever way ("always")."""
        return Need(self, on=on)

    def label(self, label: str) -> Need:
        """For `needs`: it has completed and chosen this label."""
        return Need(self, label=label)


Source = NodeFunction[Any, Any] | Need | str


class FlowBuilder(Builder[D]):
    """The builder of `Workflow.builder`: what `Builder` has, and a decorator for either role.

    Both act on the same nodes: a decorated function is the node added last.
    """

    def __init__(self, make: type[D], id: str, name: str = "") -> None:
        super().__init__(make, id, name)
        self.functions: dict[str, NodeFunction[Any, Any]] = {}
        """The decorated functions by the names that their nodes call them by."""
        self._undoing: list[tuple[str, str, When]] = []

    @overload
    def node(self, call: Callable[P, R], /) -> NodeFunction[P, R]: ...

    @overload
    def node(
        self,
        id: str | None = None,
        *,
        needs: Source | Iterable[Source] = (),
        retry: int | RetryPolicy | None = None,
        timeout: Limit | Literal[Default.DEFAULT] | None = DEFAULT,
        deadline: Limit | None = None,
        queue: str | None = None,
        labels: Iterable[str] = (),
        join: Join = "all",
        input: Any = DEFAULT,
        run: Run = "auto",
    ) -> Callable[[Callable[P, R]], NodeFunction[P, R]]: ...

    def node(self, id: Any = None, **options: Any) -> Any:
        """Decorator: make a function a node, by default under its own name.

        `needs` names what it waits for: decorated functions, node ids, `charge.when("...")`,
        `charge.on("failure")`, `charge.label("...")`. `run` puts a plain function in a thread
        ("auto") or a child process. The rest is as in the methods `with_...`; labels in
        `-> Branch[Literal["premium", "basic"]]` are declared as well.
        """
        if callable(id):
            return self._add(id, None)
        return lambda call: self._add(call, id, **options)

    def compensation(
        self,
        of: Source | Iterable[Source],
        *,
        when: When = "started",
        id: str | None = None,
        retry: int | RetryPolicy | None = None,
        timeout: Limit | Literal[Default.DEFAULT] | None = DEFAULT,
        queue: str | None = None,
        run: Run = "auto",
    ) -> Callable[[Callable[P, R]], NodeFunction[P, R]]:
        """Decorator: let a function undo nodes when the execution fails or is cancelled.

        It is given an `Undo`. `when` as in `with_saga`.
        """

        def decorate(call: Callable[P, R]) -> NodeFunction[P, R]:
            made: NodeFunction[P, R] = self._add(
                call, id, retry=retry, timeout=timeout, queue=queue, run=run, undoes=True
            )
            self._undoing += [(node, made.id, when) for node in self._undone_by(of, made.id)]
            return made

        return decorate

    def build(self) -> D:
        """Return the workflow; raise InvalidWorkflow with every problem. May be called again."""
        undoing, self._undoing = self._undoing, []
        for node, undo, when in undoing:
            self._compensate(node, undo, when)
        return super().build()

    def _add(
        self,
        call: Callable[P, R],
        id: str | None,
        *,
        needs: Source | Iterable[Source] = (),
        retry: int | RetryPolicy | None = None,
        timeout: Limit | Literal[Default.DEFAULT] | None = DEFAULT,
        deadline: Limit | None = None,
        queue: str | None = None,
        labels: Iterable[str] = (),
        join: Join = "all",
        input: Any = DEFAULT,
        run: Run = "auto",
        undoes: bool = False,
    ) -> NodeFunction[P, R]:
        if isinstance(call, NodeFunction):  # decorated twice: one function, two nodes
            call = call.call
        named = getattr(call, "__name__", type(call).__name__) if id is None else id
        made = NodeFunction(call, self._workflow.id, named, run=run, undoes=undoes)
        self.functions.setdefault(made.name, made)
        own = (labels,) if isinstance(labels, str) else labels
        declared = tuple(dict.fromkeys((*own, *labels_of(call))))
        self.add_node(named, "function", labels=declared, join=join, function=made.name)
        if input is not DEFAULT:
            self.with_input(input)
        if retry is not None:
            self.with_retry(retry)
        if timeout is not DEFAULT:
            self.with_timeout(timeout)
        if deadline is not None:
            self.with_deadline(deadline)
        if queue is not None:
            self.with_queue(queue)
        for need in _each(needs):
            self._need(need, named)
        return made

    def _need(self, need: object, target: str) -> Self:
        asked = need if isinstance(need, Need) else Need(cast("str", need))
        source = self._id_of(asked.node, pointer("nodes", target, "needs"))
        if source is not None:
            edge = Edge(source, target, label=asked.label, on=asked.on, when=asked.expression)
            self._edges.append(edge)
        return self

    def _undone_by(self, of: Source | Iterable[Source], undo: str) -> Iterator[str]:
        for source in _each(of):
            found = self._id_of(source, pointer("nodes", undo))
            if found is not None:
                yield found

    def _id_of(self, source: object, at: str) -> str | None:
        """Return the id of a node that was named; keep the problem when it is none of this flow."""
        if isinstance(source, str):
            return source
        if not isinstance(source, NodeFunction):
            what = getattr(source, "__name__", None) or shown(source)
            message = f"{what} is no node; decorate it with node, or name a node by its id"
        elif source.flow != self._workflow.id:
            message = f"{source!r} is not of this flow; take a node of {self._workflow.id!r}"
        else:
            return source.id
        self._problems.append(Problem(at, "unknown_node", message))
        return None

    def _compensate(self, node_id: str, undo: str, when: When) -> None:
        places = [place for place, node in enumerate(self._nodes) if node.id == node_id]
        for place in places:
            node: Node = self._nodes[place]
            if node.compensation not in (None, undo):
                message = f"both {shown(node.compensation)} and {shown(undo)} undo it; keep one"
                at = pointer("nodes", node_id, "compensation")
                self._problems.append(Problem(at, "bad_compensation", message))
            self._nodes[place] = replace(node, compensation=undo, compensate_when=when)
        if not places:
            message = f"it undoes {shown(node_id)}, and there is no such node"
            self._problems.append(Problem(pointer("nodes", undo), "orphan_compensation", message))


def _each(named: Any) -> Iterable[Any]:
    single = isinstance(named, (str, NodeFunction, Need)) or not isinstance(named, Iterable)
    return (named,) if single else named
