"""The `ai` node type: a config, one request to a provider, and the answer as output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from redflow import defaults
from redflow.egress.message import EgressReply, EgressRequest, Header
from redflow.errors import Problem
from redflow.model.outcome import Retry
from redflow.nodes.ai.answers import result_of
from redflow.nodes.ai.anthropic import ANTHROPIC
from redflow.nodes.ai.gemini import GEMINI
from redflow.nodes.ai.openai import COMPATIBLE, OPENAI
from redflow.nodes.ai.schemas import schema_problems
from redflow.nodes.ai.wire import Answer, Question, WireFormat
from redflow.nodes.base import NodeConfig
from redflow.nodes.bodies import json_body
from redflow.nodes.credentials import header_credential
from redflow.nodes.failures import UnreadableReply
from redflow.nodes.kinds import Duration
from redflow.nodes.outgoing import OutgoingType, timeout_problems
from redflow.nodes.references import reference_problems
from redflow.nodes.replies import check_status, describe, header_map
from redflow.nodes.retry_after import LONGEST, retry_after
from redflow.nodes.shaped import refuse, wrong
from redflow.nodes.statuses import SUCCESS
from redflow.nodes.targets import shown_target, url_problems
from redflow.secrets.reference import Secret

if TYPE_CHECKING:
    from redflow.nodes.context import Context

FORMATS: Mapping[str, WireFormat] = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "compatible": COMPATIBLE,
}

_BUSY = 429


class AiNode(OutgoingType):
    """Asks a language model; the output is `text`, `usage`, `model` and `finish_reason`.

    With a schema there is `output` as well: the answer's JSON, which was checked.
    """

    type = "ai"
    timeout: ClassVar[float] = defaults.AI_TIMEOUT
    templated = ("model", "prompt", "system_prompt")

    class Config(NodeConfig, frozen=True):
        """`provider` is whose protocol is spoken, compatible being that of OpenAI elsewhere;
        `model` is the provider's name of it; `prompt` is what the model is asked; `system_prompt`
        is what it is told beforehand; `temperature` is 0 for the likeliest words, and the
        provider's default unless given; `max_tokens` is a limit of the answer; `api_key` is a
        secret that may go to the provider's host; `base_url` is where the protocol is spoken, the
        provider's own host unless given; `result_key` is a key of the input under which the result
        is laid, which is the whole output unless given; `schema` is JSON Schema that the answer is
        asked to have and held against; `timeout` is how long the request may take.
        """

        provider: Literal["openai", "anthropic", "gemini", "compatible"]
        model: str
        prompt: str
        system_prompt: str | None = None
        temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
        max_tokens: Annotated[int, Meta(ge=1)] | None = None
        api_key: Secret | None = None
        base_url: str | None = None
        result_key: str | None = None
        schema: dict[str, Any] | None = None
        timeout: Duration = None

        def __post_init__(self) -> None:
            refuse(_problems(self))

        @property
        def question(self) -> Question:
            """What the model is asked."""
            return Question(
                model=self.model,
                prompt=self.prompt,
                system_prompt=self.system_prompt,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
                schema=self.schema,
            )

    def written_problems(self, config: Mapping[str, Any]) -> Iterator[Problem]:
        """Say what is wrong with a config before anything is filled in."""
        yield from super().written_problems(config)
        if config.get("api_key") is not None:
            yield from reference_problems(config["api_key"], "api_key")
        if isinstance(schema := config.get("schema"), Mapping):
            yield from schema_problems(schema)

    async def perform(self, ctx: Context, config: Config) -> Any:
        """Ask, and judge what was answered."""
        form = FORMATS[config.provider]
        path, body = form.ask(config.question)
        url = (config.base_url or form.base_url).rstrip("/") + path
        reply = await ctx.services.egress.send(
            EgressRequest(
                namespace=ctx.namespace,
                method="POST",
                url=url,
                headers=await _headers(ctx, config, form),
                content=json_body(body).data,
                timeout=self.time_left(ctx, config.timeout),
                written=True,  # a base_url takes no template
            )
        )
        answer = _answer(reply, form, shown_target("POST", url))
        result = result_of(answer, config.schema, f"{config.provider} model {config.model!r}")
        if config.result_key is None:
            return result
        before = ctx.input if isinstance(ctx.input, Mapping) else {}
        return {**before, config.result_key: result}


async def _headers(ctx: Context, config: AiNode.Config, form: WireFormat) -> list[Header]:
    headers: list[Header] = [("Content-Type", "application/json"), *form.headers]
    if config.api_key is not None:
        name, prefix = form.key
        headers.append((name, await header_credential(ctx, config.api_key, prefix)))
    return headers


def _answer(reply: EgressReply, form: WireFormat, target: str) -> Answer:
    if reply.status == _BUSY and retry_after(header_map(reply.headers), datetime.now(UTC)) is None:
        delay = form.delay(reply.body)
        if delay is not None:
            raise Retry(min(delay, LONGEST), describe(reply, target))
    check_status(reply, target, SUCCESS)
    try:
        return form.read(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReply(f"{target} did not answer in its protocol: {error}") from None


def _problems(config: AiNode.Config) -> Iterator[Problem]:
    if not config.model:
        yield wrong("it is empty; name a model", "model")
    if config.base_url is not None:
        yield from url_problems(config.base_url, "base_url")
        if "?" in config.base_url or "#" in config.base_url:
            yield wrong("it ends before ? and #: a path is added to it", "base_url")
    elif config.provider == "compatible":
        yield wrong("there is no base_url, and compatible servers stand anywhere", "base_url")
    elif config.api_key is None:
        yield wrong(f"there is no api_key, and {config.provider} asks for one", "api_key")
    if config.result_key == "":
        yield wrong("it is empty; name a key, or leave it out", "result_key")
    yield from timeout_problems(config.timeout)
