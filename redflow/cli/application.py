"""Finds an application's engine: `module:attribute`, with the working directory on the path."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

from redflow.cli.base import NO_URL_HINT, State, nearest
from redflow.errors import InvalidInput, Misconfigured, RedflowError

if TYPE_CHECKING:
    from redflow.engine import Engine
    from redflow.model.workflow import Workflow

FORM = "write module:attribute, such as shop:engine"


def engine_of(state: State, app: str) -> Engine:
    """Return the engine of an application, on the server and namespace that options or environment
    name.

    Raises Misconfigured for one on a private server, which no other process could reach.
    """
    engine, _ = load_engine(app)
    return placed(state, engine, app)


def placed(state: State, engine: Engine, app: str) -> Engine:
    """Return the engine itself, or the same application on another server or namespace."""
    from redflow.driver import MemoryConnector
    from redflow.engine import EmbeddedConnector

    server = state.server or state.url
    if server is None and isinstance(engine.connector, (EmbeddedConnector, MemoryConnector)):
        raise Misconfigured(
            f"{app} keeps its data in its own process: no other could start or see an execution",
            hint=NO_URL_HINT,
        )
    if server is None and "namespace" not in state.given:
        return engine
    namespace = state.namespace if "namespace" in state.given else engine.namespace
    return engine.elsewhere(server or engine.connector, namespace)


def load_engine(app: str) -> tuple[Engine, ModuleType]:
    """Import the module of `module:attribute` and return the engine with it.

    Raises InvalidInput that says which part is wrong; errors of redflow pass as they are.
    """
    from redflow.engine import Engine

    found, module = named_in(app)
    name, attribute = names_of(app)
    if isinstance(found, Engine):
        return found, module
    engines = [key for key, value in vars(module).items() if isinstance(value, Engine)]
    hint = "bind it: engine = redflow.Engine()"
    if engines:
        hint = f"write {name}:{(nearest(attribute, engines) or engines)[0]}"
    if found is None:
        raise _wrong(f"module {name!r} has no attribute {attribute[:80]!a}", hint)
    raise _wrong(f"{name}:{attribute} is a {type(found).__name__}, not an Engine", hint)


def named_in(app: str) -> tuple[Any, ModuleType]:
    """Import the module of `module:attribute` and return what is there, None for nothing."""
    name, attribute = names_of(app)
    module = _import(name)
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found, module


def workflows_of(module: ModuleType, engine: Engine | None = None) -> list[Workflow]:
    """Return the workflows bound in a module or included by its engine, each once, in order."""
    from redflow.model.workflow import Workflow

    found = {value.id: value for value in vars(module).values() if isinstance(value, Workflow)}
    if engine is not None:
        found |= {one.id: one for one in engine.included}
    return list(found.values())


def names_of(app: str) -> tuple[str, str]:
    """Take `module:attribute` apart; raises InvalidInput for another form."""
    name, _, attribute = app.partition(":")
    plain = name.removesuffix(".py")
    if plain != name or not attribute or not all(map(str.isidentifier, name.split("."))):
        hint = f"write {plain[:80]}:{attribute or 'engine'}" if plain.isidentifier() else FORM
        raise _wrong(f"{app[:120]!a} is not module:attribute", hint)
    return name, attribute


def _import(name: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except RedflowError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise no_module(error.name) from None
        raise _failed(name, error) from error
    except SystemExit as error:
        raise _wrong(
            f"module {name!r} ends the program when it is imported",
            'put what it runs behind: if __name__ == "__main__"',
        ) from error
    except Exception as error:
        raise _failed(name, error) from error


def no_module(name: str) -> InvalidInput:
    """Return the error of a module that is nowhere."""
    return _wrong(
        f"there is no module {name!r} in {os.getcwd()} or among the installed packages",
        "run this where the module is, or install it",
    )


def _failed(name: str, error: Exception) -> InvalidInput:
    last = traceback.extract_tb(error.__traceback__)[-1]
    said, line, file = str(error), last.lineno, last.filename
    if isinstance(error, SyntaxError) and error.filename is not None:  # raised by what imports it
        said, line, file = error.msg, error.lineno, error.filename
    return _wrong(
        f"importing {name!r} raised {type(error).__name__}: {said} (line {line} of {file})",
        f"see it alone: python -c 'import {name}'",
    )


def _wrong(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, field="app", hint=hint)
