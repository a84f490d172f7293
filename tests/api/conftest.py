"""An app over a client of a namespace of its own, and somebody who asks it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from redflow.api.app import Api
from redflow.client import AsyncClient
from redflow.driver import Connector, MemoryConnector
from tests.api.kit import ORDER, api_of, asking


@pytest.fixture(autouse=True)
def few_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    for twin in ("_async", "_sync"):
        monkeypatch.setattr(f"redflow.client.{twin}.namespace.PARTITIONS", 2)


@pytest.fixture
def connector() -> Connector:
    """Return an in-process server; what the API asks for is tested on real ones elsewhere."""
    return MemoryConnector()


@pytest.fixture
async def client(connector: Connector) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(connector, namespace="shop") as made:
        await made.register_workflow(ORDER)
        yield made


@pytest.fixture
async def app(client: AsyncClient) -> AsyncIterator[Api]:
    made = api_of(client)
    yield made
    await made.close()


@pytest.fixture
async def http(app: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(app) as asked:
        yield asked
