"""Every route of the description, asked with every kind of credentials."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from redflow.api.settings import ApiSettings
from redflow.auth import ROLES, Principal
from redflow.client import AsyncClient
from tests.api.kit import Tokens, api_of, asking, principals
from tests.api.operations import ALL, CLOSED, STREAMS, Operation

SEEN_BY_VIEWERS = {"validate_workflow"}
NOT_SEEN_BY_VIEWERS = {"list_secrets", "metrics"}

everything = pytest.mark.parametrize("one", CLOSED, ids=lambda one: one.id)
in_namespaces = pytest.mark.parametrize(
    "one", [one for one in CLOSED if one.of_namespace], ids=lambda one: one.id
)


@pytest.fixture
async def guarded(client: AsyncClient) -> AsyncIterator[Any]:
    everybody = principals("shop", ROLES)
    everybody["everywhere"] = Principal("root", namespaces=("*",), roles=("admin",))
    settings = ApiSettings(failed_logins=1000, keep_alive=0.01)
    app = api_of(client, authenticators=[Tokens(everybody)], settings=settings)
    yield app
    await app.close()


async def ask(
    app: Any, one: Operation, token: str | None, namespace: str = "shop", **ids: str
) -> httpx.Response:
    async with asking(app, token=token) as http:
        return await http.request(one.method, one.path(namespace, **ids), json=one.body)


def said(answer: httpx.Response) -> dict[str, Any]:
    """Return a problem without the id of its request."""
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def test_the_matrix_has_every_route():
    assert len(ALL) >= 50
    assert {one.id for one in ALL if one.open} == {
        *("livez", "readyz", "healthz", "health", "deliver", "describe_api")
    }


@everything
@pytest.mark.parametrize("token", [None, "", "not-known", "x" * 9000], ids=lambda t: str(t)[:9])
async def test_without_credentials_that_count_it_is_401(guarded, one, token):
    answer = await ask(guarded, one, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@everything
async def test_without_the_right_it_is_403(guarded, one):
    if one.id in STREAMS:
        return  # which a viewer may see, and does not end by itself: see test_events
    answer = await ask(guarded, one, "viewer")
    seen = one.method == "GET" and one.id not in NOT_SEEN_BY_VIEWERS
    if seen or one.id in SEEN_BY_VIEWERS:
        assert answer.status_code in (200, 404)
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "AccessDenied")


@in_namespaces
async def test_what_is_absent_and_what_is_foreign_is_the_same_404(guarded, one):
    foreign = await ask(guarded, one, "foreign")
    both = await ask(guarded, one, "foreign", "absent")
    assert foreign.status_code == 404
    assert said(foreign) == said(both)
    if one.id != "register_workflow":  # which makes the namespace
        absent = await ask(guarded, one, "everywhere", "absent")
        assert (absent.status_code, said(absent)) == (404, said(foreign))


@in_namespaces
async def test_a_bad_body_does_not_tell_whether_a_namespace_is_there(guarded, one):
    async with asking(guarded, token="foreign") as http:
        answers = [
            await http.request(one.method, one.path(name), content=b"{{{")
            for name in ("shop", "absent")
        ]
    assert [answer.status_code for answer in answers] == [404, 404]


@everything
async def test_with_the_right_it_is_answered(guarded, one):
    ids = {"id": "order"} if one.template.startswith("/api/{namespace}/workflows") else {}
    if one.id in STREAMS:
        return
    answer = await ask(guarded, one, "admin", **ids)
    assert answer.status_code < 500
    assert answer.status_code not in (401, 403)


@everything
async def test_a_thing_that_is_not_there_is_answered_like_a_foreign_one(guarded, one):
    if "{id}" not in one.template or one.id in ("put_schedule",):
        return
    own = await ask(guarded, one, "admin", id="nothing")
    foreign = await ask(guarded, one, "foreign", id="nothing")
    assert (own.status_code, said(own)) == (404, said(foreign))
