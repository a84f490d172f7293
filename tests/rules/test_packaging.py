"""What `pip install` gives: the scripts, the type marker, the package, and nothing else."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from redflow.version import VERSION
from tests.support.tree import LUA, PACKAGE, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    program = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("redflow_engine-*.whl")
    return built


def test_the_wheel_holds_every_script(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".lua")}
    assert packed == {f"redflow/lua/{path.relative_to(LUA)}" for path in LUA.rglob("*.lua")}


def test_the_wheel_holds_every_template(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".tmpl")}
    assert packed == {f"redflow/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.tmpl")}
    assert "redflow/cli/templates/hello/hello.py.tmpl" in packed


def test_the_wheel_holds_the_package_and_only_that(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    modules = {f"redflow/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.py")}
    assert modules <= set(names)
    assert "redflow/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "redflow",
        "redflow_engine",
    }


def test_scripts_are_found_in_an_installed_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    assert scripts_seen_from(tmp_path) == str(tmp_path / "redflow" / "lua")


def test_scripts_are_found_in_a_checkout():
    assert scripts_seen_from(ROOT) == str(LUA)


def test_the_version_is_the_same_in_code_and_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def scripts_seen_from(folder: Path) -> str:
    program = "from redflow.store.script import lua_folder; print(lua_folder())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd="/",
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
