"""`redflow serve`: what it refuses to open, whom it asks for a key, and how it stops."""

import asyncio
import re
import signal

import httpx
import pytest

from redflow.cli.base import State
from redflow.cli.http_server import Plan, api_of, is_loopback
from redflow.cli.tree import run
from redflow.client import AsyncClient
from redflow.driver import MemoryConnector, RedisConnector
from redflow.engine import Engine
from redflow.model.workflow import Workflow
from tests.cli.kit import Running, saying
from tests.support.leaks import left_by, remove

EMPTY = Workflow.builder("order").add_node("log", "log", message="hi").build()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "redflow.example.com"])
def test_a_public_address_without_any_login_is_refused(host, capsys):
    code = run(["serve", "--host", host, "--port", "0"], State(server=MemoryConnector()))
    assert code == 78
    assert "redflow key create --role" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((name, True) for name in ("127.0.0.1", "127.9.9.9", "::1", "localhost")),
        *((name, False) for name in ("0.0.0.0", "::", "192.0.2.7", "local.example.com")),
    ],
)
def test_what_is_this_machine_alone(host, local):
    assert is_loopback(host) is local


@pytest.mark.parametrize("engine", [True, False])
async def test_keys_are_asked_for_as_soon_as_there_is_one(engine):
    plan = Plan(host="127.0.0.1", port=0)
    kind = Engine if engine else AsyncClient
    async with kind(MemoryConnector(), namespace="shop") as client:
        before = await api_of(client, plan)
        await client.register_workflow(EMPTY)
        await client.api_keys.create("operator")
        after = await api_of(client, plan)
        open_all_the_same = await api_of(
            client, Plan(host="127.0.0.1", port=0, insecure_no_auth=True)
        )
    asked = [one.needs_login for one in (before, after, open_all_the_same)]
    assert asked == [False, True, False]


@pytest.fixture
def shop(server_url, namespace):
    """A namespace with a workflow and a key, on a real server."""

    async def fill() -> str:
        async with Engine(server_url, namespace=namespace) as engine:
            await engine.register_workflow(EMPTY)
            return (await engine.api_keys.create("operator")).key

    key = asyncio.run(fill())
    yield server_url, namespace, key
    cleaner = RedisConnector(server_url).driver()
    remove(cleaner, left_by(cleaner, namespace))
    cleaner.close()


@pytest.mark.server
@pytest.mark.process
def test_it_serves_follows_and_stops_with_success(shop, tmp_path):
    url, namespace, key = shop
    own = {"REDFLOW_URL": url, "REDFLOW_NAMESPACE": namespace}
    running = Running("serve", "--port", "0", cwd=tmp_path, **own)
    try:
        said = "\n".join(running.wait_for(saying("running on http")))
        base = re.findall(r"http://127\.0\.0\.1:\d+", said)[-1]
        executions = f"{base}/api/{namespace}/executions"
        with httpx.Client(headers={"authorization": f"Bearer {key}"}, trust_env=False) as http:
            nobody = httpx.post(executions, json={"workflow": "order"}, trust_env=False)
            started = http.post(executions, json={"workflow": "order", "id": "o-1"})
            with http.stream("GET", f"{executions}/o-1/events") as stream:
                lines = stream.iter_lines()
                first = next(line for line in lines if line.startswith("event:"))
                running.process.send_signal(signal.SIGTERM)
                last = [line for line in lines if line.startswith(("event:", "data:"))][-2:]
        code = running.ends()
    finally:
        running.close()

    assert (nobody.status_code, started.status_code) == (401, 201)
    assert first == "event: workflow.started"
    assert last == ["event: end", 'data: {"reason":"closing"}']
    assert code == 0
