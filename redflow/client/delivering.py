"""Webhooks on their way into Redis and out of it: arguments, refusals, records."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from redflow.errors import Conflict, InvalidInput, NotFound, PayloadTooLarge, StoreError
from redflow.expressions import parse_template
from redflow.model.execution import instant
from redflow.model.webhook import MOST_SECRETS, Webhook, WebhookSpec
from redflow.secrets.names import check_secret_name
from redflow.secrets.reference import Secret
from redflow.store.space import Space
from redflow.store.webhooks import RawWebhook

TEMPLATE_NAMES = frozenset({"id", "headers", "query", "body"})
"""What the template of an input may read of a delivery."""

_TEMPLATE_BYTES = 16 * 1024
_decode = msgspec.json.Decoder(WebhookSpec).decode


def names_of(secret: object) -> tuple[str, ...]:
    """Return names of secrets, each once, or raise InvalidInput."""
    given: Sequence[Any] = ()
    if isinstance(secret, (Secret, str)):
        given = (secret,)
    elif isinstance(secret, (list, tuple)):
        given = secret
    elif secret is not None:
        raise InvalidInput(f"secret is a {type(secret).__name__}, not a Secret", field="secret")
    named = (one.name if isinstance(one, Secret) else one for one in given)
    names = tuple(dict.fromkeys(check_secret_name(name) for name in named))
    if len(names) > MOST_SECRETS:
        raise InvalidInput(
            f"a webhook has {len(names)} secrets, over {MOST_SECRETS}",
            field="secret",
            hint="the new one and the one before",
        )
    return names


def check_path(path: object, workflow: str) -> str:
    """Return the path that is asked for, "" for a random one, or raise InvalidInput."""
    if path is None or path == workflow:
        return "" if path is None else workflow
    raise InvalidInput(
        "path is neither left out nor the workflow's id",
        field="path",
        hint=f"leave it out for a random one, or write {workflow!r}",
    )


def check_template(value: Any) -> Any:
    """Return a template of JSON values; raises InvalidInput, InvalidWorkflow with every problem."""
    if value is None:
        return None
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the template is no JSON: {error}", field="input") from None
    if len(text) > _TEMPLATE_BYTES:
        raise PayloadTooLarge(
            f"the template has {len(text):,} bytes, over {_TEMPLATE_BYTES:,}", field="input"
        )
    template = json.loads(text)
    parse_template(template, TEMPLATE_NAMES)
    return template


def refuse_put(word: str, name: str, path: str, space: Space) -> None:
    """Raise Conflict for a webhook that was not kept."""
    namespace = space.keys.namespace
    if word == "taken":
        raise Conflict(
            f"path {path!r} leads to another webhook of namespace {namespace!r}",
            hint="redflow webhook list shows which; remove it, or leave the path out",
        )
    if word == "full":
        raise Conflict(
            f"namespace {namespace!r} has {space.limits.webhooks_cap:,} webhooks, as many as it"
            f" may, and {name!r} is none of them",
            hint="remove some: redflow webhook list, redflow webhook rm",
        )


def no_webhook(name: str, namespace: str) -> NotFound:
    """Say that there is no such webhook."""
    return NotFound(
        f"webhook {name!r} is not known in namespace {namespace!r}",
        hint="redflow webhook list shows those that are",
    )


def document_of(spec: WebhookSpec) -> bytes:
    """Write a webhook as it is stored; raises InvalidInput for what JSON has not, as in claims."""
    try:
        return msgspec.json.encode(spec)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"the webhook cannot be stored as JSON: {error}") from None


def webhook_of(raw: RawWebhook) -> Webhook:
    """Read a stored webhook; raises StoreError."""
    try:
        spec = _decode(raw.document)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"webhook {raw.name!r} has a form this redflow does not know: {error}",
            hint="store it again: redflow webhook add",
        ) from None
    return Webhook(
        **{field: getattr(spec, field) for field in spec.__struct_fields__},
        name=raw.name,
        path=raw.path,
        revision=raw.revision,
        created_at=instant(raw.created),
        updated_at=instant(raw.updated),
    )
