"""The `http` node: what it sends, what it answers, and how its config is checked."""

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest

from redflow.egress.errors import EgressDenied, EgressFailed
from redflow.egress.message import Credential
from redflow.errors import InvalidInput, Misconfigured
from redflow.model.outcome import Failed, OutcomeReason
from redflow.nodes.base import UnfitInput
from redflow.nodes.failures import UnreadableReply
from redflow.nodes.registry import Registry
from tests.nodes.kit import answer, problems
from tests.nodes.outgoing import Sender, reply

URL = "https://example.com/orders"


# --- what is sent


async def test_a_get_answers_status_headers_and_parsed_body():
    sender = Sender("http", reply(200, {"id": 7}, etag="a"))
    assert await sender.run(url=URL) == {
        "status": 200,
        "headers": {"content-type": "application/json", "etag": "a"},
        "body": {"id": 7},
    }
    assert (sender.sent.method, sender.sent.url, sender.sent.content) == ("GET", URL, None)


async def test_templates_stand_in_url_query_headers_and_body():
    sender = Sender("http")
    value = {"id": "7", "tags": ["a", "b c"], "n": 3}
    await sender.run(
        value,
        url="https://example.com/orders/${input.id}?x=1",
        query={"tag": "${input.tags}", "all": True, "none": None},
        headers={"X-Count": "${input.n}", "X-Two": 2},
        json={"again": ["${input.n + 1}"]},
    )
    parts = urlsplit(sender.sent.url)
    assert parts.path == "/orders/7"
    assert parse_qsl(parts.query) == [("x", "1"), ("tag", "a"), ("tag", "b c"), ("all", "true")]
    assert (sender.headers["x-count"], sender.headers["x-two"]) == ("3", "2")
    assert sender.sent.content == b'{"again":[4]}'


@pytest.mark.parametrize(
    ("config", "method", "kind", "content"),
    [
        ({"json": {"a": 1}}, "POST", "application/json", b'{"a":1}'),
        ({"json": None}, "POST", "application/json", b"null"),
        ({"form": {"a": "b c", "n": 1.5}}, "POST", "application/x-www-form-urlencoded",
         b"a=b+c&n=1.5"),
        ({"form": "${input.form}"}, "POST", "application/x-www-form-urlencoded", b"z=1"),
        ({"body": "t\u00e4xt", "method": "put"}, "PUT", "text/plain; charset=utf-8",
         b"t\xc3\xa4xt"),
        ({"body": b"\x00"}, "POST", "application/octet-stream", b"\x00"),
        ({"body": "<a/>", "headers": {"content-type": "text/xml"}}, "POST", "text/xml", b"<a/>"),
    ],
)  # fmt: skip
async def test_bodies_of_three_kinds(config, method, kind, content):
    sender = Sender("http")
    await sender.run({"form": {"z": 1}}, url=URL, **config)
    assert (sender.sent.method, sender.sent.content) == (method, content)
    assert sender.headers["content-type"] == kind


@pytest.mark.parametrize(
    ("key", "header"),
    [(True, "idempotency-key"), ("X-Request-Id", "x-request-id"), (False, None)],
)
async def test_the_idempotency_key_is_that_of_the_step(key, header):
    sender = Sender("http")
    await sender.run(url=URL, idempotency_key=key)
    assert sender.headers == ({header: "e1:n"} if header else {})


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://example.com/${input.path}", True),
        ("http://example.com:8080?x=${input.path}", True),
        ("https://example.com", True),
        ("https://example.com${input.path}", False),
        ("https://${input.host}/a", False),
        ("${input.scheme}://example.com/a", False),
        ("${input.url}", False),
        ("https://${input.host}.example.com/a", False),
        ("https://example.com\\${input.path}/", False),
    ],
)
async def test_whether_the_host_stands_in_the_definition(url, written):
    value = {"path": "/p", "host": "h", "scheme": "https", "url": "https://example.com/"}
    sender = Sender("http")
    await sender.run(value, url=url)
    assert sender.sent.written is written


async def test_limits_go_with_the_request():
    sender = Sender("http", timeout=5.0)
    await sender.run(url=URL, redirects=2)
    assert (sender.sent.redirects, sender.sent.namespace) == (2, "ns")
    assert 4.0 < sender.sent.timeout <= 5.0, "no more than the attempt has left"


@pytest.mark.parametrize(("config", "limit"), [({}, 30.0), ({"timeout": "2s"}, 2.0)])
async def test_a_request_has_a_limit_of_its_own(config, limit):
    sender = Sender("http")
    await sender.run(url=URL, **config)
    assert sender.sent.timeout == limit


@pytest.mark.parametrize(("timeout", "attempt"), [(None, 30.0), ("2s", 30.0), (90, 90.0)])
def test_an_attempt_lasts_as_long_as_its_request_may(timeout, attempt):
    config = {"url": URL} | ({} if timeout is None else {"timeout": timeout})
    registry = Registry()
    assert registry.types["http"].runner(config, registry).timeout == attempt


# --- secrets


@pytest.mark.parametrize(
    ("config", "header", "value"),
    [
        ({"auth": {"bearer": {"$secret": "key"}}}, "authorization", "Bearer k-1"),
        (
            {"auth": {"basic": {"username": "${input.u}", "password": {"$secret": "key"}}}},
            "authorization",
            "Basic " + base64.b64encode(b"ada:k-1").decode(),
        ),
        ({"auth": {"header": "X-Key", "value": {"$secret": "key"}}}, "x-key", "k-1"),
        ({"headers": {"X-Key": {"$secret": "key"}}}, "x-key", "k-1"),
    ],
    ids=["bearer", "basic", "header", "headers"],
)
async def test_a_secret_becomes_a_header_for_its_own_hosts(config, header, value):
    sender = Sender("http", key="k-1")
    await sender.run({"u": "ada"}, url=URL, **config)
    ((name, credential),) = sender.sent.headers
    assert (name.lower(), credential) == (header, Credential(value, ("example.com",), "key"))


async def test_what_was_resolved_is_known_to_the_mask():
    sender = Sender("http", reply(200, {"echo": "Bearer key-12345"}), key="key-12345")
    output = await sender.run(url=URL, auth={"bearer": {"$secret": "key"}})
    assert sender.masked(output)["body"] == {"echo": "Bearer ***key***"}


async def test_a_secret_that_nobody_has_fails_the_step_for_good():
    failed = await Sender("http").run(url=URL, auth={"bearer": {"$secret": "key"}})
    assert (failed.retryable, failed.error.type) == (False, "redflow.secrets.values.SecretNotFound")
    assert "'key'" in failed.error.message


# --- what comes back


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/problem+json; charset=utf-8", b'{"a": [1]}', {"a": [1]}),
        ("text/html; charset=latin-1", b"\xe4", "\u00e4"),
        ("text/plain; charset=nobody-knows", b"a", "a"),
        ("image/svg+xml", b"<svg/>", "<svg/>"),
        ("image/png", b"\x89", b"\x89"),
        ("", b"a", b"a"),
        ("application/json", b"", None),
    ],
)
async def test_a_body_is_what_its_content_type_says(kind, body, value):
    headers = {"content_type": kind} if kind else {}
    output = await Sender("http", reply(200, body=body, **headers)).run(url=URL)
    assert output["body"] == value


async def test_json_that_is_none_fails_the_attempt():
    sender = Sender("http", reply(200, body=b"<html>", content_type="application/json"))
    with pytest.raises(UnreadableReply, match=r"GET https://example\.com answered 200 OK: <html>"):
        await sender.run(url=URL)


@pytest.mark.parametrize(
    ("expect", "status"),
    [("2xx", 204), (404, 404), ([200, 404], 404), (["2xx", "503"], 503), ("301", 301)],
)
async def test_a_status_that_is_expected_is_no_error(expect, status):
    output = await Sender("http", reply(status)).run(url=URL, expect=expect)
    assert output["status"] == status


async def test_an_unexpected_status_of_the_client_fails_the_step_for_good():
    sender = Sender("http", reply(422, {"error": "no  such\nitem"}))
    failed = await sender.run(url=URL + "/secret-path", expect=200)
    assert isinstance(failed, Failed)
    assert (failed.retryable, failed.error.reason) == (False, OutcomeReason.NOT_RETRYABLE)
    assert failed.error.message == (
        'GET https://example.com answered 422 Unprocessable Entity: {"error": "no such\\nitem"}'
    )


async def test_a_success_that_is_not_expected_is_no_success():
    failed = await Sender("http", reply(202)).run(url=URL, expect=200)
    assert failed.error.type == "redflow.nodes.failures.RefusedRequest"


async def test_what_egress_refuses_fails_the_step_for_good():
    denied = EgressDenied("no request may go to 10.0.0.1", reason="private", hint="add this line")
    failed = await Sender("http", denied).run(url=URL)
    assert (failed.retryable, failed.error.message) == (False, str(denied))


async def test_a_connection_that_fails_may_be_tried_again():
    with pytest.raises(EgressFailed):
        await Sender("http", EgressFailed("no answer", kind="connect")).run(url=URL)


async def test_a_reply_that_is_too_large_is_too_large_again():
    failed = await Sender("http", EgressFailed("over 4 MiB", kind="too_large")).run(url=URL)
    assert not failed.retryable


async def test_a_worker_without_services_says_so():
    with pytest.raises(Misconfigured, match="node 'n' needs egress and secrets"):
        await answer("http", url=URL)


# --- data that do not fit


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"query": "${input.n}"}, "query is a int, not a map"),
        ({"query": {"a": "${input.map}"}}, "query.a is a dict"),
        ({"form": {"a": "${input.map}"}}, "form.a is a dict"),
        ({"body": "${input.map}"}, "body is a dict, not text or bytes"),
        ({"headers": {"X-A": "${input.map}"}}, "'X-A' is a dict"),
        ({"url": "${input.host}/a"}, "does not begin with http"),
    ],
)
async def test_data_that_do_not_fit_fail_the_step(config, says):
    sender = Sender("http")
    with pytest.raises(UnfitInput, match=says):
        await sender.run({"n": 1, "map": {"x": 1}, "host": "ftp://h"}, **({"url": URL} | config))
    assert sender.egress.requests == []


# --- what is wrong with a config


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({"url": 5}, "/url", "Expected `str`"),
        ({"url": "example.com"}, "/url", "does not begin with http://"),
        ({"url": "https://user:pass@example.com/"}, "/url", "do not belong in a URL"),
        ({"url": "https://example.com/a b"}, "/url", "a blank"),
        ({"url": "https:///path"}, "/url", "names no host"),
        ({"url": "https://example.com:http/"}, "/url", "names no host, or a port"),
        ({"method": "FETCH"}, "/method", "'FETCH' is not one of"),
        ({"method": "${input.m}"}, "/method", "takes no"),
        ({"json": 1, "form": {}}, "/form", "remove form, or json"),
        ({"json": 1, "body": "x"}, "/body", "remove body, or json"),
        ({"form": {}, "body": "x"}, "/body", "remove body, or form"),
        ({"headers": {"bad name": "x"}}, "/headers/bad name", "header's name"),
        ({"headers": {"Host": "x"}}, "/headers/Host", "set by redflow itself"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "/headers/x-a", "twice"),
        ({"headers": {"X-A": [1]}}, "/headers/X-A", "it is a list"),
        ({"headers": {"Authorization": "Bearer abc"}}, "/headers/Authorization", "by its name"),
        ({"headers": {"X-A": {"$secret": "a", "b": 1}}}, "/headers/X-A", "by its name"),
        ({"headers": {"X-A": {"$secret": "${input.a}"}}}, "/headers/X-A/$secret", "expression"),
        ({"query": 5}, "/query", "not a map"),
        ({"form": "a=b"}, "/form", "not a map"),
        ({"json": {"a": [{"$secret": "key"}]}}, "/json/a/0", "no secret is filled in here"),
        ({"query": {"key": {"$secret": "key"}}}, "/query/key", "no secret is filled in here"),
        ({"timeout": "soon"}, "/timeout", "not a duration"),
        ({"timeout": 0}, "/timeout", "more than zero"),
        ({"expect": "ok"}, "/expect", "no status"),
        ({"expect": [200, 999]}, "/expect/1", "no status"),
        ({"expect": []}, "/expect", "empty"),
        ({"expect": True}, "/expect", "no status"),
        ({"redirects": 4}, "/redirects", "<= 3"),
        ({"idempotency_key": "a b"}, "/idempotency_key", "header's name"),
        ({"auth": "token"}, "/auth", "Expected `object | null`"),
        ({"auth": {}}, "/auth", "give one of bearer, basic"),
        ({"auth": {"bearer": "token-1"}}, "/auth/bearer", "never by its value"),
        ({"auth": {"basic": {"username": "a", "password": "token-1"}}}, "/auth/basic/password",
         "never by its value"),
        ({"auth": {"header": "X-Key", "value": "token-1"}}, "/auth/value", "never by its value"),
        ({"auth": {"header": "X-Key"}}, "/auth/value", "value is missing"),
        ({"auth": {"bearer": {"$secret": "k"}}, "headers": {"authorization": "${input.t}"}},
         "/auth", "both set authorization"),
        ({"retries": 3}, "/retries", "unknown field `retries`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_config(config, at, says):
    found = problems("http", **({"url": URL} | config))
    assert [where for where, _ in found] == [at]
    assert says in found[0][1]
    assert "token-1" not in found[0][1], "a literal is never shown"


def test_every_problem_is_told_at_once():
    found = problems("http", url="x", method="y", expect=0)
    assert [where for where, _ in found] == ["/url", "/method", "/expect"]


@pytest.mark.parametrize(
    "config",
    [
        {"url": "${input.url}"},
        {"url": "http://[2001:db8::1]:8080/"},
        {"headers": {"Authorization": "Bearer ${vars.token}"}, "query": "${input.query}"},
        {"auth": {"bearer": {"$secret": "key"}}, "method": "delete", "expect": ["2xx", 404]},
    ],
)
def test_what_is_right(config):
    config = {"url": URL} | config
    if "vars" in str(config):
        config["headers"] = {"Authorization": "Bearer ${input.token}"}
    assert problems("http", **config) == []


def test_a_worker_checks_what_was_written_as_well():
    config = {"url": URL, "auth": {"bearer": {"$secret": "${input.name}"}}}
    with pytest.raises(InvalidInput, match="cannot be an expression"):
        Registry().types["http"].runner(config, Registry())


async def test_a_user_name_that_would_move_into_the_password_is_refused():
    basic = {"username": "${input.user}", "password": {"$secret": "key"}}
    sender = Sender("http", key="k-1")
    with pytest.raises(UnfitInput, match="holds no colon"):
        await sender.run({"user": "a:b"}, url=URL, auth={"basic": basic})
    assert sender.egress.requests == []
