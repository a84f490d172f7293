"""Where a function runs, and what it is called with."""

import functools
from typing import Any

import pytest

from redflow.errors import InvalidInput
from redflow.nodes.base import NotOffered
from redflow.nodes.context import Context, StepInfo
from redflow.nodes.function import FunctionNode, inspect_function
from redflow.nodes.registry import Registry


async def coroutine(value):
    return value


async def coroutine_with_context(ctx, value):
    return ctx, value


def plain(value):
    return value


def plain_with_context(ctx, value):
    return ctx, value


def with_option(value, factor=2):
    return value, factor


def with_named_context(ctx, value=None):
    return ctx, value


def with_anything(*arguments, **options):
    return arguments


def without_parameters():
    return None


def with_three(ctx, value, more):
    return None


def with_required_option(value, *, factor):
    return factor


class Callable:
    """Objects that are called."""

    def __call__(self, value: Any) -> Any:
        return value

    async def method(self, ctx: Any, value: Any) -> Any:
        return value


class AsyncCallable:
    async def __call__(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize(
    ("call", "where", "wants_context"),
    [
        (coroutine, "loop", False),
        (coroutine_with_context, "loop", True),
        (plain, "thread", False),
        (plain_with_context, "thread", True),
        (with_option, "thread", False),
        (with_named_context, "thread", True),
        (with_anything, "thread", True),
        (Callable(), "thread", False),
        (Callable().method, "loop", True),
        (AsyncCallable(), "loop", False),
        (functools.partial(coroutine_with_context, None), "loop", False),
        (functools.partial(plain_with_context), "thread", True),
        (lambda value: value, "thread", False),
        (len, "thread", False),
        (without_parameters, "thread", False),
        (with_three, "thread", True),
        (with_required_option, "thread", False),
    ],
)
def test_how_a_function_is_run(call, where, wants_context):
    assert inspect_function(call, "auto", "f") == (where, wants_context)


def test_a_function_may_be_put_elsewhere():
    assert inspect_function(plain, "thread", "f") == ("thread", False)
    assert inspect_function(plain, "process", "f") == ("process", False)


@pytest.mark.parametrize(
    ("call", "run", "text"),
    [
        (max, "auto", "does not tell its parameters"),
        (3, "auto", "cannot be called"),
        (coroutine, "thread", "coroutine function"),
        (coroutine, "process", "coroutine function"),
        (plain_with_context, "process", "no context"),
        (with_three, "process", "no context"),
        (lambda value: value, "process", "able to import it"),
        (functools.partial(plain), "process", "able to import it"),
        (Callable(), "process", "able to import it"),
        (plain, "threads", "not one of auto, thread, process"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(call, run, text):
    with pytest.raises(InvalidInput, match=text):
        inspect_function(call, run, "f")


def context(value: Any) -> Context:
    info = StepInfo("ns", "w", 3, "a", "worker", None)
    return Context(info, "e1", 2, "1700000000000-5", value)


@pytest.mark.parametrize("call", [plain, plain_with_context])
def test_a_step_is_called_with_its_input_and_its_context_if_it_wants_it(call):
    registry = Registry()
    registry.register_function("f", call, timeout="2s")
    runner = FunctionNode().runner({"function": "f"}, registry)
    ctx = context(7)
    assert runner.call(ctx) == (7 if call is plain else (ctx, 7))
    assert (runner.where, runner.timeout, runner.name) == ("thread", 2.0, "f")


def test_a_function_that_is_not_registered_is_not_offered():
    with pytest.raises(NotOffered, match=r"'missing' is not registered in this worker"):
        FunctionNode().runner({"function": "missing"}, Registry())


@pytest.mark.parametrize("config", [{}, {"function": 3}, {"function": "f", "more": 1}])
def test_a_config_that_is_wrong_is_refused(config):
    with pytest.raises(InvalidInput, match="config of node type 'function'"):
        FunctionNode().runner(config, Registry())


def test_what_a_step_knows_of_itself():
    ctx = context({"order": 7})
    assert (ctx.namespace, ctx.workflow, ctx.version) == ("ns", "w", 3)
    assert (ctx.execution_id, ctx.node_id, ctx.attempt) == ("e1", "a", 2)
    assert (ctx.input, ctx.worker_id, ctx.cancelled) == ({"order": 7}, "worker", False)
    assert ctx.idempotency_key == "e1:a"
    assert ctx.deadline is None
    assert ctx.log_fields() == {
        "namespace": "ns",
        "workflow": "w",
        "execution_id": "e1",
        "step_id": "a",
        "attempt": 2,
        "worker_id": "worker",
    }


def test_the_fence_grows_with_every_delivery():
    info = StepInfo("ns", "w", 1, "a", "worker", 5.0)
    tokens = ["1700000000000-0", "1700000000000-1", "1700000000000-99", "1700000000001-0"]
    fences = [Context(info, "e", 1, token, None).fence for token in tokens]
    assert fences == sorted(set(fences))
    assert max(fences) < 2**63, "fits where outside systems keep numbers"
    assert Context(info, "e", 1, tokens[0], None).deadline is not None
