"""A client of a namespace of its own, with workers that run when told to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from redflow.client import AsyncClient, Client
from redflow.driver import AsyncDriver, Connector
from tests.client.kit import Workers

PARTITIONS = 4
"""Of the namespaces of these tests, unless one asks for another number: few are made faster."""


@pytest.fixture(autouse=True)
def few_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    for twin in ("_async", "_sync"):
        monkeypatch.setattr(f"redflow.client.{twin}.namespace.PARTITIONS", PARTITIONS)


@pytest.fixture
async def client(connector: Connector, namespace: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(connector, namespace=namespace) as made:
        yield made


@pytest.fixture
def sync_client(connector: Connector, namespace: str) -> Iterator[Client]:
    with Client(connector, namespace=namespace) as made:
        yield made


@pytest.fixture
def workers(client: AsyncClient, driver: AsyncDriver) -> Workers:
    return Workers(client, driver)
