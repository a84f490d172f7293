"""Fixtures of the whole suite: no network, a real server once per run, names of each test's own."""

import gc
import logging
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from redflow.driver import AsyncDriver, Connector, Driver, MemoryConnector, RedisConnector
from tests.support import declared
from tests.support.leaks import leaks, left_by, remove
from tests.support.network import Guard, loopback_only
from tests.support.rows import measured, pytest_runtest_makereport  # noqa: F401 - a fixture, a hook
from tests.support.server import real_server

declared.install()  # before any test module loads a script

# A shell has what it starts in the background ignore Ctrl-C, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Time limits on single examples fail on busy machines; the timeout of the test bounds the whole.
settings.register_profile("quick", deadline=None, max_examples=20)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("full", parent=settings.get_profile("ci"), max_examples=1000)
settings.load_profile(
    os.environ.get("REDFLOW_TEST_PROFILE") or ("ci" if os.environ.get("CI") else "quick")
)


@pytest.fixture(scope="session", autouse=True)
def network_guard() -> Iterator[Guard]:
    with loopback_only() as guard:
        yield guard


@pytest.fixture(autouse=True)
def _nothing_outside_loopback(network_guard: Guard) -> Iterator[None]:
    before = len(network_guard.refused)
    yield
    hidden = network_guard.refused[before:]
    assert hidden == [], "the code under test left loopback, and hid the error"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Programs that run in this process configure logging; the next test has its own stream."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Return the URL of a real Redis or Valkey; a missing one is an error, never a skip."""
    with real_server() as url:
        yield url


@pytest.fixture
def namespace() -> str:
    """Return a namespace that no other test uses."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["memory", pytest.param("server", marks=pytest.mark.server)])
def connector(request: pytest.FixtureRequest, namespace: str) -> Iterator[Connector]:
    """Return a server to ask: fakeredis, and again a real one; keys left must be known ones."""
    if request.param == "memory":
        made: Connector = MemoryConnector()
    else:
        made = RedisConnector(request.getfixturevalue("server_url"))
    yield made
    cleaner = made.driver()
    left = left_by(cleaner, namespace)
    remove(cleaner, left)
    cleaner.close()
    assert leaks(left, namespace) == []


@pytest.fixture
def sync_driver(connector: Connector) -> Iterator[Driver]:
    """Return a synchronous driver of the server under test."""
    made = connector.driver()
    yield made
    made.close()


@pytest.fixture
async def driver(connector: Connector) -> AsyncIterator[AsyncDriver]:
    """Return an asynchronous driver of the server under test."""
    made = connector.async_driver()
    yield made
    await made.close()


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests that start a server of their own: they would show nothing of another topology."""
    for item in items:
        cases = item.callspec.params.values() if hasattr(item, "callspec") else ()
        given = "server_url" in item.fixturenames or "server" in cases
        if item.get_closest_marker("server") and not given:
            item.add_marker(pytest.mark.single("it starts a server of its own"))


def pytest_collection_finish() -> None:
    """Leave thousands of test items out of every later garbage collection."""
    gc.collect()
    gc.freeze()
