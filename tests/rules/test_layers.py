"""Imports point down: the contracts of pyproject.toml, and two rules that they cannot state."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.support.tree import PACKAGE, ROOT, name_of


def test_import_contracts_are_kept():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_the_public_names():
    """`redflow` itself is above every layer: below it, a name comes from where it is defined."""
    modules = {path.stem for path in PACKAGE.iterdir()}
    wrong = [
        f"{name_of(path)}:{node.lineno} {alias.name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "redflow" and not node.level
        for alias in node.names
        if alias.name not in modules and alias.name != "__version__"
    ]
    assert wrong == []


def test_every_package_says_what_it_is_for():
    """A package's docstring is where a reader starts: purpose, imports allowed, first file."""
    silent = [
        name_of(path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []
