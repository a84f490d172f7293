"""Configs with templates: what is checked before they run, and what is filled in when they do."""

from typing import Any

import msgspec
import pytest

from redflow.errors import InvalidInput
from redflow.nodes.base import NodeConfig, NodeType, UnfitInput
from redflow.nodes.context import Context, StepInfo
from redflow.nodes.registry import Registry
from redflow.nodes.signal import SignalNode

INFO = StepInfo("shop", "order", 2, "say", "w1", 5.0)


class Say(NodeType):
    type = "say"

    class Config(NodeConfig, frozen=True):
        text: str
        times: int = 1
        more: dict[str, Any] = msgspec.field(default_factory=dict)

    async def execute(self, ctx: Any, config: Any) -> Any:
        return config.text * config.times, config.more


def context(value: Any = None) -> Context:
    return Context(INFO, "e-1", 1, "1-1", value)


async def run(value: Any, **config: Any) -> Any:
    return await Say().runner(config, Registry()).call(context(value))


async def test_templates_are_filled_in_and_typed():
    given = await run(
        {"a": "hi", "n": 2}, text="${input.a}!", times="${input.n}", more={"x": ["${input.n + 1}"]}
    )
    assert given == ("hi!hi!", {"x": [3]})


async def test_an_escaped_dollar_is_one():
    assert await run(None, text="$${input.a}") == ("${input.a}", {})


async def test_what_a_template_gave_may_be_of_the_wrong_type():
    with pytest.raises(UnfitInput, match="Expected `int`, got `str`"):
        await run({"n": "two"}, text="x", times="${input.n}")


@pytest.mark.parametrize(("config", "wrong"), [
    ({"text": 1, "times": "${input.n}"}, "Expected `str`, got `int`"),
    ({"times": "${input.n}"}, "missing required field `text`"),
    ({"text": "${input.a}", "tims": 1}, "unknown field `tims`"),
])  # fmt: skip
def test_what_is_known_is_checked_before_it_runs(config: dict[str, Any], wrong: str):
    with pytest.raises(InvalidInput, match=wrong):
        Say().declared_by(config)


def test_what_is_open_may_become_anything():
    assert Say().declared_by({"text": "${input.a}", "times": "${input.n}"}) == ()


def test_labels_are_known_beside_what_is_open():
    config = {"timeout": "${input.hours}h", "on_timeout": "late"}
    assert SignalNode().declared_by(config) == ("late",)


def test_a_scope_of_a_step_without_expressions_tells_what_is_at_hand():
    assert context({"a": 1}).scope == {
        "input": {"a": 1},
        "steps": {},
        "vars": {},
        "execution": {"id": "e-1", "namespace": "shop"},
        "workflow": {"id": "order", "version": 2},
    }
