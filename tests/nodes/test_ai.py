"""The `ai` node: what each provider is asked, what its answers mean, how configs are checked."""

import json
import sys

import pytest

from redflow.egress.message import Credential
from redflow.errors import Misconfigured
from redflow.model.outcome import Retry
from redflow.nodes.ai.openai import is_strict
from redflow.nodes.ai.schemas import mismatches
from redflow.nodes.failures import AnswerUnfit, UnexpectedStatus, UnreadableReply
from tests.nodes.kit import problems
from tests.nodes.outgoing import Sender, reply
from tests.nodes.providers import ANSWERS, PROVIDERS, answer

KEY = {"$secret": "key"}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
FULL = {
    "model": "m-1",
    "prompt": "Who is ${input.who}?",
    "system_prompt": "Be short.",
    "temperature": 0.5,
    "max_tokens": 99,
    "schema": SCHEMA,
    "api_key": KEY,
}
HOST = {"compatible": {"base_url": "https://example.com/v1/"}}


def asked(provider: str, *replies, **config):
    """A sender and the config of a question to a provider."""
    config = {"provider": provider, "model": "m-1", "prompt": "Hi", "api_key": KEY} | config
    return Sender("ai", *replies, key="k-123456"), HOST.get(provider, {}) | config


CHAT = {
    "model": "m-1",
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Who is Ada?"},
    ],
    "temperature": 0.5,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    },
}


@pytest.mark.parametrize(
    ("provider", "url", "header", "body"),
    [
        (
            "openai",
            "https://api.openai.com/v1/chat/completions",
            ("authorization", "Bearer k-123456"),
            CHAT | {"max_completion_tokens": 99},
        ),
        (
            "compatible",
            "https://example.com/v1/chat/completions",
            ("authorization", "Bearer k-123456"),
            CHAT | {"max_tokens": 99},
        ),
        (
            "anthropic",
            "https://api.anthropic.com/v1/messages",
            ("x-api-key", "k-123456"),
            {
                "model": "m-1",
                "max_tokens": 99,
                "system": "Be short.",
                "messages": [{"role": "user", "content": "Who is Ada?"}],
                "temperature": 0.5,
                "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            },
        ),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/models/m-1:generateContent",
            ("x-goog-api-key", "k-123456"),
            {
                "contents": [{"role": "user", "parts": [{"text": "Who is Ada?"}]}],
                "systemInstruction": {"parts": [{"text": "Be short."}]},
                "generationConfig": {
                    "temperature": 0.5,
                    "maxOutputTokens": 99,
                    "responseMimeType": "application/json",
                    "responseJsonSchema": SCHEMA,
                },
            },
        ),
    ],
)
async def test_each_provider_is_asked_in_its_own_way(provider, url, header, body):
    sender, config = asked(provider, answer(provider, '{"name": "Ada"}'), **FULL)
    await sender.run({"who": "Ada"}, **config)
    assert (sender.sent.method, sender.sent.url, sender.sent.written) == ("POST", url, True)
    assert json.loads(sender.sent.content) == body
    name, value = header
    assert sender.headers[name] == value
    (credential,) = (one for _, one in sender.sent.headers if isinstance(one, Credential))
    assert (credential.hosts, credential.name) == (("example.com",), "key")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_is_not_given_is_not_sent(provider):
    sender, config = asked(provider, answer(provider, "Hello"))
    await sender.run(**config)
    sent = json.loads(sender.sent.content)
    known = {"model", "messages", "contents", "max_tokens"}
    assert sent.keys() <= known
    assert sent.get("max_tokens") == (4096 if provider == "anthropic" else None)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_is_text_with_its_usage(provider):
    sender, config = asked(provider, answer(provider, "Hello"))
    assert await sender.run(**config) == {
        "text": "Hello",
        "usage": {"input_tokens": 11, "output_tokens": 7},
        "model": "m-1-2030",
        "finish_reason": "stop",
    }


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_of_a_schema_is_checked_and_parsed(provider):
    sender, config = asked(provider, answer(provider, '{"name": "Ada"}'), schema=SCHEMA)
    result = await sender.run(**config)
    assert (result["text"], result["output"]) == ('{"name": "Ada"}', {"name": "Ada"})


@pytest.mark.parametrize(
    ("value", "output"),
    [({"a": 1, "said": 2}, {"a": 1, "said": "Hello"}), ([1], {"said": "Hello"})],
)
async def test_a_result_is_laid_under_its_key(value, output):
    sender, config = asked("openai", answer("openai", "Hello"), result_key="said")
    result = await sender.run(value, **config)
    assert result | {"said": result["said"]["text"]} == output


# --- answers that are none


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_refusal_ends_it(provider):
    sender, config = asked(provider, answer(provider, "", "refusal"))
    failed = await sender.run(**config)
    assert (failed.retryable, failed.error.type) == (False, "redflow.nodes.failures.ModelRefused")
    assert f"{provider} model 'm-1' refused to answer: " in failed.error.message


async def test_a_prompt_that_gemini_blocks_is_refused():
    blocked = reply(200, {"promptFeedback": {"blockReason": "SAFETY"}})
    sender, config = asked("gemini", blocked)
    assert "refused to answer: SAFETY" in (await sender.run(**config)).error.message


async def test_a_filter_of_openai_is_a_refusal():
    filtered = {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}
    sender, config = asked("openai", reply(200, filtered))
    assert "refused to answer: content_filter" in (await sender.run(**config)).error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_json_that_was_cut_ends_it(provider):
    sender, config = asked(provider, answer(provider, '{"na', "length"), schema=SCHEMA)
    failed = await sender.run(**config)
    assert (failed.retryable, failed.error.type) == (False, "redflow.nodes.failures.AnswerCut")
    assert "raise max_tokens" in failed.error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_text_that_was_cut_is_an_answer_that_says_so(provider):
    sender, config = asked(provider, answer(provider, "Once upon", "length"))
    result = await sender.run(**config)
    assert (result["text"], result["finish_reason"]) == ("Once upon", "length")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Sure! Here it is", r"did not answer JSON .*: Sure! Here it is"),
        ('{"name": 5}', r"not of the schema: \$\.name: 5 is not of type 'string'"),
        ('{"name": "a", "b": 1}', "Additional properties"),
        ("", "did not answer JSON"),
    ],
)
async def test_an_answer_that_is_not_of_the_schema_may_be_asked_for_again(text, says):
    sender, config = asked("openai", answer("openai", text), schema=SCHEMA)
    with pytest.raises(AnswerUnfit, match=says):
        await sender.run(**config)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"choices": [], "content": 5}'])
async def test_what_is_not_of_the_protocol_may_be_asked_for_again(provider, body):
    sender, config = asked(provider, reply(200, body=body))
    with pytest.raises(UnreadableReply, match="did not answer in its protocol"):
        await sender.run(**config)


# --- statuses


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_rate_limit_chooses_the_delay(provider):
    sender, config = asked(provider, reply(429, {"error": {}}, retry_after="20"))
    with pytest.raises(Retry) as caught:
        await sender.run(**config)
    assert caught.value.after == 20.0


@pytest.mark.parametrize(
    ("details", "after"),
    [
        ([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}], 34.5),
        ([{"@type": "other", "retryDelay": "34s"}], None),
        ([], None),
    ],
)
async def test_gemini_says_in_the_body_how_long(details, after):
    sender, config = asked("gemini", reply(429, {"error": {"code": 429, "details": details}}))
    with pytest.raises(UnexpectedStatus if after is None else Retry) as caught:
        await sender.run(**config)
    assert getattr(caught.value, "after", None) == after


async def test_an_overloaded_provider_is_left_to_the_policy():
    sender, config = asked("anthropic", reply(529, {"error": {"message": "Overloaded"}}))
    with pytest.raises(UnexpectedStatus, match=r"529: .*Overloaded"):
        await sender.run(**config)


async def test_a_question_that_is_wrong_ends_it_with_what_the_provider_says():
    sender, config = asked("openai", reply(400, {"error": {"message": "no such model"}}))
    failed = await sender.run(**config)
    assert not failed.retryable
    assert "no such model" in failed.error.message


# --- schemas


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, True),
        (SCHEMA | {"additionalProperties": True}, False),
        (SCHEMA | {"required": []}, False),
        (SCHEMA | {"properties": {"name": {"type": "array", "items": {"type": "object"}}}}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": SCHEMA}}, True),
        ({"anyOf": [SCHEMA, {"properties": {"a": {}}}]}, False),
    ],
)
def test_strict_is_asked_for_where_it_can_be_had(schema, strict):
    assert is_strict(schema) is strict


def test_patterns_are_searched_and_references_stay_inside():
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string", "pattern": "^a+$"}}}
    assert mismatches(schema, "aaa") == []
    assert mismatches(schema, "b") == ["$: 'b' does not match '^a+$'"]


def test_a_few_mismatches_are_told():
    assert len(mismatches({"items": {"type": "string"}}, list(range(9)))) == 3


def test_a_pattern_that_would_take_for_ever_takes_no_time():
    assert mismatches({"pattern": "^(a+)+$"}, "a" * 5000 + "b") != []


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(Misconfigured, match=r'pip install "redflow-engine\[ai\]"'):
        problems("ai", provider="openai", model="m", prompt="p", api_key=KEY, schema=SCHEMA)


# --- what is wrong with a config


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({"provider": "acme"}, "/provider", "Invalid enum value"),
        ({"provider": "${input.p}"}, "/provider", "takes no"),
        ({"model": ""}, "/model", "empty"),
        ({"prompt": 5}, "/prompt", "Expected `str`"),
        ({"temperature": 3}, "/temperature", "<= 2"),
        ({"max_tokens": 0}, "/max_tokens", ">= 1"),
        ({"api_key": "sk-token-1"}, "/api_key", "never by its value"),
        ({"api_key": None}, "/api_key", "openai asks for one"),
        ({"provider": "compatible"}, "/base_url", "no base_url"),
        ({"base_url": "${input.url}"}, "/base_url", "takes no"),
        ({"base_url": "api.example.com"}, "/base_url", "does not begin with http"),
        ({"base_url": "https://example.com/v1?a=b"}, "/base_url", "before ? and #"),
        ({"result_key": ""}, "/result_key", "empty"),
        ({"schema": {"type": "objekt"}}, "/schema/type", "'objekt' is not valid"),
        ({"schema": {"properties": {"a": {"minimum": "x"}}}}, "/schema/properties/a/minimum",
         "is not of type"),
        ({"schema": {"patternProperties": {}}}, "/schema", "not supported"),
        ({"schema": {"items": {"$ref": "https://example.com/s"}}}, "/schema", "leads out"),
        ({"schema": {"pattern": "(?=a)"}}, "/schema", "the pattern"),
        ({"schema": []}, "/schema", "Expected `object | null`"),
        ({"timeout": "later"}, "/timeout", "not a duration"),
        ({"stream": True}, "/stream", "unknown field `stream`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_config(config, at, says):
    right = {"provider": "openai", "model": "m", "prompt": "p", "api_key": KEY}
    found = problems("ai", **(right | config))
    assert [where for where, _ in found] == [at]
    assert says in found[0][1]
    assert "token-1" not in found[0][1], "a literal is never shown"


def test_every_wire_format_has_answers():
    assert set(ANSWERS) == set(PROVIDERS)


async def test_a_server_in_between_that_is_busy_is_left_to_the_policy():
    sender, config = asked("gemini", reply(429, body=b"<html>", content_type="text/html"))
    with pytest.raises(UnexpectedStatus, match="429 Too Many Requests: <html>"):
        await sender.run(**config)
