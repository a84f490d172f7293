"""Webhooks as their manager keeps, shows, rotates and forgets them."""

import re

import pytest

from redflow.client import AsyncClient, Client
from redflow.driver import AsyncDriver, Connector
from redflow.errors import Conflict, InvalidInput, InvalidWorkflow, NotFound, StoreError
from redflow.model.webhook import SchemeOptions, WebhookScheme
from redflow.secrets.reference import Secret
from redflow.store.space import Limits
from tests.client.kit import chain, pass_time

STRIPE = {"workflow": "payment", "scheme": "stripe", "secret": Secret("stripe")}


@pytest.fixture
async def keeper(client: AsyncClient) -> AsyncClient:
    """Return a client in a namespace that is there; the workflow is not registered yet."""
    await client.create_namespace()
    return client


async def test_a_webhook_has_a_random_path_of_128_bits(keeper: AsyncClient):
    made = await keeper.webhooks.put("stripe", **STRIPE)
    other = await keeper.webhooks.put("other", **STRIPE)
    assert re.fullmatch("[0-9a-f]{32}", made.path)
    assert made.path != other.path
    assert (made.workflow, made.scheme, made.secrets) == (
        "payment",
        WebhookScheme.STRIPE,
        ("stripe",),
    )
    assert await keeper.webhooks.get("stripe") == made
    assert await keeper.webhooks.list() == [other, made]


async def test_put_again_it_keeps_its_path(keeper: AsyncClient):
    first = await keeper.webhooks.put("stripe", **STRIPE)
    pass_time(keeper, 1000)
    again = await keeper.webhooks.put("stripe", **STRIPE, rate=None, headers=["X-A", "x-a"])
    assert (again.path, again.created_at) == (first.path, first.created_at)
    assert (again.rate, again.headers, again.revision) == (None, ("x-a",), 2)
    assert again.updated_at > first.updated_at


async def test_the_path_of_the_workflow(keeper: AsyncClient):
    made = await keeper.webhooks.put("stripe", **STRIPE, path="payment")
    assert made.path == "payment"
    with pytest.raises(Conflict, match="'payment' leads to another webhook"):
        await keeper.webhooks.put("other", **STRIPE, path="payment")
    assert len((await keeper.webhooks.put("stripe", **STRIPE)).path) == 32


async def test_rotating_secrets(keeper: AsyncClient):
    made = await keeper.webhooks.put("stripe", **STRIPE, headers=["x-a"], rate=5)
    found = await keeper.webhooks.rotate("stripe", Secret("next"))
    assert found.secrets == ("next", "stripe")
    found = await keeper.webhooks.rotate("stripe", "third")
    assert found.secrets == ("third", "next")
    found = await keeper.webhooks.rotate("stripe")
    assert found.secrets == ("third",)
    assert (found.path, found.headers, found.rate) == (made.path, ("x-a",), 5)


@pytest.mark.parametrize("path", [None, "payment"])
async def test_rotating_the_path(keeper: AsyncClient, path: str | None):
    made = await keeper.webhooks.put("stripe", **STRIPE, path=path)
    assert (await keeper.webhooks.rotate("stripe", "next")).path == made.path
    found = await keeper.webhooks.rotate("stripe", path=True)
    assert len(found.path) == 32
    assert found.path != made.path


async def test_rotations_at_once_lose_none(keeper: AsyncClient, monkeypatch):
    """Each replaces the revision it has read; who comes second reads again."""
    await keeper.webhooks.put("stripe", **STRIPE)
    plain = keeper.webhooks.get

    async def get(name: str):
        found = await plain(name)
        monkeypatch.setattr(keeper.webhooks, "get", plain)
        await keeper.webhooks.rotate("stripe", "theirs")
        return found

    monkeypatch.setattr(keeper.webhooks, "get", get)
    found = await keeper.webhooks.rotate("stripe", "ours")
    assert found.secrets == ("ours", "theirs")


async def test_who_is_always_second_hears_so(keeper: AsyncClient, monkeypatch):
    await keeper.webhooks.put("stripe", **STRIPE)
    stale = await keeper.webhooks.get("stripe")
    await keeper.webhooks.put("stripe", **STRIPE)

    async def get(name: str):
        return stale

    monkeypatch.setattr(keeper.webhooks, "get", get)
    with pytest.raises(Conflict, match="changed by others"):
        await keeper.webhooks.rotate("stripe", "next")


async def test_deleting(keeper: AsyncClient):
    await keeper.webhooks.put("stripe", **STRIPE)
    await keeper.webhooks.delete("stripe")
    assert await keeper.webhooks.list() == []
    for call in (keeper.webhooks.delete, keeper.webhooks.get, keeper.webhooks.rotate):
        with pytest.raises(NotFound, match="webhook 'stripe' is not known"):
            await call("stripe")


async def test_a_namespace_has_so_many(connector: Connector, namespace: str):
    limits = Limits(webhooks_cap=1)
    async with AsyncClient(connector, namespace=namespace, limits=limits) as client:
        await client.create_namespace()
        await client.webhooks.put("a", **STRIPE)
        with pytest.raises(Conflict, match="has 1 webhooks"):
            await client.webhooks.put("b", **STRIPE)
        await client.webhooks.put("a", **STRIPE)


async def test_what_a_later_version_wrote(keeper: AsyncClient, driver: AsyncDriver):
    await keeper.webhooks.put("stripe", **STRIPE)
    key = (await keeper._namespace.space()).keys.webhooks
    await driver.raw("HSET", key, "d:stripe", b'{"scheme": "later", "workflow": "w"}')
    with pytest.raises(StoreError, match="webhook 'stripe' has a form"):
        await keeper.webhooks.get("stripe")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": "a.b"}),
        ("workflow", {"workflow": "a b"}),
        ("scheme", {"scheme": "md5"}),
        ("scheme", {"scheme": 7}),
        ("secret", {"secret": None}),
        ("secret", {"secret": ["a", "b", "c"]}),
        ("secret", {"secret": "a b"}),
        ("secret", {"secret": 7}),
        ("secret", {"scheme": "unsigned", "allow_unsigned": True}),
        ("allow_unsigned", {"scheme": "unsigned", "secret": None}),
        ("path", {"path": "guess"}),
        ("path", {"path": ""}),
        ("rate", {"rate": 0}),
        ("rate", {"rate": True}),
        ("rate", {"rate": "9"}),
        ("body_limit", {"body_limit": 0}),
        ("body_limit", {"body_limit": 2**20 + 1}),
        ("headers", {"headers": "x-a"}),
        ("headers", {"headers": ["x a"]}),
        ("headers", {"headers": ["Authorization"]}),
        ("headers", {"headers": ["Stripe-Signature"]}),
        ("headers", {"headers": [f"x-{i}" for i in range(21)]}),
        ("headers", {"headers": ["x-mac"], "scheme": "hmac", "options": {"header": "X-Mac"}}),
        ("options", {"options": {"header": "x"}}),
        ("options", {"scheme": "hmac", "options": {"algorithm": "md5"}}),
        ("options", {"scheme": "hmac", "options": {"other": "x"}}),
        ("options", {"scheme": "hmac", "options": {"header": ""}}),
        ("options", {"scheme": "hmac", "options": {"prefix": "x" * 33}}),
        ("options", {"scheme": "hmac", "options": 7}),
        ("options", {"scheme": "api_key", "options": {"timestamp_header": "x-t"}}),
    ],
)
async def test_what_is_no_webhook(keeper: AsyncClient, field: str, given):
    with pytest.raises(InvalidInput) as caught:
        await keeper.webhooks.put(**{"name": "stripe", **STRIPE, **given})
    assert caught.value.field == field
    assert await keeper.webhooks.list() == []


@pytest.mark.parametrize("template", ["${steps.a}", {"a": ["${body."]}, {"a": "${input}"}])
async def test_a_template_that_is_none(keeper: AsyncClient, template):
    with pytest.raises(InvalidWorkflow):
        await keeper.webhooks.put("stripe", **STRIPE, input=template)


@pytest.mark.parametrize("template", [object(), b"x", {"a": "x" * 20_000}])
async def test_a_template_that_is_no_json(keeper: AsyncClient, template):
    with pytest.raises(InvalidInput):
        await keeper.webhooks.put("stripe", **STRIPE, input=template)


async def test_options_have_defaults_and_names_of_headers_are_in_lower_case(keeper: AsyncClient):
    made = await keeper.webhooks.put("a", workflow="w", scheme="hmac", secret="s")
    assert made.options == SchemeOptions(header="x-signature")
    options = SchemeOptions(header="X-Mac", timestamp_header="X-Time", prefix="v1=")
    made = await keeper.webhooks.put("a", workflow="w", scheme="hmac", secret="s", options=options)
    assert (made.options.header, made.options.timestamp_header) == ("x-mac", "x-time")
    assert made.options.prefix == "v1="


async def test_a_namespace_that_is_not_there(client: AsyncClient):
    with pytest.raises(NotFound, match="does not exist"):
        await client.webhooks.put("stripe", **STRIPE)


def test_the_synchronous_client_does_the_same(sync_client: Client):
    sync_client.register_workflow(chain("payment"))
    made = sync_client.webhooks.put("stripe", **STRIPE)
    assert sync_client.webhooks.rotate("stripe", "next").secrets == ("next", "stripe")
    _, admitted = sync_client.webhooks.admit(made.path, 1)
    assert admitted is not None
    assert admitted.name == "stripe"
    taken = [sync_client.webhooks.start(made, b"key", {"a": 1}) for _ in range(2)]
    assert [one.duplicate for one in taken] == [False, True]
    assert sync_client.get_execution(taken[0].id).input == {"a": 1}
    sync_client.webhooks.delete("stripe")
    assert sync_client.webhooks.list() == []
