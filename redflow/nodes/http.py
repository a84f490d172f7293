"""The `http` node: one request, whose reply is the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from redflow.egress.message import MAX_REDIRECTS, METHODS, EgressRequest, Header
from redflow.errors import Problem
from redflow.model.checks import shown
from redflow.nodes.auth import Auth, auth_header, auth_problems, literal_problems
from redflow.nodes.base import NodeConfig
from redflow.nodes.bodies import Body, form_body, json_body, pairs, raw_body
from redflow.nodes.headers import filled_headers, has, header_problems, name_problems
from redflow.nodes.kinds import Duration, MapOrTemplate, Statuses, Text
from redflow.nodes.outgoing import OutgoingType, timeout_problems
from redflow.nodes.references import misplaced_problems
from redflow.nodes.replies import body_of, check_status, header_map
from redflow.nodes.shaped import refuse, wrong
from redflow.nodes.statuses import SUCCESS, expect_problems
from redflow.nodes.targets import is_written, shown_target, url_problems, with_query

if TYPE_CHECKING:
    from redflow.nodes.context import Context

IDEMPOTENCY_HEADER = "Idempotency-Key"

_BODIES = ("json", "form", "body")


class HttpNode(OutgoingType):
    """Sends a request; the output is the reply's `status`, `headers` and `body`, JSON parsed."""

    type = "http"
    templated = ("url", "headers", "query", "json", "form", "body", "auth")

    class Config(NodeConfig, frozen=True):
        """`url` begins with http:// or https://; `method` is GET, or POST with a body;
        `headers` are texts, numbers or secrets; `query` is a map that is added to the URL;
        `json` is a value that is sent as JSON; `form` is a map that is sent as a form; `body` is
        text or bytes that are sent as they are; `timeout` is how long the request may take;
        `expect` are the statuses that are no error, such as 200, "2xx" or [200, 404]; `auth` is
        one of {bearer}, {basic: {username, password}} and {header, value}, with secrets;
        `redirects` are followed up to this number, 3 at most; `idempotency_key` is true for the
        header Idempotency-Key, or the name of another.
        """

        url: str
        method: str | None = None
        headers: dict[str, Any] = msgspec.field(default_factory=dict)
        query: MapOrTemplate = None
        json: Any = UNSET
        form: MapOrTemplate = UNSET
        body: Text = UNSET
        timeout: Duration = None
        expect: Statuses = SUCCESS
        auth: Auth | None = None
        redirects: Annotated[int, Meta(ge=0, le=MAX_REDIRECTS)] = 0
        idempotency_key: bool | str = False

        def __post_init__(self) -> None:
            refuse(_problems(self))

        @property
        def verb(self) -> str:
            """The method, in upper case."""
            if self.method is not None:
                return self.method.upper()
            return "POST" if self.bodies else "GET"

        @property
        def bodies(self) -> list[str]:
            """The fields that give a body: one at most, if the config is right."""
            return [name for name in _BODIES if getattr(self, name) is not UNSET]

        @property
        def content(self) -> Body | None:
            """What is sent; raises UnfitInput for a value that is not of its kind."""
            if self.json is not UNSET:
                return json_body(self.json)
            if self.form is not UNSET:
                return form_body(self.form)
            return None if self.body is UNSET else raw_body(self.body)

    def written_problems(self, config: Mapping[str, Any]) -> Iterator[Problem]:
        """Say what is wrong with a config before anything is filled in."""
        yield from super().written_problems(config)
        if isinstance(headers := config.get("headers"), Mapping):
            yield from header_problems(headers)
        yield from literal_problems(config.get("auth"))
        for key in ("query", *_BODIES):
            yield from misplaced_problems(config.get(key), key)
        for key in ("query", "form"):
            yield from _map_problems(key, config.get(key))

    async def perform(self, ctx: Context, config: Config) -> Any:
        """Send the request and read the reply."""
        url = with_query(config.url, pairs(config.query or {}, "query"))
        method, content = config.verb, config.content
        reply = await ctx.services.egress.send(
            EgressRequest(
                namespace=ctx.namespace,
                method=method,
                url=url,
                headers=await _headers(ctx, config, content),
                content=None if content is None else content.data,
                timeout=self.time_left(ctx, config.timeout),
                written=is_written(ctx.config.get("url")),
                redirects=config.redirects,
            )
        )
        target = shown_target(method, url)
        check_status(reply, target, config.expect)
        return {
            "status": reply.status,
            "headers": header_map(reply.headers),
            "body": body_of(reply, target),
        }


async def _headers(ctx: Context, config: HttpNode.Config, content: Body | None) -> list[Header]:
    headers = await filled_headers(ctx, config.headers)
    if content is not None and not has(config.headers, "content-type"):
        headers.append(("Content-Type", content.type))
    if config.idempotency_key:
        named = config.idempotency_key
        name = named if isinstance(named, str) else IDEMPOTENCY_HEADER
        headers.append((name, ctx.idempotency_key))
    if config.auth is not None:
        headers.append(await auth_header(ctx, config.auth))
    return headers


# --- what is wrong with a config


def _problems(config: HttpNode.Config) -> Iterator[Problem]:
    yield from url_problems(config.url)
    if config.method is not None and config.method.upper() not in METHODS:
        known = ", ".join(sorted(METHODS))
        yield wrong(f"{shown(config.method)} is not one of {known}", "method")
    for name in config.bodies[1:]:
        yield wrong(f"a request has one body; remove {name}, or {config.bodies[0]}", name)
    yield from timeout_problems(config.timeout)
    yield from expect_problems(config.expect)
    if isinstance(config.idempotency_key, str):
        yield from name_problems(config.idempotency_key, "idempotency_key")
    if config.auth is not None:
        yield from auth_problems(config.auth)
        if has(config.headers, config.auth.sets):
            yield wrong(f"auth and headers both set {config.auth.sets}; remove one", "auth")


def _map_problems(key: str, value: object) -> Iterator[Problem]:
    if isinstance(value, str) and "${" in value:
        return
    if value is not None and not isinstance(value, Mapping):
        yield wrong("it is not a map, nor one ${...} that gives a map", key)
