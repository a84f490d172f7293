"""Requests made from the description, good and bad: none is answered by an error of the server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from redflow.client import AsyncClient
from redflow.driver import MemoryConnector
from tests.api.kit import ORDER, api_of
from tests.api.operations import DOCUMENT, STREAMS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


class Quiet(uvicorn.Server):
    """Leaves signals to the main thread."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve an app over an in-process Redis, in a thread of its own."""
    client = AsyncClient(MemoryConnector(), namespace="shop")
    config = uvicorn.Config(api_of(client), port=0, log_config=None, ws="none", lifespan="off")
    server = Quiet(config)

    async def serve() -> None:
        await client.register_workflow(ORDER)
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


schema = schemathesis.openapi.from_dict(DOCUMENT)
chosen = schema.exclude(operation_id=sorted(STREAMS))


@chosen.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@pytest.mark.timeout(300)
def test_no_request_is_answered_by_an_error_of_the_server(address, case):
    if "namespace" in (case.path_parameters or {}):
        case.path_parameters["namespace"] = "shop"
    response = case.call(base_url=address)
    case.validate_response(response, checks=CHECKS)
