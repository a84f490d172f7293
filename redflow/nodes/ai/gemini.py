"""Google's Gemini: generateContent."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from redflow.nodes.ai.wire import LENGTH, REFUSAL, STOP, Answer, Question, WireFormat, given

_ENDS = {"STOP": STOP, "MAX_TOKENS": LENGTH} | dict.fromkeys(
    ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"), REFUSAL
)
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_SECONDS = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")


class _Part(msgspec.Struct):
    text: str = ""
    thought: bool = False


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str = ""


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str = ""


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    type: str = msgspec.field(name="@type", default="")
    retry_delay: str = ""


class _Error(msgspec.Struct):
    details: list[_Detail] = []


class _Busy(msgspec.Struct):
    error: _Error


def _ask(question: Question) -> tuple[str, dict[str, Any]]:
    system = question.system_prompt
    config = given(
        temperature=question.temperature,
        maxOutputTokens=question.max_tokens,
        responseMimeType=None if question.schema is None else "application/json",
        responseJsonSchema=question.schema,
    )
    body = given(
        contents=[{"role": "user", "parts": [{"text": question.prompt}]}],
        systemInstruction=None if system is None else {"parts": [{"text": system}]},
        generationConfig=config or None,
    )
    name = quote(question.model.removeprefix("models/"), safe="")
    return f"/models/{name}:generateContent", body


def _read(body: bytes) -> Answer:
    reply = msgspec.json.decode(body, type=_Reply)
    feedback, usage = reply.prompt_feedback or _Feedback(), reply.usage_metadata or _Usage()
    if not reply.candidates and not feedback.block_reason:
        raise msgspec.ValidationError("there is no candidate in it")
    candidate = reply.candidates[0] if reply.candidates else _Candidate()
    parts = candidate.content.parts if candidate.content else []
    end = candidate.finish_reason
    blocked = feedback.block_reason if not reply.candidates else ""
    return Answer(
        text="".join(part.text for part in parts if not part.thought),
        finish_reason=REFUSAL if blocked else _ENDS.get(end, end),
        model=reply.model_version,
        input_tokens=usage.prompt_token_count,
        output_tokens=usage.candidates_token_count + usage.thoughts_token_count,
        said=blocked or end,
    )


def _delay(body: bytes) -> float | None:
    """Read what Google says in the body of a 429 instead of in Retry-After."""
    try:
        details = msgspec.json.decode(body, type=_Busy).error.details
    except msgspec.DecodeError:  # of a server in between
        return None
    said = (_SECONDS.fullmatch(one.retry_delay) for one in details if one.type == _RETRY_INFO)
    return next((float(match[1]) for match in said if match), None)


GEMINI = WireFormat(
    base_url="https://generativelanguage.googleapis.com/v1beta",
    key=("x-goog-api-key", ""),
    ask=_ask,
    read=_read,
    delay=_delay,
)
