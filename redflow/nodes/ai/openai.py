"""OpenAI's chat completions, and the many servers that speak them as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from redflow.nodes.ai.schemas import every_schema
from redflow.nodes.ai.wire import LENGTH, REFUSAL, STOP, Answer, Question, WireFormat, given

_ENDS = {"stop": STOP, "length": LENGTH, "content_filter": REFUSAL}


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    model: str = ""
    usage: _Usage | None = None


def _ask(question: Question, limit: str) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "user", "content": question.prompt}]
    if question.system_prompt is not None:
        messages.insert(0, {"role": "system", "content": question.system_prompt})
    return "/chat/completions", given(
        model=question.model,
        messages=messages,
        temperature=question.temperature,
        response_format=_format(question.schema),
        **{limit: question.max_tokens},
    )


def _ask_openai(question: Question) -> tuple[str, dict[str, Any]]:
    return _ask(question, "max_completion_tokens")


def _ask_compatible(question: Question) -> tuple[str, dict[str, Any]]:
    return _ask(question, "max_tokens")  # the older name, which other servers know


def _format(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    named = {"name": "answer", "schema": schema, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": named}


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI would hold an answer to a schema: its objects are closed and lack no field."""
    return all(
        one.get("additionalProperties") is False
        and set(one.get("required", ())) == set(one.get("properties", ()))
        for one in every_schema(schema)
        if one.get("type") == "object" or "properties" in one
    )


def _read(body: bytes) -> Answer:
    reply = msgspec.json.decode(body, type=_Reply)
    if not reply.choices:
        raise msgspec.ValidationError("there is no choice in it")
    choice, usage = reply.choices[0], reply.usage or _Usage()
    message, end = choice.message, choice.finish_reason or ""
    return Answer(
        text=message.content or "",
        finish_reason=REFUSAL if message.refusal else _ENDS.get(end, end),
        model=reply.model,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        said=message.refusal or end,
    )


OPENAI = WireFormat(
    base_url="https://api.openai.com/v1",
    key=("Authorization", "Bearer "),
    ask=_ask_openai,
    read=_read,
)
COMPATIBLE = replace(OPENAI, base_url="", ask=_ask_compatible)
