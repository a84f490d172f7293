"""The `notify` node: tells somebody outside, by a signed webhook or through Apprise."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from redflow.egress.message import METHODS, EgressReply, EgressRequest, Header
from redflow.errors import Problem
from redflow.model.checks import shown
from redflow.nodes.apprise import notify_by_apprise
from redflow.nodes.base import NodeConfig
from redflow.nodes.bodies import Body, json_body, raw_body
from redflow.nodes.credentials import bound
from redflow.nodes.failures import NotAllowed, RefusedRequest, UnexpectedStatus
from redflow.nodes.headers import filled_headers, has, header_problems
from redflow.nodes.kinds import Duration
from redflow.nodes.outgoing import OutgoingType, timeout_problems
from redflow.nodes.references import is_reference, misplaced_problems, reference_problems
from redflow.nodes.replies import check_status, describe
from redflow.nodes.shaped import refuse, wrong
from redflow.nodes.statuses import SUCCESS
from redflow.nodes.targets import (
    has_web_scheme,
    is_written,
    shown_target,
    url_problems,
)
from redflow.nodes.webhook_signature import message_id, signature, signing_key
from redflow.secrets.reference import Secret

if TYPE_CHECKING:
    from redflow.nodes.context import Context

LOGGER = logging.getLogger("redflow.node.notify")

GONE = 410
"""The receiver wants no more webhooks, whatever they say."""

_WEB_ONLY = ("method", "headers", "secret")
_OF_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")


class NotifyNode(OutgoingType):
    """Sends a webhook, signed as Standard Webhooks has it, or a message through Apprise.

    The output is the input. Whatever a receiver answers but a status of success fails the attempt.
    """

    type = "notify"
    templated = ("url", "headers", "body")

    class Config(NodeConfig, frozen=True):
        """`url` is where a webhook goes, or an Apprise URL, or a secret that holds either;
        `method` is how a webhook is sent; `headers` are texts, numbers or secrets; `body` is sent,
        text as it is and other values as JSON, the input unless given; `secret` is the key that
        signs a webhook, or a list of two while keys change; `timeout` is how long the request may
        take.
        """

        url: str | Secret
        method: str = "POST"
        headers: dict[str, Any] = msgspec.field(default_factory=dict)
        body: Any = UNSET
        secret: Secret | list[Secret] | None = None
        timeout: Duration = None

        def __post_init__(self) -> None:
            refuse(_problems(self))

        @property
        def keys(self) -> list[Secret]:
            """The secrets that sign."""
            if self.secret is None:
                return []
            return self.secret if isinstance(self.secret, list) else [self.secret]

    def written_problems(self, config: Mapping[str, Any]) -> Iterator[Problem]:
        """Say what is wrong with a config before anything is filled in."""
        yield from super().written_problems(config)
        if isinstance(headers := config.get("headers"), Mapping):
            yield from header_problems(headers)
        if is_reference(url := config.get("url")):
            yield from reference_problems(url, "url")
        secret = config.get("secret")
        if isinstance(secret, (list, tuple)):
            for index, one in enumerate(secret):
                yield from reference_problems(one, "secret", str(index))
        elif secret is not None:
            yield from reference_problems(secret, "secret")
        yield from misplaced_problems(config.get("body"), "body")

    async def perform(self, ctx: Context, config: Config) -> Any:
        """Send the message, and pass the input through."""
        body = ctx.input if config.body is UNSET else config.body
        url, secret = await _receiver(ctx, config)
        if not has_web_scheme(url):
            limit = self.time_left(ctx, config.timeout)
            await notify_by_apprise(ctx.services, url, body, limit, secret)
            return ctx.input
        content = raw_body(body) if isinstance(body, str) else json_body(body)
        await self._send(ctx, config, url, content, written=bool(secret))
        return ctx.input

    async def _send(
        self, ctx: Context, config: Config, url: str, content: Body, *, written: bool
    ) -> None:
        """Send a webhook; who keeps a URL in a secret chose its host, so it counts as written."""
        method, message = config.method.upper(), message_id(ctx.idempotency_key)
        reply = await ctx.services.egress.send(
            EgressRequest(
                namespace=ctx.namespace,
                method=method,
                url=url,
                headers=await _headers(ctx, config, message, content),
                content=content.data,
                timeout=self.time_left(ctx, config.timeout),
                written=written or is_written(ctx.config.get("url")),
            )
        )
        _check(reply, shown_target(method, url))
        LOGGER.info(
            "webhook delivered", extra={"webhook_id": message, "status": reply.status, "step": ctx}
        )


async def _receiver(ctx: Context, config: NotifyNode.Config) -> tuple[str, str]:
    """Return the URL, and the name of the secret that holds it or "".

    Raises NotAllowed for an Apprise URL that data made: Apprise connects to what it is told.
    """
    if isinstance(config.url, Secret):
        return (await ctx.secret(config.url.name)).value.strip(), config.url.name
    if not has_web_scheme(config.url) and config.url != ctx.config.get("url"):
        raise NotAllowed(
            "url came from data, and neither http:// nor https:// is its beginning",
            hint="write an Apprise URL without ${...}, or keep it in a secret",
        )
    return config.url, ""


async def _headers(
    ctx: Context, config: NotifyNode.Config, message: str, content: Body
) -> list[Header]:
    headers = await filled_headers(ctx, config.headers)
    if not has(config.headers, "content-type"):
        headers.append(("Content-Type", content.type))
    timestamp = int(time.time())
    headers += [("webhook-id", message), ("webhook-timestamp", str(timestamp))]
    values = [await ctx.secret(key.name) for key in config.keys]
    if values:
        keys = [signing_key(one.value, one.name) for one in values]
        # Only where every key may go: what is signed proves to the receiver who we are.
        hosts = tuple(host for host in values[0].hosts if all(host in v.hosts for v in values))
        text = signature(keys, message, timestamp, content.data)
        headers.append(("webhook-signature", bound(values[0], text, hosts)))
    return headers


def _check(reply: EgressReply, target: str) -> None:
    """Pass a success; everything but 410 may get better, a receiver that is being moved even so."""
    if reply.status == GONE:
        raise RefusedRequest(
            describe(reply, target), hint="the receiver wants no more webhooks: remove the node"
        )
    try:
        check_status(reply, target, SUCCESS)
    except RefusedRequest as error:
        raise UnexpectedStatus(*error.args) from None


def _problems(config: NotifyNode.Config) -> Iterator[Problem]:
    yield from timeout_problems(config.timeout)
    if config.method.upper() not in METHODS - {"GET", "HEAD", "OPTIONS"}:
        yield wrong(f"{shown(config.method)} sends no body; write POST or PUT", "method")
    for name in config.headers:
        if name.lower() in _OF_STANDARD:
            yield wrong("redflow sets this header; leave it out", "headers", name)
    if isinstance(config.url, Secret) or config.url.startswith("${"):
        return
    if has_web_scheme(config.url):
        yield from url_problems(config.url)
    elif "://" not in config.url:
        yield wrong("it is no URL: it begins with https://, or a scheme that Apprise knows", "url")
    elif "${" in config.url:
        yield wrong("an Apprise URL takes no ${...}: data do not choose where it leads", "url")
    else:
        for name in _WEB_ONLY:
            if getattr(config, name) not in ("POST", {}, None):
                yield wrong("it goes with http and https only; Apprise sends in its own way", name)
