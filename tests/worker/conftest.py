"""The namespace that tests of the worker run in."""

import pytest

from redflow.driver import AsyncDriver, Connector
from tests.worker.kit import Bench


@pytest.fixture
def bench(connector: Connector, driver: AsyncDriver, namespace: str) -> Bench:
    """Return a namespace with two partitions, on each server under test."""
    return Bench(connector, driver, namespace)
