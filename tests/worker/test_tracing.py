"""Spans of executions: one trace, links to what went before, no payload."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from redflow.driver import Connector
from redflow.engine import Engine
from redflow.errors import Misconfigured
from redflow.model.headers import TRACE, decode_headers
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.tracing import TraceMode, configure, read_sent, tracing
from redflow.tracing.ids import Run
from redflow.tracing.mode import ERA
from redflow.tracing.part import Sent
from redflow.tracing.spans import before, is_child
from tests.worker.kit import QUICK, until

CANARY, SECONDS = "canary-5f1c", 10


class Recorded:
    """What was exported, by name."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [one for one in self.exporter.get_finished_spans() if one.name.startswith(name)]

    def one(self, name: str) -> ReadableSpan:
        (found,) = [one for one in self.spans() if one.name == name]
        return found


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    found = Recorded()
    configure(provider=found.provider)
    yield found
    configure()
    found.provider.shutdown()


@pytest.fixture
async def engine(connector: Connector, namespace: str):
    async with Engine(connector, namespace=namespace) as made:
        yield made


def working(engine: Engine, **settings: Any):
    return engine.worker(interval=0.2, beat=QUICK.beat, sweep=QUICK.sweep, drain=1.0, **settings)


def context_of(span: ReadableSpan) -> trace.SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def id_of(span: ReadableSpan) -> int:
    return context_of(span).span_id


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def fan_in(engine: Engine, recorded: Recorded, mode: str | None = None) -> list[ReadableSpan]:
    """Run s > a, b, c > join and answer the spans of its steps."""
    configure(provider=recorded.provider, mode=mode)

    @engine.function
    async def work(ctx, value):
        await asyncio.sleep(0)
        return value

    builder = Workflow.builder("fan")
    for node in ("s", "a", "b", "c", "join"):
        builder.add_node(node, "function", function="work")
    for node in ("a", "b", "c"):
        builder.connect("s", node)
        builder.connect(node, "join")
    await engine.register_workflow(builder.build(), partitions=2)
    async with working(engine):
        await (await engine.execute("fan", {"secret": CANARY}, id="e1")).result(SECONDS)
    return recorded.spans("process ")


async def test_an_execution_is_one_trace_and_a_join_links_to_every_predecessor(engine, recorded):
    steps = await fan_in(engine, recorded)
    send = recorded.one("send fan")
    assert len(steps) == 5
    assert {context_of(one).trace_id for one in (*steps, send)} == {context_of(send).trace_id}
    assert {one.parent.span_id for one in steps if one.parent} == {id_of(send)}
    parents = {id_of(recorded.one(f"process {node}")) for node in "abc"}
    assert linked(recorded.one("process join")) == parents
    assert (send.kind, steps[0].kind) == (trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER)
    known = attributes(recorded.one("process join"))
    assert known["messaging.system"] == "redis"
    assert known["messaging.destination.name"] == "default"
    assert (known["redflow.execution.id"], known["redflow.node.id"]) == ("e1", "join")
    assert known["redflow.outcome"] == "completed"


async def test_linked_steps_have_traces_of_their_own(engine, recorded):
    steps = await fan_in(engine, recorded, "linked")
    send = recorded.one("send fan")
    assert len({context_of(one).trace_id for one in (*steps, send)}) == 6
    assert all(one.parent is None for one in steps)
    assert all(id_of(send) in linked(one) for one in steps)
    parents = {(context_of(one).trace_id, id_of(one)) for one in steps if one.name[-1] in "abc"}
    join = {
        (one.context.trace_id, one.context.span_id) for one in recorded.one("process join").links
    }
    assert parents < join


@pytest.mark.parametrize(("mode", "same"), [("inherit", True), ("execution", False)])
async def test_the_caller_is_a_parent_or_linked_to(engine, recorded, mode, same):
    with recorded.provider.get_tracer("app").start_as_current_span("request") as request:
        steps = await fan_in(engine, recorded, mode)
    caller, send = request.get_span_context(), recorded.one("send fan")
    assert (context_of(send).trace_id == caller.trace_id) is same
    assert (linked(send) == {caller.span_id}) is not same
    assert {context_of(one).trace_id for one in steps} == {context_of(send).trace_id}


async def test_a_retry_links_to_the_attempt_before_and_tells_its_error_by_type(engine, recorded):
    @engine.function
    async def shaky(ctx, value):
        if ctx.attempt == 1:
            raise OSError(CANARY)

    flow = Workflow.builder("w").add_node("shaky", "function", function="shaky")
    flow.with_retry(RetryPolicy(2, initial_interval=0.001, jitter="none"))
    await engine.register_workflow(flow.build(), partitions=2)
    async with working(engine):
        await (await engine.execute("w")).result(SECONDS)
    first, second = recorded.spans("process shaky")
    assert linked(second) == {id_of(first)}
    assert attributes(first)["error.type"] == "OSError"
    assert (attributes(first)["redflow.outcome"], first.status.status_code.name) == (
        "failed", "ERROR",
    )  # fmt: skip
    assert "error.type" not in attributes(second)


async def test_a_step_that_waits_and_its_child_are_linked_both_ways(engine, recorded):
    @engine.function
    async def inner(value):
        return value

    child = Workflow.builder("child").add_node("inner", "function", function="inner").build()
    parent = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child").build()
    await engine.register_workflow(child, partitions=2)
    await engine.register_workflow(parent)
    async with working(engine):
        await (await engine.execute("parent", 1, id="p1")).result(SECONDS)
    asked, resumed = recorded.spans("process sub")
    sent, step = recorded.one("send child"), recorded.one("process inner")
    assert sent.parent is not None
    assert sent.parent.span_id == id_of(asked)
    assert step.parent is not None
    assert step.parent.span_id == id_of(sent)
    assert linked(resumed) == {id_of(asked), id_of(sent)}
    assert len({context_of(one).trace_id for one in recorded.spans()}) == 1
    assert attributes(asked)["redflow.outcome"] == "child"


@pytest.mark.parametrize("where", ["coroutine", "thread"])
async def test_spans_of_functions_are_below_their_step(engine, recorded, where):
    tracer = recorded.provider.get_tracer("app")

    def own() -> None:
        with tracer.start_as_current_span("own"):
            pass

    async def coroutine(value):
        own()
        await asyncio.sleep(0)
        own()

    engine.registry.register_function("f", coroutine if where == "coroutine" else lambda _: own())
    flow = Workflow.builder("w").add_node("f", "function", function="f").build()
    await engine.register_workflow(flow, partitions=2)
    async with working(engine):
        await (await engine.execute("w")).result(SECONDS)
    step = recorded.one("process f")
    assert {one.parent.span_id for one in recorded.spans("own") if one.parent} == {id_of(step)}


async def test_what_is_not_sampled_records_nothing_and_stays_so(engine, recorded):
    off = TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    configure(provider=off)

    @engine.function
    async def work(value):
        return f"{trace.get_current_span().get_span_context().span_id:x}"

    flow = Workflow.builder("w").add_node("work", "function", function="work").build()
    await engine.register_workflow(flow, partitions=2)
    handle = await engine.execute("w")
    configure(provider=recorded.provider)  # a worker that samples everything
    async with working(engine):
        assert await handle.result(SECONDS) != "0"
    assert recorded.spans() == []


async def test_a_worker_with_tracing_shows_executions_that_were_started_without(engine, recorded):
    @engine.function
    async def work(value):
        return value

    flow = Workflow.builder("w").add_node("a", "function", function="work")
    flow.add_node("b", "function", function="work").connect("a", "b")
    await engine.register_workflow(flow.build(), partitions=2)
    configure()
    assert tracing() is None
    handle = await engine.execute("w")
    configure(provider=recorded.provider)
    async with working(engine):
        await handle.result(SECONDS)
    steps = recorded.spans("process ")
    assert len(steps) == 2
    assert len({context_of(one).trace_id for one in steps}) == 1


async def test_no_payload_gets_into_a_span(engine, recorded):
    await fan_in(engine, recorded)
    assert recorded.spans()
    assert all(CANARY not in one.to_json() for one in recorded.spans())


async def test_lines_carry_the_trace(engine, recorded):
    found: dict[str, Any] = {}

    @engine.function
    async def work(ctx, value):
        found.update(ctx.log_fields())

    flow = Workflow.builder("w").add_node("work", "function", function="work").build()
    await engine.register_workflow(flow, partitions=2)
    async with working(engine):
        await (await engine.execute("w")).result(SECONDS)
    await until(lambda: recorded.spans("process work"))
    assert found["trace_id"] == f"{context_of(recorded.one('send w')).trace_id:032x}"


# --- what travels


def test_the_part_comes_back_and_damage_is_no_trace():
    sent = Sent(1, 2, 1, "vendor=x", TraceMode.LINKED, 99)
    assert read_sent(sent.part()) == sent
    assert sent.traceparent == f"00-{1:032x}-{2:016x}-01"
    for part in (
        None,
        7,
        {},
        {"p": "00-x"},
        {"p": f"00-{0:032x}-{2:016x}-01"},
        {"p": sent.traceparent, "t": "x"},
    ):
        assert read_sent(part) is None


def test_a_long_state_does_not_travel():
    assert "s" not in Sent(1, 2, 1, "v=" + "x" * 256).part()


def test_a_trace_of_an_execution_ends_after_an_hour(recorded):
    traces = tracing()
    assert traces is not None
    sent, run = Sent(7, 8, 1, at=1000), Run("e", 1)
    hours = [traces.trace_id(sent, run, 1000 + ERA * hour) for hour in (0, 1, 2)]
    assert hours[0] == traces.trace_id(sent, Run("e", 2), ERA) == 7
    assert len(set(hours)) == 3
    assert hours[1] == traces.trace_id(sent, Run("e", 2), 1000 + ERA * 2 - 1)
    inherited = Sent(7, 8, 1, mode=TraceMode.INHERIT, at=1000)
    assert traces.trace_id(inherited, run, ERA * 9) == 7


def test_a_run_after_an_hour_is_a_root_that_links_to_the_start(recorded):
    traces = tracing()
    assert traces is not None
    sent = Sent(7, 8, 1, at=1000)
    run = Run("e", 1, resumed="9-0")
    traces.begin_process(sent, run, name="n", at=1000 + ERA, attributes={}).end()
    span = recorded.one("process n")
    assert span.parent is None
    assert linked(span) == {8}


@pytest.mark.parametrize(
    ("run", "led_to_it"),
    [
        (Run("e", 1), []),
        (Run("e", 1, 3), [Run("e", 1, 2)]),
        (Run("e", 1, 2, 1), [Run("e", 1, 2, 0)]),
        (Run("e", 1, 2, 1, 1), [Run("e", 1, 2, 0, 1)]),
        (Run("e", 1, 1, 0, 2), [Run("e", 1, 1, 0, 1)]),
        (Run("e", 1, 2, resumed="5-0"), [Run("e", 1, 2)]),
    ],
)
def test_runs_before(run, led_to_it):
    assert before(run) == led_to_it


@pytest.mark.parametrize(
    ("execution", "child"),
    [("e", False), ("e.sub", True), ("e~r1.sub~2", True), ("daily.1700000000", False)],
)
def test_children_are_known_by_their_id(execution, child):
    assert is_child(execution) is child


def test_another_generator_gets_the_ids_nobody_chose(recorded):
    traces = tracing()
    assert traces is not None
    assert traces.chosen is not None
    traces.chosen.choose(5)
    assert traces.chosen.generate_span_id() == 5
    assert traces.chosen.generate_span_id() != 5


def test_an_unknown_mode_is_refused(monkeypatch, recorded):
    with pytest.raises(Misconfigured, match="trace mode 'all'"):
        configure(mode="all")
    configure(provider=recorded.provider)
    monkeypatch.setenv("REDFLOW_TRACE_MODE", "sometimes")
    with pytest.raises(Misconfigured, match="execution, linked, inherit"):
        tracing()


async def test_the_headers_hold_the_trace(engine, recorded):
    @engine.function
    async def work(ctx, value):
        return ctx.headers[TRACE]["p"]

    flow = Workflow.builder("w").add_node("work", "function", function="work").build()
    await engine.register_workflow(flow, partitions=2)
    async with working(engine):
        found = await (await engine.execute("w")).result(SECONDS)
    assert f"{id_of(recorded.one('send w')):016x}" in found
    assert decode_headers(None) == {}


NOT_INSTALLED = """
import asyncio, sys
sys.modules["opentelemetry"] = None  # an import of it fails, as where it is not installed
from redflow.engine import Engine
from redflow.errors import Misconfigured
from redflow.model.workflow import Workflow
from redflow.tracing import configure

async def main():
    async with Engine.memory() as engine:
        engine.registry.register_function("f", lambda value: value)
        flow = Workflow.builder("w").add_node("f", "function", function="f").build()
        await engine.register_workflow(flow)
        async with engine.worker():
            print(await (await engine.execute("w", 1)).result(10))
    try:
        configure(provider=object())
    except Misconfigured as error:
        print(error.hint)

asyncio.run(main())
"""


@pytest.mark.process
def test_opentelemetry_need_not_be_installed():
    line = [sys.executable, "-c", NOT_INSTALLED]
    done = subprocess.run(line, check=False, timeout=60, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ('1\npip install "redflow-engine[otel]"\n', 0)


def test_the_api_alone_is_no_tracing():
    """Other libraries import it where it is installed: nobody has said where spans go."""
    configure()
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert tracing() is None
