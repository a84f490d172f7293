"""Fixtures of the tests of the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redflow.driver import Connector
from tests.cli.kit import Console, Running


@pytest.fixture
def console(connector: Connector, namespace: str) -> Console:
    """Return the command line on a server and namespace of this test."""
    return Console(connector, namespace)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return what starts command lines as processes; all have ended after the test."""
    running: list[Running] = []

    def start(*arguments: str, **own: str) -> Running:
        running.append(Running(*arguments, cwd=tmp_path, **own))
        return running[-1]

    yield start
    for one in running:
        one.close()
