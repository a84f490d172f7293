"""A server on loopback, a dialler that leads there, and clients that are closed."""

import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from redflow.egress import Egress
from tests.egress.kit import NAMES, Dials, Names, StubServer


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    made = StubServer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def dials(server: StubServer) -> Dials:
    return Dials(server.port)


@pytest.fixture
def names() -> Names:
    return Names(copy.deepcopy(NAMES))


@pytest.fixture
async def egress_of(
    server: StubServer, dials: Dials, names: Names
) -> AsyncIterator[Callable[..., Egress]]:
    """Make clients that resolve by `names` and dial by `dials`, and close them in the end."""
    made: list[Egress] = []

    def make(**settings: Any) -> Egress:
        made.append(Egress(**({"resolve": names, "connect": dials} | settings)))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture
def egress(egress_of: Callable[..., Egress]) -> Egress:
    return egress_of()
