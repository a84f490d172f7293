"""No node reaches the network but through `redflow.egress`; whoever imports a client is named."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tree import PACKAGE, name_of

CLIENTS = {
    *("httpx", "httpcore", "requests", "aiohttp", "urllib3", "urllib.request", "http.client"),
    *("socket", "ssl", "socketserver", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib"),
    *("websockets", "grpc", "xmlrpc.client"),
}
OPENERS = {"open_connection", "create_connection", "open_unix_connection", "sock_connect"}
NAMING = {
    "redflow/worker/settings.py": {"socket"},  # gethostname, for the id of a worker
    "redflow/worker/parts.py": {"socket"},  # gethostname, for the record of a worker
    "redflow/client/actor.py": {"socket"},  # gethostname, for who asked
}
FREE = ("redflow/egress/", "redflow/driver/")


def files() -> list[Path]:
    """Return every file of the package but the two packages that are there to reach servers."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [path for path in found if not name_of(path).startswith(FREE)]


def clients_in(text: str) -> Iterator[str]:
    """Yield the modules that a text imports, wherever in it, and the connections it opens."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and node.attr in OPENERS:
            yield node.attr
            continue
        else:
            continue
        yield from (one for name in names for one in CLIENTS if f"{name}.".startswith(f"{one}."))


@pytest.mark.parametrize("folder", ["redflow/nodes/", "redflow/worker/", "redflow/engine.py"])
def test_the_rule_looks_at_what_it_is_about(folder: str):
    assert any(name_of(path).startswith(folder) for path in files())


def test_nothing_else_reaches_a_server():
    found = {name_of(path): set(clients_in(path.read_text(encoding="utf-8"))) for path in files()}
    assert {name: clients for name, clients in found.items() if clients} == NAMING


def test_those_who_may_name_their_host_do_no_more():
    for name in NAMING:
        text = (PACKAGE.parent / name).read_text(encoding="utf-8")
        used = {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "socket"
        }
        assert used == {"gethostname"}, name


def test_httpx_is_imported_in_one_module():
    importers = [
        name_of(path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if "httpx" in set(clients_in(path.read_text(encoding="utf-8")))
    ]
    assert importers == ["redflow/egress/sending.py"]


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("import httpx", "httpx"),
        ("def f():\n    import urllib.request", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("from http.client import HTTPConnection", "http.client"),
        ("import asyncio\nasyncio.open_connection('h', 1)", "open_connection"),
    ],
)
def test_the_rule_sees(text: str, client: str):
    assert client in set(clients_in(text))


def test_the_rule_lets_pass():
    assert set(clients_in("import urllib.parse, http, socketlike\nfrom . import socket")) == set()
