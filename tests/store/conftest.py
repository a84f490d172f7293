"""A store to ask, in memory and on a real server, and the count of random runs."""

from collections.abc import Iterator

import pytest
import redis

from tests.store.support import Store, fake_client
from tests.store.tally import TALLY
from tests.support.clients import server_client


@pytest.fixture(params=["memory", pytest.param("server", marks=pytest.mark.server)])
def client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Return a client of fakeredis, and again of a real server."""
    if request.param == "memory":
        made = fake_client()
    else:
        made = server_client(request.getfixturevalue("server_url"))
    yield made
    made.close()


@pytest.fixture
def server(server_url: str) -> Iterator[redis.Redis]:
    """Return a client of a real server."""
    made = server_client(server_url)
    yield made
    made.close()


@pytest.fixture
def store(client: redis.Redis, namespace: str) -> Iterator[Store]:
    """Return an empty partition; everything in it is removed after the test."""
    made = Store(client, namespace)
    yield made
    made.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.runs:
        terminalreporter.write_line(str(TALLY))
