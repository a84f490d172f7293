"""requirements/*.txt hold what pyproject.toml asks for, pinned and hashed, and no address."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import PACKAGE, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
IMPORTED_AS = {
    "google-re2": "re2",
    "opentelemetry-api": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "pyjwt": "jwt",
    "pyyaml": "yaml",
}
BROUGHT_ALONG = {"hiredis", "lupa", "botocore"}
"""By what is asked for: redis[hiredis], fakeredis[lua], boto3."""
DATA = {"tzdata"}
"""Read by the standard library, where the system has none."""
OUR_OWN = {"redflow", "tests", "bench", "examples"}
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)")


def wanted(file: str) -> list[Requirement]:
    lists = [PROJECT["dependencies"], *(EXTRAS.values() if file == "dev.txt" else ())]
    parsed = [Requirement(line) for lines in lists for line in lines]
    return [one for one in parsed if one.name != PROJECT["name"]]


def entries(file: str) -> list[str]:
    """Return the logical lines of a requirements file, without comments."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("file", ["runtime.txt", "dev.txt"])
def test_every_dependency_is_pinned_within_its_range(file):
    matches = (PIN.match(line) for line in entries(file))
    pins = {match[1]: match[2] for match in matches if match}
    for requirement in wanted(file):
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name}: run python tests/tools/lock.py"
        assert requirement.specifier.contains(pinned, prereleases=True), (requirement, pinned)


@pytest.mark.parametrize("file", ["runtime.txt", "dev.txt"])
def test_every_line_is_a_hashed_pin(file):
    for line in entries(file):
        assert PIN.match(line), line
        assert "--hash=sha256:" in line, line


@pytest.mark.parametrize("file", ["runtime.txt", "dev.txt"])
def test_no_address_and_no_local_path(file):
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    assert re.findall(r"\w+://|--index|--find-links|(?<![\w.])/\w+", text) == []


def test_no_dependency_is_named_twice_and_every_extra_has_one():
    names = [canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]]
    assert len(names) == len(set(names))
    assert all(EXTRAS.values())


def test_all_is_every_extra_of_users():
    (line,) = EXTRAS["all"]
    assert Requirement(line).extras == set(EXTRAS) - {"all", "test"}


def test_every_dependency_of_users_is_imported():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    given = {Requirement(line).name for line in PROJECT["dependencies"]} - DATA
    names = {IMPORTED_AS.get(name.lower(), name.replace("-", "_")) for name in given}
    unused = {name for name in names if not re.search(rf"^\s*(import|from) {name}\b", text, re.M)}
    assert unused == set()


def test_what_the_tests_import_comes_with_the_extras_that_the_readme_names():
    lines = [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["test"]]
    given = {Requirement(line).name for line in lines}
    names = {IMPORTED_AS.get(name.lower(), name.replace("-", "_")) for name in given}
    known = names | BROUGHT_ALONG | set(sys.stdlib_module_names) | OUR_OWN
    paths = [path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    assert {name for path in paths for name in imported_by(path)} - known == set()


def imported_by(path: Path) -> Iterator[str]:
    """Yield the top-level names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
