"""Takes a delivery in: every check in its order, and one execution at the end."""

from __future__ import annotations

import logging
import os
import secrets as random
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from redflow.auth.principal import Principal, acting_for
from redflow.client import AsyncClient
from redflow.defaults import WEBHOOK_BYTES, WEBHOOK_PATIENCE, WEBHOOK_RATE
from redflow.errors import AccessDenied, Conflict, InvalidInput, NotFound, PayloadTooLarge
from redflow.metrics import Metrics
from redflow.model.webhook import SchemeOptions, Webhook, WebhookScheme
from redflow.secrets.chain import Secrets, providers_from
from redflow.secrets.values import SecretNotFound, SecretProvider
from redflow.webhooks.delivery import Delivery, RawHeaders, read_body, read_headers
from redflow.webhooks.inputs import input_of
from redflow.webhooks.refusals import Refused, Result
from redflow.webhooks.schemes import VERIFIERS
from redflow.webhooks.schemes.slack import greeting_of
from redflow.webhooks.schemes.verifying import UnfitSecret, Verified
from redflow.webhooks.secrets import KeptSecrets

LOG = logging.getLogger("redflow.webhooks")
NOWHERE = "unknown"
"""The label of deliveries to paths that lead nowhere."""

_NO_OPTIONS = SchemeOptions(header="x-signature")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a delivery. `id` is that of the execution, "" for a greeting.

    `duplicate`: it was taken before; also said when the answer to the first try was lost.
    """

    id: str
    duplicate: bool = False
    greeting: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 200 if self.greeting else 202

    @property
    def answer(self) -> dict[str, Any]:
        """The body, a JSON object."""
        return self.greeting or {"execution_id": self.id, "duplicate": self.duplicate}


class Receiver:
    """Receives the deliveries of one namespace; safe to use for many at once."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        secrets: Sequence[SecretProvider] = (),
        metrics: Metrics | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = WEBHOOK_PATIENCE,
    ) -> None:
        """`secrets` are asked before the environment, files and Redis: see docs/secrets.md.

        `prepare` is awaited before an execution starts; `patience` is how many seconds a body may
        take to come.
        """
        self._client = client
        self._secrets = Secrets([*secrets, *providers_from(os.environ), KeptSecrets(client)])
        self._metrics = metrics
        self._prepare = prepare
        self._clock = clock
        self._patience = patience
        self._blind = random.token_hex(32)

    @property
    def namespace(self) -> str:
        """The namespace whose webhooks it knows."""
        return self._client.namespace

    async def receive(
        self, path: str, headers: RawHeaders, body: AsyncIterable[bytes], *, query: str = ""
    ) -> Received:
        """Take a delivery in and start its execution, once however often it comes.

        In this order: encoding and length of the body (1 MiB, counted as it comes), rate, signature
        over the bytes as they came, time, replay. A limit of the webhook itself comes after the
        signature, so that nobody else can tell the webhook by it. Raises Refused; Unavailable,
        OutOfMemory and other errors of the client as they are.
        """
        scheme = NOWHERE
        result = Result.ERROR
        try:
            known = read_headers(headers)
            data = await read_body(known, body, limit=WEBHOOK_BYTES, patience=self._patience)
            delivery = Delivery(known, query, data)
            webhook = await self._admit(path, delivery)
            scheme = webhook.scheme.value
            received = await self._take(webhook, delivery)
            result = _result_of(received)
            return received
        except Refused as refused:
            result = refused.result
            raise
        finally:
            if self._metrics is not None:
                self._metrics.webhooks.labels(scheme, result.value).inc()

    async def _admit(self, path: str, delivery: Delivery) -> Webhook:
        try:
            wait, webhook = await self._client.webhooks.admit(path, WEBHOOK_RATE)
        except NotFound:  # there is no such namespace
            wait, webhook = 0.0, None
        if wait:
            raise Refused(Result.RATE, "over the rate of the webhook", wait=wait)
        if webhook is None:
            self._verify_blindly(delivery)
            raise Refused(Result.UNKNOWN, "the path leads to no webhook")
        return webhook

    def _verify_blindly(self, delivery: Delivery) -> None:
        """Take the time that a signature takes, whose secret nobody has."""
        try:
            VERIFIERS[WebhookScheme.HMAC](delivery, [self._blind], _NO_OPTIONS, self._clock())
        except Refused:
            return

    async def _take(self, webhook: Webhook, delivery: Delivery) -> Received:
        try:
            verified = await self._verify(webhook, delivery)
            if len(delivery.body) > webhook.body_limit:
                raise Refused(
                    Result.TOO_LARGE,
                    f"a body of {len(delivery.body):,} bytes is over {webhook.body_limit:,}",
                )
            if webhook.scheme is WebhookScheme.SLACK and (greeting := greeting_of(delivery)):
                return Received("", greeting=greeting)
            return await self._start(webhook, verified, input_of(webhook, delivery, verified))
        except Refused as refused:
            LOG.warning("webhook %r refuses a delivery: %s", webhook.name, refused)
            raise

    async def _verify(self, webhook: Webhook, delivery: Delivery) -> Verified:
        verify = VERIFIERS[webhook.scheme]
        live = await self._live_secrets(webhook)
        try:
            return verify(delivery, live, webhook.options, self._clock())
        except UnfitSecret as error:
            raise self._no_secret(webhook, str(error)) from None

    async def _live_secrets(self, webhook: Webhook) -> list[str]:
        """Return the values of its secrets; one of two may be gone: it is being rotated."""
        found: list[str] = []
        missing = ""
        for name in webhook.secrets:
            try:
                found.append((await self._secrets.resolve(self.namespace, name)).value)
            except SecretNotFound as error:
                missing = str(error)
        if webhook.secrets and not found:
            raise self._no_secret(webhook, missing)
        return found

    def _no_secret(self, webhook: Webhook, cause: str) -> Refused:
        """Refuse as a bad signature does; whose fault it is stands in the log."""
        LOG.error("webhook %r cannot verify what it is sent: %s", webhook.name, cause)
        return Refused(Result.SECRET, "no secret to verify it with")

    async def _start(self, webhook: Webhook, verified: Verified, input: Any) -> Received:
        if self._prepare is not None:
            await self._prepare()
        try:
            with acting_for(Principal.from_stored(webhook.on_behalf_of), "webhook"):
                taken = await self._client.webhooks.start(webhook, verified.key, input)
        except AccessDenied as error:
            raise Refused(Result.DENIED, str(error)) from None
        except PayloadTooLarge as error:
            raise Refused(Result.TOO_LARGE, str(error)) from None
        except InvalidInput:  # its path is made of what the body says
            raise Refused(Result.INPUT, "the input is no value that can be kept") from None
        except (NotFound, Conflict) as error:
            raise Refused(Result.WORKFLOW, str(error)) from None
        return Received(taken.id, taken.duplicate)


def _result_of(received: Received) -> Result:
    if received.greeting:
        return Result.GREETED
    return Result.DUPLICATE if received.duplicate else Result.STARTED
