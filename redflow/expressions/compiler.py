"""From a checked tree to closures: one function for each node, called with the frame.

Closures instead of simpleeval, which walks over every value that it meets: a look at one item
of a list of 2,000 takes it 2.5 ms, and 1 us here. Nothing of Python is reachable: a dot is a
look into a map, a call is a function of the table, and what `checks` did not allow has no closure.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from redflow.expressions.checks import Comprehension
from redflow.expressions.errors import Absent, ExpressionError, Refused
from redflow.expressions.functions import FUNCTIONS
from redflow.expressions.limits import NODES_PER_STEP
from redflow.expressions.loops import Loop, Run, listed, mapped, searched
from redflow.expressions.operators import BINARY, COMPARE, PLAIN, REALS, negative, positive
from redflow.expressions.paths import field, item, part
from redflow.expressions.syntax import Source
from redflow.expressions.values import FIRST_NAME, STEPS_LEFT, Frame, kind, out_of_steps

# Decimals and dates that cannot be handled; the messages of operators and functions come first.
_UNFORESEEN: Final = (ArithmeticError, TypeError, ValueError, LookupError)
_FAST: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def steps_of(*nodes: ast.AST) -> int:
    """Return how many steps beyond the first evaluating the nodes once takes."""
    return sum(1 for node in nodes for _ in ast.walk(node)) // NODES_PER_STEP


class Compiler:
    """Compiles one expression; `places` are where in the frame the names of the scope stand."""

    def __init__(self, source: Source, names: list[str]) -> None:
        self._source = source
        self._places = {name: FIRST_NAME + i for i, name in enumerate(names)}
        self.width = FIRST_NAME + len(names)

    def compile(self, node: ast.expr) -> Run:
        """Return the function that evaluates a node."""
        run: Run = getattr(self, f"_{type(node).__name__.lower()}")(node)
        return run

    def _several(self, nodes: list[ast.expr]) -> list[Run]:
        return [self.compile(node) for node in nodes]

    def _failing(self, node: ast.AST) -> Callable[[Exception], ExpressionError]:
        """Return what makes the error of a node from a refusal."""
        source = self._source

        def fail(error: Exception) -> ExpressionError:
            if not isinstance(error, Refused):
                return source.error(node, "these values have no result", path=True)
            made = source.error(node, error.reason, error.hint, path=True)
            made.missing = isinstance(error, Absent)
            return made

        return fail

    def _constant(self, node: ast.Constant) -> Run:
        value = node.value
        return lambda frame: value

    def _name(self, node: ast.Name) -> Run:
        place = self._places[node.id]
        return lambda frame: frame[place]

    # Looking into values.

    def _attribute(self, node: ast.Attribute) -> Run:
        return self._field(node, node.value, node.attr)

    def _field(self, node: ast.expr, base: ast.expr, key: str) -> Run:
        where, fail = self._source.segment(base), self._failing(node)

        def look(value: Any) -> Any:
            try:
                return field(value, key, where)
            except Refused as refused:
                raise fail(refused) from None

        if isinstance(base, ast.Name):
            place = self._places[base.id]

            def of_name(frame: Frame) -> Any:
                value = frame[place]
                if type(value) is dict and key in value:
                    return value[key]
                return look(value)

            return of_name
        inner = self.compile(base)

        def run(frame: Frame) -> Any:
            value = inner(frame)
            if type(value) is dict and key in value:
                return value[key]
            return look(value)

        return run

    def _subscript(self, node: ast.Subscript) -> Run:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self._field(node, node.value, node.slice.value)
        base, where = self.compile(node.value), self._source.segment(node.value)
        fail = self._failing(node)
        if isinstance(node.slice, ast.Slice):
            bounds = [
                self.compile(bound) if bound is not None else (lambda frame: None)
                for bound in (node.slice.lower, node.slice.upper, node.slice.step)
            ]

            def cut(frame: Frame) -> Any:
                value = base(frame)
                first, last, step = (bound(frame) for bound in bounds)
                try:
                    return part(frame, value, (first, last, step), where)
                except Refused as refused:
                    raise fail(refused) from None

            return cut
        index = self.compile(node.slice)

        def run(frame: Frame) -> Any:
            value, key = base(frame), index(frame)
            try:
                return item(value, key, where)
            except Refused as refused:
                raise fail(refused) from None

        return run

    # Operators.

    def _binop(self, node: ast.BinOp) -> Run:
        left, right = self.compile(node.left), self.compile(node.right)
        return self._applied(node, BINARY[type(node.op)], left, right)

    def _applied(self, node: ast.AST, apply: Callable[..., Any], left: Run, right: Run) -> Run:
        checked = self._checked(node, apply)
        return lambda frame: checked(frame, left(frame), right(frame))

    def _checked(self, node: ast.AST, apply: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that fails at a node's place when it has no result."""
        fail = self._failing(node)

        def run(*values: Any, **options: Any) -> Any:
            try:
                return apply(*values, **options)
            except (Refused, *_UNFORESEEN) as error:
                raise fail(error) from None

        return run

    def _unaryop(self, node: ast.UnaryOp) -> Run:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda frame: not operand(frame)
        apply = self._checked(node, negative if isinstance(node.op, ast.USub) else positive)
        return lambda frame: apply(frame, operand(frame))

    def _boolop(self, node: ast.BoolOp) -> Run:
        *firsts, last = self._several(node.values)
        ends = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> Any:
            for operand in firsts:
                value = operand(frame)
                if bool(value) is ends:
                    return value
            return last(frame)

        return run

    def _compare(self, node: ast.Compare) -> Run:
        if len(node.ops) == 1:
            return self._comparison(node, node.ops[0], node.left, node.comparators[0])
        operands = self._several([node.left, *node.comparators])
        applied = [self._checked(node, COMPARE[type(op)]) for op in node.ops]

        def run(frame: Frame) -> Any:
            a = operands[0](frame)
            for apply, operand in zip(applied, operands[1:], strict=True):
                b = operand(frame)
                if not apply(frame, a, b):
                    return False
                a = b
            return True

        return run

    def _comparison(
        self, node: ast.Compare, op: ast.cmpop, first: ast.expr, second: ast.expr
    ) -> Run:
        left, right = self.compile(first), self.compile(second)
        fast = _FAST.get(type(op))
        if fast is None:
            return self._applied(node, COMPARE[type(op)], left, right)
        quick = PLAIN if isinstance(op, (ast.Eq, ast.NotEq)) else REALS
        apply = self._checked(node, COMPARE[type(op)])
        if isinstance(second, ast.Constant) and type(second.value) in quick:
            constant = second.value

            def run_with_constant(frame: Frame) -> Any:  # which most conditions are
                a = left(frame)
                return fast(a, constant) if type(a) in quick else apply(frame, a, constant)

            return run_with_constant

        def run(frame: Frame) -> Any:
            a, b = left(frame), right(frame)
            return fast(a, b) if type(a) in quick and type(b) in quick else apply(frame, a, b)

        return run

    def _ifexp(self, node: ast.IfExp) -> Run:
        test, body, orelse = self._several([node.test, node.body, node.orelse])
        return lambda frame: body(frame) if test(frame) else orelse(frame)

    # Making values.

    def _list(self, node: ast.List | ast.Tuple) -> Run:
        items = self._several(node.elts)
        return lambda frame: [one(frame) for one in items]

    _tuple = _list

    def _dict(self, node: ast.Dict) -> Run:
        keys = [self._text_key(key) for key in node.keys if key is not None]
        pairs = list(zip(keys, self._several(node.values), strict=True))
        return lambda frame: {key(frame): value(frame) for key, value in pairs}

    def _text_key(self, node: ast.expr) -> Run:
        key, fail = self.compile(node), self._failing(node)

        def run(frame: Frame) -> str:
            value = key(frame)
            if isinstance(value, str):
                return value
            raise fail(Refused(f"the keys of a map are text, not {kind(value)}", "write str(x)"))

        return run

    # Comprehensions. Walking over n items takes n turns' steps at once, so that whether the
    # budget suffices depends on their number alone.

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Run:
        loops, (element,) = self._loops(node, (self.compile, node.elt))
        return listed(loops, element)

    _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp) -> Run:
        loops, (key, value) = self._loops(
            node, (self._text_key, node.key), (self.compile, node.value)
        )
        return mapped(loops, key, value)

    def _search(self, node: ast.GeneratorExp, *, ends: bool) -> Run:
        """Compile any(...) and all(...), which stop at the first element that decides."""
        loops, (element,) = self._loops(node, (self.compile, node.elt))
        return searched(loops, element, ends)

    def _loops(
        self, node: Comprehension, *elements: tuple[Callable[[ast.expr], Run], ast.expr]
    ) -> tuple[list[Loop], list[Run]]:
        """Compile the `for`s, and the elements, which see their names."""
        outer, loops = self._places, []
        inside: list[ast.expr] = [element for _, element in elements]
        following = [[generator.iter] for generator in node.generators[1:]]
        for generator, below in zip(node.generators, [*following, inside], strict=True):
            items = self._items(generator.iter, 1 + steps_of(*generator.ifs, *below))
            assert isinstance(generator.target, ast.Name)
            place, self.width = self.width, self.width + 1
            self._places = {**self._places, generator.target.id: place}
            loops.append(Loop(items, place, self._condition(generator.ifs)))
        made = [compile(element) for compile, element in elements]
        self._places = outer
        return loops, made

    def _condition(self, conditions: list[ast.expr]) -> Run | None:
        compiled = self._several(conditions)
        if len(compiled) < 2:
            return compiled[0] if compiled else None
        return lambda frame: all(condition(frame) for condition in compiled)

    def _items(self, node: ast.expr, cost: int) -> Run:
        """Compile what a comprehension walks over, at so many steps a turn."""
        run, fail = self.compile(node), self._failing(node)

        def items(frame: Frame) -> Any:
            value = run(frame)
            if not isinstance(value, (list, tuple, Mapping)):
                hint = "split(x) makes a list of text" if isinstance(value, str) else ""
                reason = f"a comprehension walks over a list or a map, not {kind(value)}"
                raise fail(Refused(reason, hint))
            frame[STEPS_LEFT] -= cost * len(value)
            if frame[STEPS_LEFT] < 0:
                raise fail(out_of_steps())
            return value

        return items

    # Calls.

    def _call(self, node: ast.Call) -> Run:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name in ("any", "all") and isinstance(node.args[0], ast.GeneratorExp):
            return self._search(node.args[0], ends=name == "any")
        apply = self._checked(node, FUNCTIONS[name].run)
        given = self._several(node.args)
        named = {str(keyword.arg): self.compile(keyword.value) for keyword in node.keywords}

        def run(frame: Frame) -> Any:
            values = [one(frame) for one in given]
            return apply(frame, *values, **{key: value(frame) for key, value in named.items()})

        return run
