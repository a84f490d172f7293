"""How much of a body is read, and how often: length, encoding, time and rate."""

import asyncio

import pytest

from redflow import defaults
from redflow.client import AsyncClient
from redflow.driver import Connector
from redflow.webhooks import Receiver, Result
from tests.client.kit import pass_time, set_clock
from tests.webhooks.kit import (
    BODY,
    JSON,
    NOW,
    Chunks,
    Post,
    hook,
    refusal,
    signed,
)


async def test_a_body_in_chunks_is_read_to_the_limit_and_no_further(post: Post):
    chunks = Chunks([b"x" * 65_536] * 1000)
    refused = await refusal(post(chunks, {}))
    assert (refused.result, refused.status) == (Result.TOO_LARGE, 413)
    assert chunks.taken == defaults.WEBHOOK_BYTES // 65_536 + 1


async def test_a_length_that_is_announced_is_believed_when_it_is_too_much(post: Post):
    chunks = Chunks([b"x"])
    length = {"content-length": str(defaults.WEBHOOK_BYTES + 1)}
    assert (await refusal(post(chunks, length))).result is Result.TOO_LARGE
    assert chunks.taken == 0


@pytest.mark.parametrize("length", ["5", "-1", "", "1e3", "9" * 5000])
async def test_a_length_that_lies_is_not(post: Post, length: str):
    chunks = Chunks([b"x" * defaults.WEBHOOK_BYTES, b"x"])
    assert (await refusal(post(chunks, {"content-length": length}))).result is Result.TOO_LARGE


async def test_a_body_of_the_limit_is_read(post: Post):
    refused = await refusal(post(b"x" * defaults.WEBHOOK_BYTES, {}))
    assert refused.result is Result.SIGNATURE


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_an_encoded_body_is_refused_unread(post: Post, encoding: str):
    chunks = Chunks([b"x"])
    refused = await refusal(post(chunks, {**signed(), "Content-Encoding": encoding}))
    assert (refused.result, refused.status, chunks.taken) == (Result.ENCODING, 415, 0)


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
async def test_identity_is_no_encoding(post: Post, encoding: str):
    assert await post(BODY, {**signed(), "content-encoding": encoding})


async def test_a_body_that_does_not_come(client: AsyncClient):
    class Silent(Chunks):
        async def __aiter__(self):
            yield b"x"
            await asyncio.Event().wait()

    slow = Post(Receiver(client, patience=0.0), "x")
    refused = await refusal(slow(Silent([]), {}))
    assert (refused.result, refused.status) == (Result.SLOW, 408)


async def test_the_limit_of_a_webhook_is_told_to_who_signs_alone(
    client: AsyncClient, receiver: Receiver
):
    made = await hook(client, body_limit=8)
    post = Post(receiver, made.path, JSON)
    assert (await refusal(post(BODY, {}))).status == 401
    assert (await refusal(post(BODY, signed()))).status == 413
    assert await post(b"[1,2,3]", signed(b"[1,2,3]"))


async def test_the_rate_is_judged_before_the_signature(client: AsyncClient, receiver: Receiver):
    made = await hook(client, rate=1)
    post = Post(receiver, made.path, JSON)
    assert (await refusal(post(BODY, {}))).result is Result.SIGNATURE
    refused = await refusal(post(BODY, signed()))
    assert (refused.result, refused.status) == (Result.RATE, 429)
    assert 59 <= int(refused.headers["retry-after"]) <= 61
    pass_time(client, 60_000)
    assert await post(BODY, signed())


async def test_the_rate_is_one_for_all_processes(
    client: AsyncClient, receiver: Receiver, connector: Connector, namespace: str
):
    made = await hook(client, rate=3)
    async with AsyncClient(connector, namespace=namespace) as other:
        set_clock(other, round(NOW * 1000))
        posts = [Post(one, made.path) for one in (receiver, Receiver(other))]
        found = [await refusal(post(BODY, {})) for post in posts * 3]
    assert [one.status for one in found].count(429) == 3


async def test_many_unknown_paths_are_over_a_rate_as_well(post: Post, monkeypatch):
    monkeypatch.setattr("redflow.webhooks.receiver.WEBHOOK_RATE", 2)
    found = [await refusal(post(BODY, {}, path=f"guess-{i}")) for i in range(3)]
    assert [one.status for one in found] == [401, 401, 429]


# --- what the execution is given
