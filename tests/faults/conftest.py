"""A partition on a real server, for faults at the level of scripts."""

from collections.abc import Iterator

import pytest
import redis

from tests.store.support import Store
from tests.support.clients import server_client


@pytest.fixture
def client(server_url: str) -> Iterator[redis.Redis]:
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
