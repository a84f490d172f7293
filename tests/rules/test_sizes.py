"""Files and functions stay small enough to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.tree import lua_files, name_of, python_files

FILE_LINES = 400
FUNCTION_LINES = 60
LUA_LINES = 120
LUA_LIMITS = {"lua/advance.lua": 60}  # the hot path reads as a table of contents

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_python_files_are_short():
    assert too_long(python_files(), FILE_LINES) == []


def test_scripts_are_short():
    assert too_long(lua_files(), LUA_LINES, LUA_LIMITS) == []


def test_functions_are_short():
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {lines_of(function)} lines"
        for path in python_files()
        for function in functions_of(path.read_text(encoding="utf-8"))
        if lines_of(function) > FUNCTION_LINES
    ]
    assert long == []


def test_the_length_of_a_function_leaves_its_docstring_out():
    text = 'def f():\n    """One.\n\n    More.\n    """\n    a = 1\n    return a\n'
    assert [lines_of(function) for function in functions_of(text)] == [3]


def too_long(paths: list[Path], limit: int, own: dict[str, int] | None = None) -> list[str]:
    counted = [
        (name_of(path), len(path.read_text(encoding="utf-8").splitlines())) for path in paths
    ]
    return [f"{name}: {n} lines" for name, n in counted if n > (own or {}).get(name, limit)]


def functions_of(text: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """Count the lines of a function, from its `def` to its end, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
