"""The description of the API in OpenAPI 3.1, made from the routes and the structs they take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from redflow.api.endpoints import IDS, Endpoint
from redflow.api.problems import Problem, title
from redflow.model.workflow import Workflow
from redflow.version import VERSION

REF = "#/components/schemas/{name}"
WORKFLOW = "Workflow"
JSON, PROBLEM, TEXT, EVENTS = (
    "application/json",
    "application/problem+json",
    "text/plain",
    "text/event-stream",
)
ABOUT = """Durable workflows on Redis. Every error is problem+json (RFC 9457) with the id of its
request. What is not there and what is somebody else's is answered by the same 404."""

_HEADERS = {
    "Idempotency-Key": "Repeated with one key a request counts once; any text of up to 255 bytes.",
    "Last-Event-ID": "The id of the last event that was received: the stream goes on behind it.",
}
_ALWAYS = (400,)
_WITH_LOGIN = (401, 403, 404, 429, 503)


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the document."""
    routes = list(endpoints)
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "redflow",
            "version": VERSION,
            "summary": "The HTTP API of redflow",
            "description": " ".join(ABOUT.split()),
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (redflow key create) or a token.",
                }
            },
        },
    }


class _Schemas:
    """JSON Schemas of all that routes take and answer; structs by reference."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        kinds: list[Any] = [Problem]
        for one in endpoints:
            kinds += [one.answer, one.alternative, one.unready, one.body, one.query]
        self._kinds = [kind for at, kind in enumerate(kinds) if kind not in (None, *kinds[:at])]
        found, components = msgspec.json.schema_components(self._kinds, ref_template=REF)
        self._found = found
        workflow, more = _workflow()
        queries = {one.query.__name__ for one in endpoints}
        self.components = {
            name: schema
            for name, schema in sorted({**components, **more, WORKFLOW: workflow}.items())
            if name not in queries
        }
        self._queries = components

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a body or an answer."""
        schema: dict[str, Any] = self._found[self._kinds.index(kind)]
        return schema

    def parameters_of(self, query: type[msgspec.Struct]) -> list[dict[str, Any]]:
        """Return what a query struct holds as parameters."""
        properties = self._queries[query.__name__]["properties"]
        return [
            {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
            for name, schema in properties.items()
        ]


def _workflow() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of workflow documents, its definitions moved to where ours are."""
    schema = Workflow.json_schema()
    text = msgspec.json.encode({k: v for k, v in schema.items() if k not in ("$schema", "$id")})
    moved = re.sub(rb'"#/\$defs/(\w+)"', rb'"#/components/schemas/Workflow.\1"', text)
    whole: dict[str, Any] = msgspec.json.decode(moved)
    definitions = whole.pop("$defs", {})
    return whole, {f"{WORKFLOW}.{name}": one for name, one in definitions.items()}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a parameter is by default when it is not given: none can be null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", 0) is None:
        del rest["default"]
    if len(options) == 1:
        return {**options[0], **rest}
    return rest | ({"anyOf": options} if options else {})


def _operation(one: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "description": " ".join((one.handler.__doc__ or "").split()),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _id(name)}
            for name in one.parameters
        ]
        + schemas.parameters_of(one.query)
        + [
            {
                "name": name,
                "in": "header",
                "required": False,
                "description": _HEADERS[name],
                "schema": {"type": "string", "maxLength": 255},
            }
            for name in one.headers
        ],
        "responses": _responses(one, schemas),
        "security": [] if one.open else [{"bearer": []}],
    }
    if one.body is not None or one.kind == "delivery":
        operation["requestBody"] = _body(one, schemas)
    return operation


def _id(name: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{IDS[name]}$"}


def _body(one: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    schema = {} if one.body is None else schemas.of(one.body)
    return {"required": not one.optional, "content": {JSON: {"schema": schema}}}


def _responses(one: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {str(one.status): _good(one, one.answer, schemas)}
    if one.alternative is not None:
        found["200"] = _good(one, one.alternative, schemas)
    codes: set[int] = set(one.also)
    if not one.probe:
        codes |= {*_ALWAYS, 503} if one.open else {*_ALWAYS, *_WITH_LOGIN}
        if one.body is not None or one.kind == "delivery":
            codes |= {413, 415}
    for code in sorted(codes):
        if code < 300:
            found[str(code)] = {"description": title(code)}
            continue
        schema = {"$ref": REF.format(name="Problem")}
        found[str(code)] = {"description": title(code), "content": {PROBLEM: {"schema": schema}}}
    if one.unready is not None:
        found["503"] = _good(one, one.unready, schemas) | {"description": title(503)}
    return found


def _good(one: Endpoint, kind: Any, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": title(one.status)}
    if one.kind == "events":
        answer["content"] = {EVENTS: {"schema": {"type": "string"}}}
    elif one.kind == "text":
        answer["content"] = {TEXT: {"schema": {"type": "string"}}}
    elif kind is not None:
        answer["content"] = {JSON: {"schema": schemas.of(kind)}}
    if one.status == 201:
        location = {"schema": {"type": "string"}, "description": "Where to ask about it."}
        answer["headers"] = {"Location": location}
    return answer
