"""Node types of installed distributions: found by entry points, named when they are broken."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redflow.errors import InvalidInput
from redflow.model.workflow import Workflow
from redflow.nodes.installed import installed
from redflow.nodes.registry import Registry

MODULE = """
from redflow import NodeConfig, NodeType

class Shout(NodeType):
    "Answers its text in capitals."
    type = "shout"

    class Config(NodeConfig, frozen=True):
        text: str

    async def execute(self, ctx, config):
        return config.text.upper()

class Log(Shout):
    type = "log"

class Picky(Shout):
    type = "picky"

    def __init__(self, url):
        self.url = url

class Plain:
    pass

made = Shout()
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what installs a distribution `shouting` with an entry point, until the test ends."""

    def install(value: str, *, name: str = "shout", module: str = MODULE) -> None:
        (tmp_path / "shouting_nodes.py").write_text(module)
        about = tmp_path / "shouting-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[redflow.nodes]\n{name} = {value}\n")
        importlib.invalidate_caches()
        installed.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    monkeypatch.undo()
    sys.modules.pop("shouting_nodes", None)
    installed.cache_clear()


def test_a_type_of_an_installed_distribution_is_there(install):
    install("shouting_nodes:Shout")
    registry = Registry()
    assert registry.origin("shout") == "shouting"
    workflow = Workflow.builder("w").add_node("n", "shout", text="hello").build()
    assert registry.problems(workflow) == []


def test_packages_are_read_once_for_all_registries(install, monkeypatch):
    install("shouting_nodes:Shout")
    Registry()
    monkeypatch.setattr("redflow.nodes.installed.entry_points", None)
    assert "shout" in Registry().types


@pytest.mark.parametrize(
    ("value", "module", "says"),
    [
        ("no_such_module:Shout", MODULE, "importing it raised ModuleNotFoundError"),
        ("shouting_nodes:Quiet", MODULE, "importing it raised AttributeError"),
        ("shouting_nodes:Shout", "1 / 0", "ZeroDivisionError: division by zero"),
        ("shouting_nodes:Shout", "raise SystemExit(3)", "importing it raised SystemExit: 3"),
        ("shouting_nodes:Shout", "def Shout(:", "importing it raised SyntaxError"),
        ("shouting_nodes:Plain", MODULE, "it names Plain, not a subclass of redflow.NodeType"),
        ("shouting_nodes:made", MODULE, "it names a Shout, not a subclass of redflow.NodeType"),
        ("shouting_nodes:Picky", MODULE, "Picky() raised TypeError"),
        ("shouting_nodes:Log", MODULE, "node type 'log' is already registered"),
    ],
)
def test_a_broken_entry_point_is_named_with_its_distribution(install, value, module, says):
    install(value, name="loud", module=module)
    with pytest.raises(InvalidInput) as caught:
        Registry()
    message = str(caught.value)
    assert message.startswith(f"entry point 'loud' ({value}) of distribution 'shouting'")
    assert says in message
    assert "upgrade shouting, or uninstall it" in message
