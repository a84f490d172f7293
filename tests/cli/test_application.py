"""`-A module:engine`: which part is wrong, said in one line; and where the engine then works."""

import sys

import pytest

from redflow.cli.application import engine_of, load_engine, workflows_of
from redflow.cli.base import State
from redflow.driver import MemoryConnector
from redflow.errors import InvalidInput, Misconfigured
from redflow.model.workflow import Workflow
from tests.cli.kit import ORDER


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return what writes a module into the working directory and names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text, name="shop_of_test"):
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return name

    return write


ENGINE = "from redflow import Engine\nengine = Engine.memory(namespace='own')\n"


def test_an_engine_is_found_in_the_working_directory(module):
    engine, found = load_engine(f"{module(ENGINE)}:engine")
    assert found.engine is engine
    assert sys.path[0]


def test_dotted_modules_and_attributes(module):
    module("", "pack_of_test.__init__")
    module(ENGINE + "class app:\n    inner = engine\n", "pack_of_test.deep")
    engine, found = load_engine("pack_of_test.deep:app.inner")
    assert engine is found.engine


@pytest.mark.parametrize(
    "app", ["", "shop", ":engine", "shop:", "a b:c", "shop.py:engine", "../x:y"]
)
def test_another_form_is_refused(app):
    with pytest.raises(InvalidInput) as caught:
        load_engine(app)
    assert "engine" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["no_such_of_test", "no_such_of_test.deep", "json.no_such_of_test"]
)
def test_a_module_that_is_not_there(module, name):
    with pytest.raises(InvalidInput, match="there is no module"):
        load_engine(f"{name}:engine")


def test_a_module_whose_own_import_is_missing(module):
    name = module("import no_such_of_test\n")
    with pytest.raises(InvalidInput, match="raised ModuleNotFoundError: No module named 'no_such"):
        load_engine(f"{name}:engine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", r"raised ZeroDivisionError: division by zero \(line 1 of "),
        ("def f(:\n", "raised SyntaxError"),
        ("import sys\nsys.exit(3)\n", "ends the program when it is imported"),
        ("x = 1\n", "has no attribute 'engine'"),
        ("engine = 1\n", "is a int, not an Engine"),
    ],
)
def test_a_module_that_has_no_engine(module, text, said):
    with pytest.raises(InvalidInput, match=said):
        load_engine(f"{module(text)}:engine")


def test_another_attribute_that_is_an_engine_is_named(module):
    with pytest.raises(InvalidInput) as caught:
        load_engine(f"{module(ENGINE)}:engin")
    assert caught.value.hint == "write shop_of_test:engine"


def test_an_engine_without_url_says_so(module, monkeypatch):
    monkeypatch.delenv("REDFLOW_URL", raising=False)
    with pytest.raises(Misconfigured, match="REDFLOW_URL"):
        load_engine(f"{module('from redflow import Engine; engine = Engine()')}:engine")


def test_an_engine_of_its_own_process_needs_a_server(module):
    app = f"{module(ENGINE)}:engine"
    with pytest.raises(Misconfigured, match="keeps its data in its own process"):
        engine_of(State(), app)
    server = MemoryConnector()
    placed = engine_of(State(server=server), app)
    assert (placed.connector, placed.namespace) == (server, "own")
    assert placed.registry is load_engine(app)[0].registry


WHOLE = """
from redflow import Crypto, Egress, Engine, FileStore, Key
from redflow.secrets import EnvSecrets

class Rights:
    def check_access(self, resource, action):
        return True

engine = Engine(
    "redis://code", crypto=Crypto([Key.new("k1")]), egress=Egress(), secrets=[EnvSecrets({})],
    payloads=FileStore("payloads"), auth=Rights(),
)
engine.events.register_global_handler(print, name="mine")
"""


def test_options_win_over_the_code(module):
    text = "from redflow import Engine\nengine = Engine('redis://code', prefix='p:')\n"
    app = f"{module(text)}:engine"
    own = engine_of(State(), app)
    assert own is load_engine(app)[0]
    placed = engine_of(State(url="redis://line", namespace="n", given={"namespace": "line"}), app)
    assert (placed.connector.where, placed.namespace) == ("line:6379/0", "n")
    assert placed.prefix == "p:"
    moved = engine_of(State(namespace="n", given={"namespace": "environment"}), app)
    assert (moved.connector, moved.namespace) == (own.connector, "n")


def test_an_application_on_another_server_keeps_what_it_was_given(module):
    app = f"{module(WHOLE)}:engine"
    code = load_engine(app)[0]
    placed = engine_of(State(url="redis://line", namespace="n", given={"namespace": "line"}), app)
    assert placed is not code
    assert placed._namespace.crypto is code._namespace.crypto
    assert placed._namespace.values.payloads is code._namespace.values.payloads
    assert (placed._egress, placed._secrets) == (code._egress, code._secrets)
    assert placed._door.gate.provider is code._door.gate.provider
    assert placed.events._consumers.keys() == code.events._consumers.keys() == {"mine"}


def test_workflows_of_a_module(module):
    other = Workflow.builder("other").add_node("a", "log", message="x").build()
    _, found = load_engine(f"{module(ENGINE)}:engine")
    vars(found).update(order=ORDER, same=ORDER, other=other)
    assert workflows_of(found) == [ORDER, other]
