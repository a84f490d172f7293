"""docs/openapi.json is what the routes say, and holds together."""

import json
import re

import jsonschema
import pytest

from redflow.api.app import OWN, description
from redflow.api.endpoints import IDS
from redflow.api.routes import ROUTES
from tests.api.operations import ALL, DOCUMENT
from tests.tools import openapi

SEEDS = [
    ("get", "/health"),
    ("get", "/metrics"),
    ("get", "/api/{namespace}/executions/{id}"),
    ("post", "/api/{namespace}/executions/{id}/cancel"),
    ("post", "/api/{namespace}/executions/{id}/signal/{nodeID}"),
    ("post", "/webhooks/{namespace}/{workflow}"),
]


def test_the_committed_file_is_current():
    assert openapi.is_current(), "run python -m tests.tools.openapi"


async def test_it_is_served(http):
    answer = await http.get("/openapi.json")
    assert (answer.content, answer.headers["content-type"]) == (description(), "application/json")


def test_the_seeds_routes_are_there_exactly():
    assert [(m, p) for m, p in SEEDS if m not in DOCUMENT["paths"].get(p, {})] == []


def test_every_route_is_described_once():
    ids = [one.id for one in ALL]
    assert sorted(ids) == sorted(one.name for one in (*ROUTES, *OWN.endpoints))
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere():
    found = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert found - set(DOCUMENT["components"]["schemas"]) == set()


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_every_operation_says_what_it_does():
    silent = [
        found["operationId"]
        for methods in DOCUMENT["paths"].values()
        for found in methods.values()
        if not found["summary"] or not found["description"]
    ]
    assert silent == []


def test_every_part_of_a_path_has_a_form():
    assert {name for one in ROUTES for name in one.parameters} == set(IDS)


@pytest.mark.parametrize(
    "one",
    [one for one in ALL if one.method == "GET" and not one.id.startswith("follow")],
    ids=lambda one: one.id,
)
async def test_answers_are_what_is_described(http, client, one):
    await client.execute("order", id="order")
    answer = await http.request(one.method, one.path("shop"), json=one.body)
    said = DOCUMENT["paths"][one.template][one.method.lower()]["responses"]
    content = said[str(answer.status_code)]["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    if kind != "text/plain":
        schema = content[kind]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
