"""Lines of logs: every one names its step and no other, in coroutines, tasks and threads."""

import asyncio
import io
import json
import logging
from typing import Any

import pytest

from redflow import logs
from redflow.engine import Engine
from redflow.model.headers import REQUEST, TRACE, encode_headers
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context, StepInfo

STEPS = 1000
L1 = {"ts", "level", "event", "namespace", "workflow", "execution_id", "step_id", "attempt",
      "worker_id", "request_id"}  # fmt: skip
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what a logger of the application writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("app")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.INFO)
    return stream


class Request:
    """What an application binds while it serves a request."""

    def log_fields(self) -> dict[str, Any]:
        return {"request_id": "r-1"}


@pytest.mark.parametrize("where", ["coroutine", "thread"])
async def test_a_thousand_steps_at_once_do_not_cross(written, where):
    logger, open_ = logging.getLogger("app"), asyncio.Event()
    begun = 0

    async def deeper(value):
        logger.info("inside", extra={"value": value})

    async def work(value):
        nonlocal begun
        begun += 1
        if begun == STEPS:
            open_.set()
        await open_.wait()  # until all of them run
        await asyncio.create_task(deeper(value))

    def plain(value):
        logger.info("inside", extra={"value": value})

    async with Engine.memory() as engine:
        engine.registry.register_function("work", work if where == "coroutine" else plain)
        flow = Workflow.builder("w").add_node("work", "function", function="work").build()
        await engine.register_workflow(flow, partitions=2)
        ids = [f"e{number}" for number in range(STEPS)]
        token = logs.current.set(Request())
        handles = await engine.execute_many("w", ids, ids=ids)
        logs.current.reset(token)
        async with engine.worker(concurrency=STEPS, threads=16):
            for handle in handles:
                await handle.result(30)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert len(lines) == STEPS
    assert [line for line in lines if line["value"] != line["execution_id"]] == []
    assert {line["value"] for line in lines} == set(ids)
    assert all(set(line) >= L1 and line["request_id"] == "r-1" for line in lines)


def context(headers: bytes | None) -> Context:
    info = StepInfo("shop", "order", 1, "charge", "w1", None)
    return Context(info, "e1", 1, "1-0", None, headers=headers)


def test_the_trace_and_the_request_come_from_the_headers():
    headers = encode_headers({TRACE: {"p": TRACEPARENT}, REQUEST: "r-1", "other": 1})
    fields = context(headers).log_fields()
    assert (fields["trace_id"], fields["request_id"]) == (TRACEPARENT[3:35], "r-1")


@pytest.mark.parametrize(
    "headers",
    [None, b"\xff", encode_headers({TRACE: "text", REQUEST: 7}), encode_headers({"a": 1})],
)
def test_headers_without_them_or_damaged_cost_no_line(headers):
    assert not {"trace_id", "request_id"} & set(context(headers).log_fields())


def record(**more: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "said", "levelname": "INFO", "levelno": 20, **more})


def test_the_request_of_this_context_is_found():
    assert logs.request_id() == ""
    token = logs.current.set(Request())
    assert logs.request_id() == "r-1"
    assert json.loads(logs.JsonFormatter().format(record()))["request_id"] == "r-1"
    logs.current.reset(token)


@pytest.mark.parametrize(
    ("format", "kind"), [("json", logs.JsonFormatter), ("console", logs.ConsoleFormatter)]
)
def test_both_formats_can_be_chosen(monkeypatch, format, kind):
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", root)
    logs.configure(level="DEBUG", stream=io.StringIO(), format=format)
    assert [type(one.formatter) for one in root.handlers] == [kind]


def test_a_line_for_people_names_no_step_where_there_is_none():
    assert logs.ConsoleFormatter().format(record()).partition(" ")[2] == "said"
    token = logs.current.set(Request())
    assert logs.ConsoleFormatter().format(record()).partition(" ")[2] == "said"
    logs.current.reset(token)
