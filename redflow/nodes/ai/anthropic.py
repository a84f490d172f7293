"""Anthropic's messages."""

from __future__ import annotations

from typing import Any

import msgspec

from redflow.nodes.ai.wire import LENGTH, REFUSAL, STOP, Answer, Question, WireFormat, given

MAX_TOKENS = 4096
"""This protocol asks for a limit; it is this one unless the config has another."""

_VERSION = "2023-06-01"
_ENDS = {
    "end_turn": STOP,
    "stop_sequence": STOP,
    "max_tokens": LENGTH,
    "model_context_window_exceeded": LENGTH,
    "refusal": REFUSAL,
}


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


class _Reply(msgspec.Struct):
    content: list[_Block]
    model: str = ""
    stop_reason: str | None = None
    usage: _Usage | None = None


def _ask(question: Question) -> tuple[str, dict[str, Any]]:
    schema = question.schema
    form = None if schema is None else {"format": {"type": "json_schema", "schema": schema}}
    return "/v1/messages", given(
        model=question.model,
        max_tokens=question.max_tokens or MAX_TOKENS,
        system=question.system_prompt,
        messages=[{"role": "user", "content": question.prompt}],
        temperature=question.temperature,
        output_config=form,
    )


def _read(body: bytes) -> Answer:
    reply = msgspec.json.decode(body, type=_Reply)
    end, usage = reply.stop_reason or "", reply.usage or _Usage()
    return Answer(
        text="".join(block.text for block in reply.content if block.type == "text"),
        finish_reason=_ENDS.get(end, end),
        model=reply.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        said=end,
    )


ANTHROPIC = WireFormat(
    base_url="https://api.anthropic.com",
    key=("x-api-key", ""),
    headers=(("anthropic-version", _VERSION),),
    ask=_ask,
    read=_read,
)
