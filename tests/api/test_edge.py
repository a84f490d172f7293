"""What every answer has: headers, a request id, problems that tell what they may."""

import re

import httpx
import pytest

from redflow.api.edge import SECURITY
from redflow.api.settings import ApiSettings
from redflow.client import AsyncClient
from redflow.errors import InvalidInput
from redflow.version import VERSION
from tests.api.kit import Tokens, api_of, asking
from tests.api.operations import ALL, CLOSED

EXECUTIONS = "/api/shop/executions"


def without_streams():
    return [one for one in ALL if not one.id.startswith("follow")]


@pytest.mark.parametrize("one", without_streams(), ids=lambda one: one.id)
async def test_every_answer_has_the_security_headers(http, one):
    answer = await http.request(one.method, one.path("shop"), json=one.body)
    for name, value in SECURITY:
        assert answer.headers[name.decode()] == value.decode()


@pytest.mark.parametrize("path", ["/", "/api", "/api/shop/nothing", "/webhooks", "/%00", "//"])
async def test_unknown_paths_have_them_too(http, path):
    answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_wrong_method_names_the_right_ones(http):
    answer = await http.delete(EXECUTIONS)
    assert (answer.status_code, answer.json()["code"]) == (405, "MethodNotAllowed")
    assert set(answer.headers["allow"].split(", ")) & {"GET", "POST"}


async def test_cors_is_off(http):
    asked = {"origin": "https://example.com", "access-control-request-method": "POST"}
    preflight = await http.options(EXECUTIONS, headers=asked)
    plain = await http.get(EXECUTIONS, headers={"origin": "https://example.com"})
    names = [name for answer in (preflight, plain) for name in answer.headers]
    assert not [name for name in names if name.startswith("access-control")]


async def test_the_request_id_is_that_of_the_client(http):
    answer = await http.get(f"{EXECUTIONS}/nothing", headers={"x-request-id": "abc-7"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc-7"


@pytest.mark.parametrize("id", ["", "a b", "x" * 65, 'a"b', "a\u00e9"])
async def test_a_request_id_that_is_no_id_is_replaced(http, id):
    answer = await http.get("/livez", headers={"x-request-id": id.encode()})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("LOCALHOST", 200),
        ("example.com", 421),
        ("localhost.example.com", 421),
        ("127.0.0.1.example.com", 421),
        ("", 421),
    ],
)
async def test_without_login_only_loopback_names_are_answered(http, host, status):
    assert (await http.get("/livez", headers={"host": host})).status_code == status


async def test_hosts_can_be_named(client):
    app = api_of(client, settings=ApiSettings(hosts=("api.example.com",)))
    async with asking(app) as http:
        named = await http.get("/livez", headers={"host": "api.example.com:443"})
        other = await http.get("/livez")
    assert (named.status_code, other.status_code) == (200, 421)


async def test_with_a_login_any_host_is_answered(client):
    async with asking(api_of(client, authenticators=[Tokens({})])) as http:
        assert (await http.get("/livez", headers={"host": "example.com"})).status_code == 200


@pytest.mark.parametrize("one", CLOSED, ids=lambda one: one.id)
@pytest.mark.parametrize(
    "bad", ["..%2f..%2fetc", "a%0d%0aX-Y:%20z", "%00", "a%20b", "é", "x" * 500]
)
async def test_ids_that_are_none_are_refused(http, one, bad):
    names = re.findall("{(\\w+)}", one.template)
    for name in names:
        ids = {"namespace": "shop"} | {name: bad}
        answer = await http.request(one.method, one.path(**ids), json=one.body)
        assert answer.status_code in (400, 404)
        assert "x-y" not in answer.headers


async def test_an_error_of_ours_tells_no_more_than_its_id(client, monkeypatch, caplog):
    async def broken(*_: object) -> None:
        raise RuntimeError("secret-canary at /srv/app.py")

    monkeypatch.setattr(type(client), "get_execution", broken)
    async with asking(api_of(client)) as http:
        answer = await http.get(f"{EXECUTIONS}/o-1")

    assert (answer.status_code, answer.json()["code"]) == (500, "Internal")
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["request_id"] in caplog.text


async def test_an_error_that_names_redis_does_not_name_its_address(client, monkeypatch):
    from redflow.errors import Unavailable

    async def gone(*_: object) -> None:
        raise Unavailable("no answer from Redis at db.example.com:6379", ambiguous=True)

    monkeypatch.setattr(type(client), "get_execution", gone)
    async with asking(api_of(client)) as http:
        answer = await http.get(f"{EXECUTIONS}/o-1")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "example.com" not in answer.text
    assert answer.json()["ambiguous"] is True


# Bodies


async def test_a_body_over_the_limit_is_refused_by_its_length(http):
    answer = await http.post(EXECUTIONS, content=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "PayloadTooLarge")


async def test_a_body_that_lies_about_its_length_is_counted(http):
    async def parts():
        for _ in range(20):
            yield b"x" * 64 * 1024

    answer = await http.post(EXECUTIONS, content=parts(), headers={"content-length": "10"})
    assert answer.status_code == 413


async def test_a_deep_body_is_refused_before_it_is_decoded(http):
    body = b'{"workflow":"order","input":' + b"[" * 70 + b"]" * 70 + b"}"
    answer = await http.post(EXECUTIONS, content=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "$")
    assert "deeper than 64" in answer.json()["detail"]


async def test_brackets_in_texts_are_no_depth(http):
    body = {"workflow": "order", "input": '[{"' * 100}
    assert (await http.post(EXECUTIONS, json=body)).status_code == 201


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b'{"workflow": NaN}', b"[]", b"1"])
async def test_a_body_that_is_not_what_is_taken(http, body):
    answer = await http.post(EXECUTIONS, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-encoding": "gzip"},
    ],
)
async def test_only_json_as_it_is_is_taken(http, headers):
    answer = await http.post(EXECUTIONS, content=b'{"workflow":"order"}', headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "$"),
        ("status=DONE", "status"),
        ("since=yesterday", "since"),
        ("label=nocolon", "label[0]"),
        ("cursor=x", "cursor"),
    ],
)
async def test_a_query_is_read_strictly(http, query, field):
    answer = await http.get(f"{EXECUTIONS}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


# Probes


async def test_the_probes(http):
    assert (await http.get("/livez")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    healthy = {"status": "ok", "redis": "up", "draining": False, "version": VERSION}
    assert (await http.get("/health")).json() == healthy
    assert (await http.get("/healthz")).json() == healthy


async def test_it_is_not_ready_while_it_drains(http, app):
    app.drain()
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
    assert (await http.get("/livez")).status_code == 200


async def test_metrics_count_requests_by_template(http):
    await http.get(f"{EXECUTIONS}/one")
    await http.get(f"{EXECUTIONS}/two")
    text = (await http.get("/metrics")).text
    line = (
        'redflow_http_request_duration_seconds_count{method="GET",'
        'route="/api/{namespace}/executions/{id}",status_class="4xx"} 2.0'
    )
    assert line in text


async def test_metrics_may_be_open(client):
    settings = ApiSettings(open_metrics=True)
    async with asking(api_of(client, authenticators=[Tokens({})], settings=settings)) as http:
        assert (await http.get("/metrics")).status_code == 200


# Logins


async def test_who_guesses_has_to_wait(client):
    app = api_of(client, authenticators=[Tokens({})])
    async with asking(app, token="wrong") as http:
        statuses = [(await http.get(EXECUTIONS)).status_code for _ in range(50)]
    async with asking(app, token="wrong", client="127.0.0.2") as http:
        elsewhere = await http.get(EXECUTIONS)
    assert statuses == [401] * 10 + [429] * 40
    assert elsewhere.status_code == 401


async def test_no_credentials_are_no_guess(client):
    async with asking(api_of(client, authenticators=[Tokens({})])) as http:
        statuses = {(await http.get(EXECUTIONS)).status_code for _ in range(20)}
    assert statuses == {401}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "statuses"),
    [
        ((), "192.0.2.{n}", {401, 429}),
        (("127.0.0.1",), "192.0.2.{n}", {401}),
        (("127.0.0.1",), "192.0.2.{n}, 198.51.100.1", {401, 429}),
        (("127.0.0.1", "198.51.100.0/24"), "192.0.2.{n}, 198.51.100.1", {401}),
    ],
)
async def test_forwarded_addresses_count_from_trusted_proxies_alone(
    client, proxies, forwarded, statuses
):
    settings = ApiSettings(trusted_proxies=proxies)
    app = api_of(client, authenticators=[Tokens({})], settings=settings)
    async with asking(app, token="wrong") as http:
        found = {
            (
                await http.get(EXECUTIONS, headers={"x-forwarded-for": forwarded.format(n=number)})
            ).status_code
            for number in range(15)
        }
    assert found == statuses


def test_a_proxy_that_is_no_network_is_refused():
    with pytest.raises(InvalidInput, match="trusted_proxies"):
        ApiSettings(trusted_proxies=("proxy.example.com",))


async def test_a_websocket_is_refused(app):
    sent: list[dict[str, object]] = []

    async def send(message):
        sent.append(dict(message))

    await app({"type": "websocket", "path": "/", "headers": []}, lambda: None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_mounted_in_an_app_that_runs_no_lifespan(client: AsyncClient):
    from starlette.applications import Starlette
    from starlette.routing import Mount

    outer = Starlette(routes=[Mount("/redflow", app=api_of(client))])
    transport = httpx.ASGITransport(outer)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.post("/redflow/api/shop/executions", json={"workflow": "order"})
        shown = await http.get(answer.headers["location"])
        wrong = await http.delete("/redflow/api/shop/executions")

    assert answer.headers["location"].startswith("/redflow/api/shop/executions/")
    assert (shown.status_code, wrong.status_code) == (200, 405)
