"""A client of a namespace of its own, with workers that run when told to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from redflow.client import AsyncClient, Client
from redflow.driver import AsyncDriver, Connector
from tests.client.kit import Workers


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
