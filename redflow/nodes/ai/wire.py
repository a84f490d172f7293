"""What a question and an answer are, and what tells one provider's JSON from another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

STOP, LENGTH, REFUSAL = "stop", "length", "refusal"
"""How answers end, whatever a provider calls it; other ends keep the provider's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked; `schema` is JSON Schema for the answer."""

    model: str
    prompt: str
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered; `said` is the provider's reason, or the model's, for a refusal."""

    text: str
    finish_reason: str
    model: str
    input_tokens: int
    output_tokens: int
    said: str = ""


def no_delay(body: bytes) -> float | None:
    """Return None: this provider says in headers how long to wait."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """One protocol: where it is spoken, how a key travels, and what stands in its JSON."""

    base_url: str
    key: tuple[str, str]
    """A header, and what stands in it before the key."""
    headers: tuple[tuple[str, str], ...] = ()
    ask: Callable[[Question], tuple[str, dict[str, Any]]]
    """Returns the path behind the base, and the body."""
    read: Callable[[bytes], Answer]
    """Reads a body; raises msgspec.DecodeError, msgspec.ValidationError."""
    delay: Callable[[bytes], float | None] = no_delay
    """Reads from the body of a 429 how many seconds to wait."""


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
