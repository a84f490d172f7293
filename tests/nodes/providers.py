"""Answers as the providers of language models write them."""

from typing import Any

from redflow.egress.message import EgressReply
from redflow.nodes.ai.node import FORMATS
from tests.nodes.outgoing import reply

PROVIDERS = tuple(FORMATS)


def chat(text: str, end: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if end == "refusal":
        message |= {"content": None, "refusal": "I cannot help with that."}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m-1-2030",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "length" if end == "length" else "stop",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def messages(text: str, end: str) -> dict[str, Any]:
    ends = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}
    half = len(text) // 2
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1-2030",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": text[:half]},
            {"type": "text", "text": text[half:]},
        ],
        "stop_reason": ends[end],
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def candidates(text: str, end: str) -> dict[str, Any]:
    ends = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "PROHIBITED_CONTENT"}
    parts = [{"text": "hm", "thought": True}, {"text": text}]
    return {
        "candidates": [
            {"content": {"role": "model", "parts": parts}, "finishReason": ends[end], "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 11,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 18,
        },
        "modelVersion": "m-1-2030",
    }


ANSWERS = {"openai": chat, "compatible": chat, "anthropic": messages, "gemini": candidates}


def answer(provider: str, text: str, end: str = "stop") -> EgressReply:
    """The reply of a provider; `end` is stop, length or refusal."""
    return reply(200, ANSWERS[provider](text, end))
