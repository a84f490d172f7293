"""Servers of the simulation: each run has one for itself."""

from collections.abc import Iterator

import pytest

from tests.simulation.clocks import virtual_ids
from tests.simulation.servers import Connect, real
from tests.support.server import started_server


@pytest.fixture(autouse=True)
def _virtual_ids() -> Iterator[None]:
    with virtual_ids():
        yield


@pytest.fixture(scope="session")
def simulation_url() -> Iterator[str]:
    """Return the URL of a real server that runs may empty."""
    with started_server() as url:
        yield url


@pytest.fixture
def own_server(simulation_url: str) -> Connect:
    """Return what connects to a real server that runs may empty."""
    return real(simulation_url)
