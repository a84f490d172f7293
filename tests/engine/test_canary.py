"""Neither a secret nor what users pass shows in logs, metrics, traces of Redis or its files."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from redflow import logs
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import AsyncDriver, Connector
from redflow.egress import Egress
from redflow.engine import Engine
from redflow.errors import ExecutionFailed
from redflow.metrics import Metrics
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.secrets import SecretValue
from tests.engine.test_encryption import QUICK, everything
from tests.faultkit.servers import Server

DATA, SECRET = "canary-data-5be1", "canary-secret-77c0"


class Kept:
    """A provider with one secret, for loopback."""

    def get(self, namespace: str, name: str) -> SecretValue | None:
        return SecretValue(SECRET, ("localhost",), name) if name == "token" else None


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """Answers each request with what it has received, its headers included."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:]
        length = next(
            (int(line[15:]) for line in lines if line.lower()[:15] == "content-length:"), 0
        )
        body = await reader.readexactly(length)
        text = json.dumps({"head": head.decode(), "body": body.decode()}).encode()
        status = b"418 Teapot" if b"refuse" in body else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n" % status)
        writer.write(b"x-echo: %b\r\n" % head.split(b"Authorization: ")[1].split(b"\r\n")[0])
        writer.write(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text) + text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def calls(port: int) -> Workflow:
    return (
        Workflow.builder("calls")
        .add_node(
            "call",
            "http",
            url=f"http://localhost:{port}/",
            method="POST",
            json="${input}",
            auth={"bearer": {"$secret": "token"}},
        )
        .add_node("use", "function", function="use")
        .connect("call", "use")
        .build()
    )


def engine_for(connector: Connector | str, namespace: str, port: int, metrics: Metrics) -> Engine:
    made = Engine(
        connector,
        namespace=namespace,
        metrics=metrics,
        crypto=Crypto([Key("k1", b"1" * 32)]),
        egress=Egress({"*": [f"localhost:{port}"]}, denied=metrics.count_denied),
        secrets=[Kept()],
    )

    @made.function(retry=2)
    async def use(ctx: Context, value: Any) -> Any:
        token = await ctx.secret("token")
        if ctx.attempt == 1:
            raise ValueError(f"{token.value} with {value}")
        return {"used": f"Basic {token.value}", "was": value}

    return made


async def run_both(engine: Engine, port: int) -> tuple[Any, str]:
    """The output of an execution that completes, and the error of one that fails."""
    await engine.register_workflow(calls(port))
    async with engine.worker(**QUICK):
        done = await engine.execute("calls", {"say": DATA})
        output = await done.result(timeout=20)
        bad = await engine.execute("calls", {"say": f"{DATA} refuse"})
        with pytest.raises(ExecutionFailed) as raised:
            await bad.result(timeout=20)
    return output, str(raised.value)


async def test_secrets_and_data_show_nowhere(
    connector: Connector, driver: AsyncDriver, namespace: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    metrics = Metrics()
    async with echo_server() as port, engine_for(connector, namespace, port, metrics) as engine:
        output, error = await run_both(engine, port)
    assert DATA in json.dumps(output)
    assert "***token***" in output["used"]
    assert "Bearer ***token***" in output["was"]["body"]["head"]
    assert output["was"]["headers"]["x-echo"] == "Bearer ***token***"
    shown = [logs.JsonFormatter().format(record) for record in caplog.records]
    places = {
        "output": json.dumps(output),
        "error": error,
        "logs": "\n".join(shown),
        "metrics": metrics.expose().decode(),
        "Redis": (await everything(driver, namespace)).decode(),
    }
    assert [name for name, text in places.items() if SECRET in text] == []
    # The error shows what the server said, as the output does: both are sealed.
    assert [name for name, text in places.items() if DATA in text] == ["output", "error"]
    assert 'redflow_steps_processed_total{namespace="' in places["metrics"]


@pytest.mark.server
async def test_no_file_of_redis_holds_them(namespace: str):
    """Snapshot and append-only file, searched byte by byte."""
    with Server("7.0", "--appendonly", "yes") as server:
        async with (
            echo_server() as port,
            engine_for(server.url, namespace, port, Metrics()) as engine,
        ):
            await run_both(engine, port)
        server.ask("SAVE")
        files = [path for path in Path(server.directory).rglob("*") if path.is_file()]
        found = {path.name: path.read_bytes() for path in files}
    assert {"dump.rdb"} < set(found)
    assert any(namespace.encode() in data for data in found.values())
    for canary in (DATA.encode(), SECRET.encode()):
        assert [name for name, data in found.items() if canary in data] == []
