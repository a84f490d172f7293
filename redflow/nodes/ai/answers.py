"""What an answer means for its step: text, checked JSON, or one of three errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from redflow.nodes.ai.schemas import mismatches
from redflow.nodes.ai.wire import LENGTH, REFUSAL, Answer
from redflow.nodes.failures import AnswerCut, AnswerUnfit, ModelRefused

_SHOWN = 200


def result_of(answer: Answer, schema: Mapping[str, Any] | None, target: str) -> dict[str, Any]:
    """Return the output of a step; `target` names the model in errors.

    Raises ModelRefused, AnswerCut for JSON that met `max_tokens`, AnswerUnfit for what is no JSON
    or not of the schema.
    """
    if answer.finish_reason == REFUSAL:
        why = f": {' '.join(answer.said.split())[:_SHOWN]}" if answer.said else ""
        raise ModelRefused(f"{target} refused to answer{why}", hint="change the prompt or its data")
    result: dict[str, Any] = {"text": answer.text}
    if schema is not None:
        result["output"] = _structured(answer, schema, target)
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return result | {"usage": usage, "model": answer.model, "finish_reason": answer.finish_reason}


def _structured(answer: Answer, schema: Mapping[str, Any], target: str) -> Any:
    if answer.finish_reason == LENGTH:
        raise AnswerCut(
            f"{target} was cut after {answer.output_tokens} tokens, before its JSON was whole",
            hint="raise max_tokens, or ask for less",
        )
    try:
        value = msgspec.json.decode(answer.text.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        shown = " ".join(answer.text.split())[:_SHOWN]
        raise AnswerUnfit(f"{target} did not answer JSON ({error}): {shown}") from None
    wrong = mismatches(schema, value)
    if wrong:
        raise AnswerUnfit(f"{target} answered JSON that is not of the schema: {'; '.join(wrong)}")
    return value
