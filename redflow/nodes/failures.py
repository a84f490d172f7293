"""Errors of requests; `final` ones are not retried, whatever the step's policy."""

from __future__ import annotations

from typing import ClassVar

from redflow.errors import RedflowError


class RequestFailed(RedflowError):
    """A request did not do what its step asked for."""

    final: ClassVar[bool] = False


class UnexpectedStatus(RequestFailed):
    """The reply has a status that the step does not expect; the same request may fare better."""


class RefusedRequest(RequestFailed):
    """The reply says that this request will never do: most statuses from 300 to 499."""

    final = True


class UnreadableReply(RequestFailed):
    """The reply is not what its content type or the provider's protocol says."""


class NotSent(RequestFailed):
    """The message could not be handed over; trying again may help."""


class NotAllowed(RequestFailed):
    """This worker may not do what the step asks for."""

    final = True


class ModelRefused(RequestFailed):
    """The model or its provider would not answer the prompt."""

    final = True


class AnswerCut(RequestFailed):
    """The answer met `max_tokens` before its JSON was whole; the same would happen again."""

    final = True


class AnswerUnfit(RequestFailed):
    """The answer is no JSON, or not of the schema; another answer may be."""
