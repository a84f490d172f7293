"""What an expression may say: the nodes, names, parts and calls that are allowed, and hints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from redflow.expressions import texts
from redflow.expressions.errors import ExpressionError, Refused, shorten
from redflow.expressions.functions import FUNCTIONS
from redflow.expressions.methods import METHODS
from redflow.expressions.operators import BINARY, COMPARE
from redflow.expressions.scope import EDGE_NAMES, PARTS, STEP_FIELDS, References
from redflow.expressions.syntax import Source
from redflow.expressions.values import finite, whole

Comprehension = ast.ListComp | ast.GeneratorExp | ast.DictComp
Access = ast.Attribute | ast.Subscript

_REFUSED: Final[dict[type[ast.AST], tuple[str, str]]] = {
    ast.Set: ("sets are not part of the language", "write a list: [a, b]"),
    ast.SetComp: ("sets are not part of the language", "write unique([...])"),
    ast.Starred: ("* before a value is not part of the language", "write a + b to join lists"),
}
_SPELLINGS: Final = {"true": "True", "false": "False"} | dict.fromkeys(
    ("null", "none", "nil", "undefined"), "None"
)
_CONSTANTS: Final = (str, int, float, type(None))
_NAME: Final = 40


def check(source: Source, tree: ast.expr, names: frozenset[str]) -> References:
    """Refuse what is not of the language or not in scope; return what the rest reads."""
    checker = _Checker(source, names)
    checker.visit(tree)
    return checker.references()


class _Checker:
    """One walk over an expression."""

    def __init__(self, source: Source, names: frozenset[str]) -> None:
        self._source = source
        self._names = names
        self._own: frozenset[str] = frozenset()  # of the comprehensions around
        self._read: dict[str, set[str]] = {}

    def references(self) -> References:
        read = self._read
        return References(
            frozenset(read),
            frozenset(read.get("steps", ())),
            frozenset(read.get("vars", ())),
            frozenset(read.get("execution", ())),
        )

    def visit(self, node: ast.AST) -> None:
        match node:
            case ast.Constant():
                self._constant(node)
            case ast.Name():
                self._name(node)
            case ast.Attribute() | ast.Subscript():
                self._access(node)
            case ast.Call():
                self._call(node)
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                self._comprehension(node)
            case ast.Dict():
                self._dict(node)
            case ast.Compare():
                self._compare(node)
            case ast.BinOp() if type(node.op) in BINARY:
                self._each((node.left, node.right))
            case ast.UnaryOp() if not isinstance(node.op, ast.Invert):
                self.visit(node.operand)
            case ast.BoolOp() | ast.List() | ast.Tuple() | ast.IfExp() | ast.Slice():
                self._each(
                    below for below in ast.iter_child_nodes(node) if isinstance(below, ast.expr)
                )
            case _:
                raise self._refused(node)

    def _each(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _refused(self, node: ast.AST) -> ExpressionError:
        default = ("this is not part of the language", "")
        return self._source.error(node, *_REFUSED.get(type(node), default))

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if not isinstance(value, _CONSTANTS):
            raise self._refused(node)
        try:
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, int):
                whole(value)
            elif isinstance(value, float):
                finite(value)
        except Refused as refused:
            raise self._source.error(node, refused.reason) from None
        except UnicodeEncodeError:
            raise self._source.error(node, "it holds half of a surrogate pair") from None

    def _compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        self._each(operands)
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            assert type(op) in COMPARE
            if isinstance(op, (ast.Is, ast.IsNot)) and not (_is_fixed(left) or _is_fixed(right)):
                hint = "write ==" if isinstance(op, ast.Is) else "write !="
                raise self._source.error(node, "is compares with None, True and False only", hint)

    def _dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                hint = "write a | b to join maps"
                raise self._source.error(value, "** is not part of the language here", hint)
            self._key(key)
            self.visit(value)

    def _key(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            raise self._source.error(node, "the keys of a map are text", 'write {"a": 1}')
        if isinstance(node, ast.Name) and node.id not in self._names | self._own:
            hint = f'write "{shorten(node.id, _NAME)}": in quotes'
            raise self._source.error(node, "the keys of a map are text", hint)
        self.visit(node)

    def _comprehension(self, node: Comprehension) -> None:
        outer = self._own
        for generator in node.generators:
            self.visit(generator.iter)
            self._own |= {self._variable(generator.target)}
            self._each(generator.ifs)
        if isinstance(node, ast.DictComp):
            self._key(node.key)
            self.visit(node.value)
        else:
            self.visit(node.elt)
        self._own = outer

    def _variable(self, target: ast.expr) -> str:
        if not isinstance(target, ast.Name):
            hint = "write for x in items, then x[0]"
            raise self._source.error(target, "a comprehension has one name after for", hint)
        if target.id in EDGE_NAMES or target.id in FUNCTIONS:
            reason = f"{target.id} means something else; choose another name"
            raise self._source.error(target, reason)
        return target.id

    # Names and their parts.

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if name in self._own:
            return
        if name not in self._names:
            raise self._unknown(node)
        if name in PARTS:
            fields = PARTS[name]
            known = f"; it has {', '.join(sorted(fields))}" if fields else ""
            example = min(fields) if fields else "name"
            hint = f'write {name}.{example} or {name}["{example}"]'
            raise self._source.error(node, f"{name} is read by its parts only{known}", hint)
        self._read.setdefault(name, set())

    def _unknown(self, node: ast.Name) -> ExpressionError:
        name = shorten(node.id, _NAME)
        if node.id in FUNCTIONS:
            return self._source.error(
                node, f"{name} is a function", f"write {FUNCTIONS[node.id].usage}"
            )
        scope = f"in scope are {', '.join(sorted(self._names | self._own))}"
        reason = f"there is no name {name!r}; {scope}"
        if node.id in EDGE_NAMES:
            return self._source.error(node, f"{name} has no value here; {scope}")
        return self._source.error(node, reason, self._suggestion(node))

    def _suggestion(self, node: ast.Name) -> str:
        if node.id.lower() in _SPELLINGS:
            return f"write {_SPELLINGS[node.id.lower()]}"
        start, end = self._source.place(node)
        hyphenated = _hyphenated(self._source.text, start, end)
        if hyphenated:
            return f"a key or an id with a hyphen stands in brackets: {hyphenated}"
        close = _close(node.id, self._names | self._own)
        if close:
            return f"did you mean {close}?"
        roots = [root for root in ("output", "input") if root in self._names]
        return f"write {roots[0]}.{shorten(node.id, _NAME)}" if roots else ""

    def _access(self, node: Access) -> None:
        base, key = node.value, _static_key(node)
        root = self._parted(base)
        if root is not None:
            self._part(node, root, key)
            return
        inner = base.value if isinstance(base, (ast.Attribute, ast.Subscript)) else None
        if inner is not None and self._parted(inner) == "steps" and key is not None:
            self._step_field(node, key)
        self.visit(base)
        if isinstance(node, ast.Subscript):
            self.visit(node.slice)

    def _parted(self, node: ast.expr) -> str | None:
        """Return the name of a node that is read by its parts."""
        if isinstance(node, ast.Name) and node.id in PARTS and node.id in self._names:
            return node.id
        return None

    def _part(self, node: Access, root: str, key: str | None) -> None:
        if key is None:
            hint = f'write {root}.name or {root}["name"]'
            raise self._source.error(node, f"the part of {root} must be written out", hint)
        fields = PARTS[root]
        if fields is not None and key not in fields:
            raise self._no_field(node, root, key, fields)
        self._read.setdefault(root, set()).add(key)

    def _step_field(self, node: Access, key: str) -> None:
        if key not in STEP_FIELDS:
            where = self._source.segment(node.value)
            raise self._no_field(node, where, key, STEP_FIELDS, f"{where}.output.{key}")

    def _no_field(
        self, node: Access, where: str, key: str, fields: frozenset[str], instead: str = ""
    ) -> ExpressionError:
        close = _close(key, fields)
        hint = f"did you mean {close}?" if close else instead and f"write {instead}"
        key, where = shorten(key, _NAME), shorten(where, _NAME)
        reason = f"there is no field {key!r} in {where}; it has {', '.join(sorted(fields))}"
        return self._source.error(node, reason, shorten(hint, 120))

    # Calls.

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            raise self._method(node.func)
        if not isinstance(node.func, ast.Name):
            raise self._source.error(node.func, "only the functions of the table can be called")
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._no_function(node.func)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self._source.error(keyword.value, "** is not part of the language here")
        if not function.accepts(len(node.args), [str(k.arg) for k in node.keywords]):
            raise self._source.error(node, f"{name} is called as {function.usage}")
        self._each([*node.args, *(keyword.value for keyword in node.keywords)])
        if name == "matches" and isinstance(node.args[1], ast.Constant):
            self._pattern(node.args[1])

    def _pattern(self, node: ast.Constant) -> None:
        try:
            texts.compiled(texts.checked("matches", node.value))
        except Refused as refused:
            raise self._source.error(node, refused.reason, refused.hint) from None

    def _method(self, node: ast.Attribute) -> ExpressionError:
        name = shorten(node.attr, _NAME)
        instead = METHODS.get(node.attr) or _usage(node.attr)
        hint = f"write {instead}" if instead else "a dot only looks into a map"
        return self._source.error(node, f".{name}() is a method, and there are none", hint)

    def _no_function(self, node: ast.Name) -> ExpressionError:
        name = shorten(node.id, _NAME)
        if node.id in self._names | self._own:
            return self._source.error(node, f"{name} is not a function")
        if node.id in METHODS:
            hint = f"write {METHODS[node.id]}"
        elif usage := _usage(node.id):
            hint = f"did you mean {usage}?"
        else:
            hint = f"there are {' '.join(FUNCTIONS)}"
        return self._source.error(node, f"there is no function {name!r}", hint)


def _is_fixed(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _static_key(node: Access) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def _usage(name: str) -> str:
    close = _close(name, FUNCTIONS)
    return FUNCTIONS[close].usage if close else ""


def _close(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(known), 1, 0.7) if len(name) <= _NAME else []
    return near[0] if near else ""


def _hyphenated(text: str, start: int, end: int) -> str:
    """Return how to write the key that a name with a hyphen before it seems to be the end of."""
    before = re.search(r"([\w.]+)\.([\w-]*\w-)$", text[max(0, start - 100) : start])
    after = re.match(r"(?:-\w+)*", text[end : end + 100])
    if before is None or after is None:
        return ""
    return f'{before[1]}["{before[2]}{text[start:end]}{after[0]}"]'
