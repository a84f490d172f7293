"""An engine with a worker, on fakeredis and on a real server."""

from collections.abc import AsyncIterator

import pytest

from redflow import Engine, Metrics
from redflow.driver import Connector


@pytest.fixture
async def engine(connector: Connector, namespace: str) -> AsyncIterator[Engine]:
    """Return an engine in a namespace of its own, without a worker."""
    async with Engine(connector, namespace=namespace, metrics=Metrics()) as made:
        yield made
