"""Traces across processes: a producer here, workers elsewhere, one of them killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from redflow.driver import RedisConnector
from redflow.engine import Engine
from redflow.model.workflow import Workflow
from redflow.tracing import configure
from tests.support.leaks import left_by, remove

pytestmark = [pytest.mark.server, pytest.mark.process]

ROOT = Path(__file__).parents[2]
SECONDS = 30

FLOW = (
    Workflow.builder("flow")
    .add_node("first", "function", function="work")
    .add_node("second", "function", function="hang")
    .connect("first", "second")
    .build()
)


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """Return what this process exports."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    configure(provider=provider)
    yield exporter
    configure()
    provider.shutdown()


@pytest.fixture
def cleaned(server_url: str, namespace: str) -> Iterator[None]:
    yield
    driver = RedisConnector(server_url).driver()
    remove(driver, left_by(driver, namespace))
    driver.close()


class Worker:
    """A worker process and the spans it has exported."""

    def __init__(self, url: str, namespace: str, *words: str) -> None:
        line = [sys.executable, "-m", "tests.worker.traced", url, namespace, *words]
        self.process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def said(self, name: str) -> dict[str, Any]:
        """Wait for a line with this name."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line: dict[str, Any] = json.loads(text)
            if line["name"] == name:
                return line
        raise AssertionError(f"the worker ended without a word of {name}")


async def test_one_trace_from_the_producer_to_the_worker(server_url, namespace, exported, cleaned):
    async with Engine(RedisConnector(server_url), namespace=namespace) as engine:
        await engine.register_workflow(FLOW, partitions=2, check=lambda _: [])
        with Worker(server_url, namespace) as worker:
            await (await engine.execute("flow")).result(SECONDS)
            spans = [worker.said("process first"), worker.said("process second")]
    (send,) = exported.get_finished_spans()
    context = send.get_span_context()
    assert context is not None
    assert {one["trace"] for one in spans} == {context.trace_id}
    assert {one["parent"] for one in spans} == {context.span_id}


@pytest.mark.fault
async def test_a_worker_killed_in_a_step_leaves_the_trace_whole(
    server_url, namespace, exported, cleaned
):
    async with Engine(RedisConnector(server_url), namespace=namespace) as engine:
        await engine.register_workflow(FLOW, partitions=2, check=lambda _: [])
        with Worker(server_url, namespace, "hangs") as first:
            handle = await engine.execute("flow", "hang")
            before = first.said("process first")
            first.said("hangs")
            first.process.send_signal(signal.SIGKILL)
        with Worker(server_url, namespace) as second:
            await handle.result(SECONDS)
            after = second.said("process second")
    (send,) = exported.get_finished_spans()
    context = send.get_span_context()
    assert context is not None
    assert before["trace"] == after["trace"] == context.trace_id
    assert (after["parent"], after["deliveries"]) == (context.span_id, 1)
    assert len(after["links"]) == 1
