"""Webhooks as objects: which workflow a path starts, and how a delivery shows who sent it."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from redflow.defaults import WEBHOOK_BYTES, WEBHOOK_RATE
from redflow.errors import InvalidInput

MOST_SECRETS = 2
"""The one that senders use, and the one they used before."""

_MOST_RATE = 100_000
_MOST_HEADERS = 20
_MOST_PREFIX = 32
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_PREFIX = re.compile(r"[ -~]*")


class WebhookScheme(StrEnum):
    """How a delivery shows who sent it; stored, so never renamed."""

    STANDARD = "standard"
    """Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""
    GITHUB = "github"
    STRIPE = "stripe"
    SLACK = "slack"
    HMAC = "hmac"
    """Any other HMAC of the body; `SchemeOptions` say where it stands and how it is written."""
    API_KEY = "api_key"
    """A key that the sender shows in a header; proves nothing about the body."""
    UNSIGNED = "unsigned"
    """Whoever knows the path."""


CONFIGURED = (WebhookScheme.HMAC, WebhookScheme.API_KEY)
"""Schemes that have options; the others are fixed by whoever made them."""


class SchemeOptions(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where `hmac` and `api_key` look, and how a signature is written there.

    With a `timestamp_header` what is signed is `<its text>.<body>`, else the body.
    """

    header: str = ""
    prefix: str = ""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    timestamp_header: str = ""


DEFAULT_HEADERS = {WebhookScheme.HMAC: "x-signature", WebhookScheme.API_KEY: "x-api-key"}
CREDENTIALS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "webhook-signature"),
        *("x-hub-signature", "x-hub-signature-256", "stripe-signature", "x-slack-signature"),
    }
)
"""Headers that are never passed on to an execution."""


class WebhookSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a webhook does, as it is stored."""

    workflow: str
    scheme: WebhookScheme
    secrets: tuple[str, ...] = ()
    """Names of secrets, the newest first; any of them may have signed."""
    rate: int | None = WEBHOOK_RATE
    """Deliveries a minute; None for any number."""
    body_limit: int = WEBHOOK_BYTES
    headers: tuple[str, ...] = ()
    """Names of headers that executions are given, beside those of the scheme."""
    options: SchemeOptions = SchemeOptions()
    input: Any = None
    """A template of the input; None for all of the delivery."""
    on_behalf_of: dict[str, Any] | None = None
    """Who kept it, for whom its executions are started: see docs/auth.md."""


class Webhook(WebhookSpec, frozen=True, kw_only=True):
    """A webhook as it stands; `path` is what follows `/webhooks/<namespace>/`."""

    name: str
    path: str
    revision: int
    created_at: datetime
    updated_at: datetime


def check_scheme(value: object) -> WebhookScheme:
    """Return the scheme, or raise InvalidInput."""
    if isinstance(value, str) and value in set(WebhookScheme):
        return WebhookScheme(value)
    known = ", ".join(WebhookScheme)
    shown = ascii(value)[:80] if isinstance(value, str) else f"a {type(value).__name__}"
    raise InvalidInput(f"scheme {shown} is none of {known}", field="scheme")


def check_signed(scheme: WebhookScheme, secrets: tuple[str, ...], *, allow_unsigned: bool) -> None:
    """Raise InvalidInput unless a scheme has the secrets it needs; open doors are asked for."""
    if scheme is not WebhookScheme.UNSIGNED and not secrets:
        raise InvalidInput(
            f"scheme {scheme.value!r} needs a secret",
            field="secret",
            hint='write secret=Secret("NAME"), and keep it: redflow secret set NAME',
        )
    if scheme is WebhookScheme.UNSIGNED and secrets:
        raise InvalidInput("scheme 'unsigned' takes no secret", field="secret")
    if scheme is WebhookScheme.UNSIGNED and not allow_unsigned:
        raise InvalidInput(
            "with scheme 'unsigned' whoever knows the path starts executions",
            field="allow_unsigned",
            hint="take another scheme, or write allow_unsigned=True",
        )


def check_rate(value: object) -> int | None:
    """Return deliveries a minute, None for any number, or raise InvalidInput."""
    return None if value is None else _whole(value, "rate", _MOST_RATE)


def check_body_limit(value: object) -> int:
    """Return the most bytes of a body, or raise InvalidInput."""
    return _whole(value, "body_limit", WEBHOOK_BYTES)


def check_headers(value: object, options: SchemeOptions) -> tuple[str, ...]:
    """Return names of headers in lower case, or raise InvalidInput for one that is a credential."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InvalidInput(f"headers is a {type(value).__name__}, not a list", field="headers")
    names = tuple(dict.fromkeys(_header(one, "headers") for one in value))
    if len(names) > _MOST_HEADERS:
        raise InvalidInput(
            f"headers has {len(names)} entries, over {_MOST_HEADERS}", field="headers"
        )
    for name in names:
        if name in CREDENTIALS or name == options.header:
            raise InvalidInput(
                f"header {name!r} shows who sent a delivery: executions do not see it",
                field="headers",
            )
    return names


def check_options(scheme: WebhookScheme, value: object) -> SchemeOptions:
    """Return the options of a scheme, with its defaults, or raise InvalidInput."""
    if not isinstance(value, (Mapping, SchemeOptions, type(None))):
        raise InvalidInput(f"options is a {type(value).__name__}, not a map", field="options")
    if scheme not in CONFIGURED:
        if value and value != SchemeOptions():
            raise InvalidInput(f"scheme {scheme.value!r} has no options", field="options")
        return SchemeOptions()
    given = msgspec.to_builtins(value) if isinstance(value, SchemeOptions) else dict(value or {})
    try:
        made = msgspec.convert({"header": DEFAULT_HEADERS[scheme], **given}, SchemeOptions)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidInput(f"options: {error}", field="options") from None
    if len(made.prefix) > _MOST_PREFIX or not _PREFIX.fullmatch(made.prefix):
        raise InvalidInput(
            f"options: prefix is not up to {_MOST_PREFIX} printable ASCII characters",
            field="options",
        )
    if scheme is WebhookScheme.API_KEY and made.timestamp_header:
        raise InvalidInput("options: a key signs no timestamp", field="options")
    timestamp = made.timestamp_header and _header(made.timestamp_header, "options")
    return msgspec.structs.replace(
        made, header=_header(made.header, "options"), timestamp_header=timestamp
    )


def _header(value: object, field: str) -> str:
    if isinstance(value, str) and _HEADER.fullmatch(value.lower()):
        return value.lower()
    shown = ascii(value)[:80] if isinstance(value, str) else f"a {type(value).__name__}"
    raise InvalidInput(f"{field}: {shown} is no name of a header", field=field)


def _whole(value: object, field: str, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise InvalidInput(f"{field} is not a whole number from 1 to {most:,}", field=field)
