"""The receiver: the order of its checks, what is told, and one execution for each delivery."""

import asyncio
import json
import logging
from dataclasses import dataclass

import pytest

from redflow import defaults
from redflow.auth.principal import current, identity
from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, Connector
from redflow.metrics import Metrics
from redflow.webhooks import Receiver, Result
from tests.client.kit import chain, pass_time
from tests.webhooks.kit import (
    BODY,
    JSON,
    NOW,
    OTHER,
    SECRET,
    SENDERS,
    WHSEC,
    WHSEC_OTHER,
    Post,
    Sender,
    count,
    hook,
    refusal,
    signed,
    slack,
    standard,
)


@dataclass
class Rights:
    """An auth provider: who may start executions, by subject and by what acts for them."""

    granted: set[tuple[str, str]]

    def check_access(self, resource: str, action: str) -> bool:
        who = current()
        return action != "execute" or (
            who is not None and (who.subject, who.method) in self.granted
        )


# --- what is taken in


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
async def test_a_delivery_of_each_scheme_starts_an_execution(
    client: AsyncClient, receiver: Receiver, sender: Sender
):
    made = await hook(client, sender)
    headers = sender.sign(BODY, sender.secrets[0], int(NOW))
    received = await Post(receiver, made.path, JSON)(BODY, headers)
    found = await client.get_execution(received.id)
    assert (found.input["body"], found.workflow) == ({"amount": 42}, "order")
    assert found.labels == {"webhook": "hook"}
    assert received.answer == {"execution_id": received.id, "duplicate": False}
    assert received.status == 202


async def test_an_unsigned_one(client: AsyncClient, receiver: Receiver, caplog):
    caplog.set_level(logging.WARNING, "redflow.client")
    made = await client.webhooks.put(
        "open", workflow="order", scheme="unsigned", path="order", allow_unsigned=True
    )
    assert "takes unsigned deliveries" in caplog.text
    assert made.path == "order"
    first, second = [await Post(receiver, "order")(b"", {}) for _ in range(2)]
    assert first.id != second.id
    assert (first.duplicate, second.duplicate) == (False, False)


async def test_both_secrets_count_while_they_are_rotated(client: AsyncClient, post: Post):
    await client.webhooks.rotate("hook", "second")
    for number, secret in enumerate((SECRET, OTHER)):
        body = b'{"n": %d}' % number
        assert not (await post(body, signed(body, secret))).duplicate
    await client.webhooks.rotate("hook")
    assert (await refusal(post(b"{}", signed(b"{}")))).result is Result.SIGNATURE
    assert await post(b"{}", signed(b"{}", OTHER))


async def test_one_of_two_secrets_may_be_gone(client: AsyncClient, receiver: Receiver):
    made = await hook(client, secret=["gone", "first"])
    assert await Post(receiver, made.path, JSON)(BODY, signed())


async def test_a_secret_that_redis_keeps(client: AsyncClient, receiver: Receiver):
    await client.put_secret("kept", "sealed-canary")
    made = await hook(client, secret="kept")
    assert await Post(receiver, made.path, JSON)(BODY, signed(secret="sealed-canary"))


async def test_slack_is_greeted_and_nothing_starts(client: AsyncClient, receiver: Receiver):
    made = await hook(client, SENDERS["slack"])
    body = b'{"type": "url_verification", "challenge": "c"}'
    received = await Post(receiver, made.path, JSON)(body, slack(body, SECRET, int(NOW)))
    assert (received.status, received.answer) == (200, {"challenge": "c"})
    assert await count(client) == 0


# --- the order of the checks, and what is told


async def test_unknown_paths_bad_signatures_and_stale_ones_are_answered_alike(
    client: AsyncClient, receiver: Receiver, namespace: str
):
    made = await hook(client, SENDERS["standard"])
    post = Post(receiver, made.path, JSON)
    good = standard(BODY, WHSEC, int(NOW))
    cases = [
        (await refusal(post(BODY, good, path="nowhere")), Result.UNKNOWN),
        (await refusal(post(BODY, {})), Result.SIGNATURE),
        (await refusal(post(BODY, standard(BODY, WHSEC_OTHER, int(NOW)))), Result.SIGNATURE),
        (await refusal(post(BODY, standard(BODY, WHSEC, 1))), Result.TIME),
    ]
    await hook(client, SENDERS["standard"], secret="nobody-has-it")
    cases.append((await refusal(post(BODY, good)), Result.SECRET))
    await hook(client, SENDERS["standard"], secret="first")  # no whsec_
    cases.append((await refusal(post(BODY, good)), Result.SECRET))
    assert [refused.result for refused, _ in cases] == [result for _, result in cases]
    answers = {
        (refused.status, json.dumps(refused.problem), json.dumps(refused.headers))
        for refused, _ in cases
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 401


async def test_a_namespace_that_is_not_there_is_an_unknown_path(connector: Connector):
    async with AsyncClient(connector, namespace="t-nowhere") as nobody:
        refused = await refusal(Post(Receiver(nobody), "order")(BODY, signed()))
    assert (refused.result, refused.status) == (Result.UNKNOWN, 401)


async def test_the_input_of_an_execution(client: AsyncClient, receiver: Receiver):
    made = await hook(client, headers=["X-Shop", "x-missing"])
    body = b'{"a": [1, 2.5, null, "\xc3\xa9"]}'
    headers = {**signed(body), "X-GitHub-Event": "push", "X-Shop": "b", "X-Other": "c"}
    received = await Post(receiver, made.path, JSON)(body, headers, query="a=1&a=2&b=&c=%20")
    assert (await client.get_execution(received.id)).input == {
        "id": "d-1",
        "headers": {
            "content-type": "application/json",
            "x-github-event": "push",
            "x-github-delivery": "d-1",
            "x-shop": "b",
        },
        "query": {"a": ["1", "2"], "b": "", "c": " "},
        "body": {"a": [1, 2.5, None, "é"]},
    }


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("application/json", b"", None),
        ("application/cloudevents+json; charset=utf-8", b"[1]", [1]),
        ("text/plain", b"a=1", "a=1"),
        ("", b"caf\xc3\xa9", "café"),
        ("", b"\xff\x00", b"\xff\x00"),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y", {"a": "1", "b": "x y"}),
    ],
)
async def test_a_body_is_what_its_type_says(client: AsyncClient, post: Post, kind, body, found):
    received = await post(body, {**signed(body), "content-type": kind})
    assert (await client.get_execution(received.id)).input["body"] == found


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"NaN",
        b'{"a": 1, "a": 2}',
        b"\xff",
        b"[" * 100_000,
        b"[" * 150 + b"]" * 150,
        b"1" * 30,
    ],
)
async def test_a_body_that_is_not_what_it_says(post: Post, client: AsyncClient, body: bytes):
    refused = await refusal(post(body, signed(body)))
    assert (refused.result, refused.status) == (Result.INPUT, 400)
    assert await count(client) == 0


async def test_a_query_of_too_many_fields(post: Post):
    refused = await refusal(post(BODY, signed(), query="a=1&" * 2000))
    assert refused.result is Result.INPUT


async def test_a_template_of_the_input(client: AsyncClient, receiver: Receiver):
    template = {"order": "${body.order.id}", "note": "from ${headers['content-type']}", "n": 1}
    made = await hook(client, input=template)
    post = Post(receiver, made.path, JSON)
    body = b'{"order": {"id": 7}}'
    received = await post(body, signed(body))
    assert (await client.get_execution(received.id)).input == {
        "order": 7,
        "note": "from application/json",
        "n": 1,
    }
    assert (await refusal(post(b"{}", signed(b"{}")))).result is Result.INPUT


async def test_the_input_is_sealed(client: AsyncClient, post: Post, driver: AsyncDriver):
    body = b'{"card": "card-canary"}'
    received = await post(body, signed(body))
    key = (await client._namespace.partition_of(received.id)).execution(received.id)
    assert b"card-canary" not in b" ".join(await driver.raw("HGETALL", key))


# --- once


async def test_fifty_at_once_start_one_execution(client: AsyncClient, post: Post):
    received = await asyncio.gather(*(post(BODY, signed()) for _ in range(50)))
    assert len({one.id for one in received}) == 1
    assert [one.duplicate for one in received].count(False) == 1
    assert await count(client) == 1


async def test_a_replay_starts_nothing_though_the_execution_was_purged(
    client: AsyncClient, post: Post
):
    first = await post(BODY, signed())
    await client.cancel_execution(first.id)
    pass_time(client, 1000)
    assert await client.purge() == 1
    again = await post(BODY, signed())
    assert (again.id, again.duplicate) == (first.id, True)
    assert await count(client) == 0
    pass_time(client, round(defaults.WEBHOOK_REPLAY * 1000))
    assert not (await post(BODY, signed())).duplicate


async def test_a_retry_with_another_time_is_the_same_delivery(
    client: AsyncClient, receiver: Receiver
):
    made = await hook(client, SENDERS["standard"])
    post = Post(receiver, made.path, JSON)
    found = [await post(BODY, standard(BODY, WHSEC, int(NOW) + late)) for late in (0, 60)]
    assert [one.duplicate for one in found] == [False, True]
    assert found[0].id == found[1].id


async def test_another_webhook_has_deliveries_of_its_own(client: AsyncClient, post: Post):
    first = await post(BODY, signed())
    other = await client.webhooks.put("other", workflow="order", scheme="github", secret="first")
    second = await post(BODY, signed(), path=other.path)
    assert first.id != second.id
    assert not second.duplicate


async def test_a_new_version_of_the_workflow_meanwhile(client: AsyncClient, post: Post):
    await post(BODY, signed())
    await client.register_workflow(chain("order", "a", "b"))
    assert (await post(BODY, signed())).duplicate
    assert not (await post(b"{}", signed(b"{}"))).duplicate


# --- what does not start


async def test_a_workflow_that_takes_none_leaves_the_delivery_to_be_sent_again(
    client: AsyncClient, post: Post
):
    await client.workflows.deactivate("order")
    refused = await refusal(post(BODY, signed()))
    assert (refused.result, refused.status) == (Result.WORKFLOW, 503)
    await client.workflows.reactivate("order")
    assert not (await post(BODY, signed())).duplicate


async def test_a_workflow_that_is_not_there(client: AsyncClient, receiver: Receiver):
    made = await client.webhooks.put("x", workflow="nope", scheme="github", secret="first")
    refused = await refusal(Post(receiver, made.path, JSON)(BODY, signed()))
    assert refused.result is Result.WORKFLOW


async def test_who_lost_the_right_to_start_it_starts_nothing(client: AsyncClient, post: Post):
    """The webhook acts for whoever kept it, by the rights of now."""
    with identity(subject="ada"):
        await hook(client)

    rights = Rights({("ada", "webhook")})
    client.set_auth_provider(rights)
    assert await post(BODY, signed())
    rights.granted.clear()
    refused = await refusal(post(b"{}", signed(b"{}")))
    assert (refused.result, refused.status) == (Result.DENIED, 403)


# --- what is seen of it


async def test_every_delivery_is_counted(client: AsyncClient, post: Post, metrics: Metrics):
    await post(BODY, signed())
    await post(BODY, signed())
    await refusal(post(BODY, {}))
    await refusal(post(BODY, {}, path="nowhere"))
    await refusal(post(BODY, {"content-encoding": "gzip"}))
    text = metrics.expose().decode()
    counted = {line for line in text.splitlines() if line.startswith("redflow_webhook_requests")}
    assert counted == {
        'redflow_webhook_requests_total{result="started",scheme="github"} 1.0',
        'redflow_webhook_requests_total{result="duplicate",scheme="github"} 1.0',
        'redflow_webhook_requests_total{result="signature",scheme="github"} 1.0',
        'redflow_webhook_requests_total{result="unknown",scheme="unknown"} 1.0',
        'redflow_webhook_requests_total{result="encoding",scheme="unknown"} 1.0',
    }


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
async def test_no_secret_and_no_body_stands_in_logs_errors_or_metrics(
    client: AsyncClient, receiver: Receiver, metrics: Metrics, sender: Sender, caplog
):
    caplog.set_level(logging.DEBUG)
    body = b'{"card": "card-canary"'  # no JSON, so the one that is signed well is refused as well
    made = await hook(client, sender)
    seen = [repr(made), metrics.expose().decode()]
    for secret in sender.secrets:
        headers = sender.sign(body, secret, int(NOW))
        refused = await refusal(Post(receiver, made.path, JSON)(body, headers))
        seen += [str(refused), repr(refused), json.dumps(refused.problem)]
    told = "\n".join([*seen, caplog.text])
    assert "refuses a delivery" in told
    for secret in (*sender.secrets, "card-canary"):
        assert secret not in told
