"""Schedules and webhooks, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from redflow.api.documents.filling import filled
from redflow.api.values import plain
from redflow.cron.schedule import Schedule
from redflow.model.webhook import SchemeOptions, Webhook, WebhookScheme


class Schedules(msgspec.Struct, frozen=True):
    """The schedules of a namespace by id."""

    items: list[Schedule]


class Times(msgspec.Struct, frozen=True):
    """When the next ticks of a schedule come, in its time zone."""

    items: list[datetime]


class WebhookDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook; deliveries go to `/webhooks/<namespace>/<path>`. `secrets` are names."""

    name: str
    path: str
    workflow: str
    scheme: WebhookScheme
    secrets: list[str]
    rate: int | None
    body_limit: int
    headers: list[str]
    options: SchemeOptions
    input: Any
    created_at: datetime
    updated_at: datetime


class Webhooks(msgspec.Struct, frozen=True):
    """The webhooks of a namespace by name."""

    items: list[WebhookDocument]


class Delivery(msgspec.Struct, frozen=True):
    """What became of a delivery; `duplicate`: it was taken before."""

    execution_id: str
    duplicate: bool


def webhook_of(one: Webhook) -> WebhookDocument:
    """Show a webhook; for whom it starts executions stays here."""
    lists = {"secrets": list(one.secrets), "headers": list(one.headers)}
    return filled(WebhookDocument, one, {**lists, "input": plain(one.input)})
