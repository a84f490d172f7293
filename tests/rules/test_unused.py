"""Nothing is kept that nobody uses, and nothing used is missing from its map."""

import inspect
import re

from redflow import defaults, errors
from tests.support.tree import LUA, PACKAGE

DEFAULTS = {name for name in vars(defaults) if name.isupper()}
ERRORS = {
    name
    for name, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.RedflowError) and one.__module__ == errors.__name__
}
ROOTS = {"RedflowError"}  # only its subclasses are raised


def source_without(module: str) -> str:
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / module]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_default_is_used():
    assert not_in(source_without("defaults.py"), DEFAULTS, r"\b{}\b") == []


def test_every_error_is_raised_somewhere():
    assert not_in(source_without("errors.py"), ERRORS - ROOTS, r"\b{}\(") == []


def test_every_error_is_in_the_tree_that_is_drawn():
    assert not_in(errors.__doc__ or "", ERRORS, r"\b{}\b") == []


def not_in(text: str, names: set[str], pattern: str) -> list[str]:
    """Return the names that a text does not hold in this form."""
    return sorted(name for name in names if not re.search(pattern.format(name), text))


def test_lua_readme_is_the_map_of_the_scripts():
    text = (LUA / "README.md").read_text(encoding="utf-8")
    missing = [path.stem for path in LUA.rglob("*.lua") if path.stem not in text]
    assert missing == []
