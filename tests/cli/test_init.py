"""`redflow init`: projects whose own tests pass, and files that are never overwritten."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from redflow.cli.init import APPS
from redflow.cli.scaffold import TEMPLATES, project_name
from tests.cli.kit import SECONDS, Running, call, environment, in_process, saying

FILES = {
    "hello": {"hello.py", "tests/test_hello.py"},
    "saga": {"shop.py", "tests/test_shop.py"},
    "fastapi": {"api.py", "orders.py", "tests/test_api.py", "tests/test_orders.py"},
}
COMMON = {".gitignore", "README.md", "pyproject.toml"}
FASTAPI = '''
"""As much of FastAPI as the template uses: routes are plain functions."""

class HTTPException(Exception):
    def __init__(self, status_code, detail):
        self.status_code = status_code

class FastAPI:
    def __init__(self, title, lifespan):
        self.lifespan, self.state = lifespan, type("State", (), {})()

    def get(self, path, **_):
        return lambda function: function

    post = get

Request = object
Header = lambda default: default
'''
API = """
import asyncio, types
import api, orders
from redflow import Engine

async def main():
    memory = Engine.memory(registry=orders.engine.registry)
    api.connect = lambda: memory
    async with api.app.lifespan(api.app):
        await memory.register_workflow(orders.order)
        async with memory.worker():
            request = types.SimpleNamespace(app=api.app)
            id = (await api.start({"items": {"pen": 3}}, request, None))["id"]
            print((await api.look(id, request, wait=10.0))["output"])
            try:
                await api.look("no-such-order", request)
            except api.HTTPException as error:
                print(error.status_code)

asyncio.run(main())
"""


@pytest.fixture(params=FILES)
def project(request, tmp_path) -> tuple[str, Path]:
    """Return each template with the folder it was written to."""
    folder = tmp_path / "my_Shop 2"
    result = call("init", str(folder), "--template", request.param)
    assert result.code == 0
    assert {line[0] for line in result.rows} == {str(one) for one in files_below(folder)}
    return request.param, folder


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a project, as its author would."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_files_of_a_project(project):
    template, folder = project
    names = {path.relative_to(folder).as_posix() for path in files_below(folder)}
    assert names == FILES[template] | COMMON
    for path in files_below(folder):
        text = path.read_text(encoding="utf-8")
        assert "{{" not in text, path
        assert text.endswith("\n")
        if path.suffix == ".py":
            assert ast.get_docstring(ast.parse(text))
    assert ".redflow/" in (folder / ".gitignore").read_text().splitlines()


def test_what_a_project_says_of_itself(project):
    template, folder = project
    about = tomllib.loads((folder / "pyproject.toml").read_text())
    assert about["project"]["name"] == "my-shop-2"
    needed = {Requirement(one).name for one in about["project"]["dependencies"]}
    assert "redflow-engine" in needed
    assert "redflow" not in needed
    modules = {name for name in FILES[template] if "/" not in name}
    assert set(about["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) == modules
    readme = (folder / "README.md").read_text()
    assert readme.startswith("# my-shop-2\n")
    assert f"redflow dev {APPS[template]}\n" in readme


@pytest.mark.process
def test_its_own_tests_pass(project):
    _, folder = project
    ran = run_in(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:valkey")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout


def test_the_code_is_in_the_usual_form(project):
    _, folder = project
    for check in (["check", "--select", "E,F,I,UP,B,SIM"], ["format", "--check"]):
        command, *options = check
        ran = run_in(folder, "-m", "ruff", command, "--isolated", "--no-cache", *options, ".")
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.server
def test_the_application_is_what_dev_is_told(project):
    template, folder = project
    running = Running("dev", APPS[template], "--no-reload", cwd=folder)
    try:
        running.wait_for(saying(" started: namespace "))
        assert saying(": version 1")(running.lines)
        running.process.terminate()
        assert running.ends() == 0
    finally:
        running.close()


@pytest.mark.process
def test_the_program_of_hello(tmp_path):
    call("init", str(tmp_path))
    ran = run_in(tmp_path, "hello.py")
    assert (ran.stdout, ran.returncode) == ("Hello, Ada! Yours, redflow\n", 0), ran.stderr


@pytest.mark.process
def test_the_api_without_fastapi(tmp_path):
    call("init", str(tmp_path), "--template", "fastapi")
    (tmp_path / "fastapi.py").write_text(FASTAPI)
    ran = run_in(tmp_path, "-c", API)
    assert (ran.stdout, ran.returncode) == ("{'items': 1, 'total': 3}\n404\n", 0), ran.stderr


# Writing


def test_nothing_is_written_when_a_file_exists(tmp_path):
    (tmp_path / "hello.py").write_text("mine")
    (tmp_path / "README.md").symlink_to("nowhere")
    result = call("init", str(tmp_path))
    assert (result.code, result.out) == (8, "")
    assert f"error: would overwrite {tmp_path}/README.md, {tmp_path}/hello.py\n" in result.err
    assert "--force" in result.err
    assert (tmp_path / "hello.py").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_with_force_files_are_overwritten_and_others_left(tmp_path):
    (tmp_path / "hello.py").write_text("mine")
    (tmp_path / "other.py").write_text("mine")
    assert call("init", str(tmp_path), "--force").code == 0
    assert (tmp_path / "hello.py").read_text() != "mine"
    assert (tmp_path / "other.py").read_text() == "mine"


def test_a_file_where_a_folder_belongs(tmp_path):
    (tmp_path / "tests").write_text("mine")
    result = call("init", str(tmp_path))
    assert result.code == 2
    assert f"{tmp_path}/tests" in result.err


def test_in_the_working_directory_the_next_steps_name_no_other(tmp_path):
    here = in_process("init", cwd=tmp_path)
    assert here.rows[0] == ["README.md"]
    assert "cd " not in here.err
    assert "next:\n  pip install" in here.err
    assert "  cd shop\n" in in_process("init", "shop", cwd=tmp_path).err


def test_as_json(tmp_path):
    result = call("init", str(tmp_path / "shop"), "--template", "saga", "-o", "json")
    assert (result.json["project"], result.json["template"]) == ("shop", "saga")
    assert all(Path(one).is_file() for one in result.json["files"])


def test_another_template(tmp_path):
    result = call("init", str(tmp_path), "--template", "etl")
    assert result.code == 2
    assert "'hello', 'saga', 'fastapi'" in result.err


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("/a/My Shop_v2.", "my-shop-v2"),
        ("/", "my-app"),
        ("/ä", "my-app"),
        ("redflow", "redflow-app"),
        ("fastapi", "fastapi-app"),
    ],
)
def test_the_name_of_a_project(folder, name):
    assert project_name(Path(folder)) == name


def test_no_template_would_be_taken_for_code():
    assert {path.name for path in TEMPLATES.iterdir()} == set(APPS)
    assert {path.suffix for path in files_below(TEMPLATES)} == {".tmpl"}
