"""What tests of webhooks share: senders that sign as the services do, and deliveries in chunks."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.model.webhook import SchemeOptions, Webhook, WebhookScheme
from redflow.webhooks import Received, Receiver, Refused
from redflow.webhooks.delivery import Delivery

NOW = 1_800_000_000.0
SECRET, OTHER = "first-canary-4711", "second-canary-4712"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the examples of Standard Webhooks
WHSEC_OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()
JSON = {"content-type": "application/json"}
BODY = b'{"amount": 42}'


def hex_of(secret: str, message: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), message, algorithm).hexdigest()


def standard(body: bytes, secret: str, time: int, id: str = "msg_1") -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{time}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id, "webhook-timestamp": str(time), "webhook-signature": signature}


def github(body: bytes, secret: str, time: int) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hex_of(secret, body)}", "x-github-delivery": "d-1"}


def stripe(body: bytes, secret: str, time: int) -> dict[str, str]:
    signature = hex_of(secret, f"{time}.".encode() + body)
    return {"stripe-signature": f"t={time},v0={'0' * 64},v1={signature}"}


def slack(body: bytes, secret: str, time: int) -> dict[str, str]:
    signature = hex_of(secret, f"v0:{time}:".encode() + body)
    return {"x-slack-request-timestamp": str(time), "x-slack-signature": f"v0={signature}"}


def plain_hmac(body: bytes, secret: str, time: int) -> dict[str, str]:
    return {"x-signature": hex_of(secret, body)}


def timed_hmac(body: bytes, secret: str, time: int) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, "sha512").digest()
    return {"x-time": str(time), "x-mac": f"mac {base64.b64encode(digest).decode()}"}


def api_key(body: bytes, secret: str, time: int) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@dataclass(frozen=True)
class Sender:
    """A scheme and how its senders sign."""

    scheme: WebhookScheme
    sign: Any
    options: SchemeOptions = field(default_factory=SchemeOptions)
    signs_body: bool = True
    signs_time: bool = True
    secrets: tuple[str, str] = (SECRET, OTHER)


TIMED = SchemeOptions(
    header="x-mac", prefix="mac ", algorithm="sha512", encoding="base64", timestamp_header="x-time"
)
SENDERS = {
    "standard": Sender(WebhookScheme.STANDARD, standard, secrets=(WHSEC, WHSEC_OTHER)),
    "github": Sender(WebhookScheme.GITHUB, github, signs_time=False),
    "stripe": Sender(WebhookScheme.STRIPE, stripe),
    "slack": Sender(WebhookScheme.SLACK, slack),
    "hmac": Sender(
        WebhookScheme.HMAC, plain_hmac, SchemeOptions(header="x-signature"), signs_time=False
    ),
    "hmac with a time": Sender(WebhookScheme.HMAC, timed_hmac, TIMED),
    "api_key": Sender(
        WebhookScheme.API_KEY,
        api_key,
        SchemeOptions(header="authorization", prefix="Bearer "),
        signs_body=False,
        signs_time=False,
    ),
}


def delivery(body: bytes, headers: Mapping[str, str]) -> Delivery:
    return Delivery(dict(headers), "", body)


@dataclass
class Chunks:
    """A body that comes in parts, and how many of them were taken."""

    parts: Iterable[bytes]
    taken: int = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            self.taken += 1
            yield part


@dataclass
class Post:
    """Sends deliveries to a receiver."""

    receiver: Receiver
    path: str
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(
        self, body: bytes | Chunks, headers: Mapping[str, str], *, path: str = "", query: str = ""
    ) -> Received:
        stream = Chunks([body]) if isinstance(body, bytes) else body
        raw = {**self.headers, **headers}.items()
        return await self.receiver.receive(path or self.path, raw, stream, query=query)


async def hook(client: AsyncClient, sender: Sender = SENDERS["github"], **given) -> Webhook:
    configured = sender.scheme in (WebhookScheme.HMAC, WebhookScheme.API_KEY)
    kept = "whsec" if sender.scheme is WebhookScheme.STANDARD else "first"
    given = {"secret": kept, "options": sender.options if configured else None, **given}
    return await client.webhooks.put("hook", workflow="order", scheme=sender.scheme, **given)


async def refusal(answer) -> Refused:
    with pytest.raises(Refused) as caught:
        await answer
    return caught.value


def signed(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return github(body, secret, 0)


async def count(client: AsyncClient) -> int:
    return len((await client.list_executions("order")).items)
