"""The input of an execution that a delivery starts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from redflow.client.delivering import TEMPLATE_NAMES
from redflow.expressions import ExpressionError, parse_template
from redflow.model.webhook import Webhook
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.refusals import Refused, Result
from redflow.webhooks.schemes import HEADERS
from redflow.webhooks.schemes.verifying import Verified

MOST_FIELDS = 1000
"""Of a query or a form."""

_JSON, _JSON_SUFFIX, _FORM = "application/json", "+json", "application/x-www-form-urlencoded"


def input_of(webhook: Webhook, delivery: Delivery, verified: Verified) -> Any:
    """Return `{id, headers, query, body}`, or what the webhook's template makes of it.

    Raises Refused for a body that is not what it says it is.
    """
    whole = {
        "id": verified.id or None,
        "headers": _chosen(webhook, delivery),
        "query": _fields(delivery.query, "query"),
        "body": body_of(delivery),
    }
    if webhook.input is None:
        return whole
    try:
        return parse_template(webhook.input, TEMPLATE_NAMES).render(whole)
    except ExpressionError as error:  # why it fails may show parts of the body
        raise Refused(
            Result.INPUT,
            f"the body is not what the template takes, at {error.text!r}",
        ) from None


def body_of(delivery: Delivery) -> Any:
    """Return a body as its Content-Type says: JSON, a form, else text, or bytes if it is none."""
    kind = delivery.header("content-type").partition(";")[0].strip().lower()
    if kind == _JSON or kind.endswith(_JSON_SUFFIX):
        return _json(delivery.body) if delivery.body else None
    try:
        text = delivery.body.decode()
    except UnicodeDecodeError:
        return delivery.body
    return _fields(text, "form") if kind == _FORM else text


def _chosen(webhook: Webhook, delivery: Delivery) -> dict[str, str]:
    names = ("content-type", *HEADERS.get(webhook.scheme, ()), *webhook.headers)
    return {name: delivery.headers[name] for name in names if name in delivery.headers}


def _fields(text: str, what: str) -> dict[str, str | list[str]]:
    """Return fields by name; one that stands there several times is a list."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused(Result.INPUT, f"the {what} has over {MOST_FIELDS:,} fields") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError):  # its text may hold parts of the body
        raise Refused(Result.INPUT, "the body is not the JSON that its type says") from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _object(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    """Refuse a key that stands twice: others may have read the first of them."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("repeated key")
        found[key] = value
    return found
