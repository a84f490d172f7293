"""One route as an ASGI app: who asks, for which namespace, with what; then the handler."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from redflow.api.bodies import check_type, read_body, read_json, read_query
from redflow.api.call import Answer, Call, Stream
from redflow.api.endpoints import IDS, Endpoint, NoQuery, bad_id
from redflow.api.service import Service
from redflow.api.values import to_json
from redflow.errors import InvalidInput

JSON_TYPE = (b"content-type", b"application/json")
NO_CONTENT = 204
METRICS = "/metrics"

_FORMS = {name: re.compile(form) for name, form in IDS.items()}


class Served:
    """A route; it is made once and serves every request."""

    def __init__(self, endpoint: Endpoint, service: Service) -> None:
        self._endpoint = endpoint
        self._service = service
        self._takes = endpoint.body is not None
        self._decoder = msgspec.json.Decoder(endpoint.body) if self._takes else None
        self._ids = [(name, _FORMS[name]) for name in endpoint.parameters]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoint
        scope["redflow.endpoint"] = endpoint
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        call = Call(self._service, endpoint, scope, receive, scope["path_params"], headers)
        if endpoint.probe:
            answer = await endpoint.handler(call)
        else:
            answer = await self._service.pulse.watched(self._answer(call))
        await self._send(answer, send)

    async def _answer(self, call: Call) -> Any:
        """Find out who asks and for what, before the handler asks for it."""
        endpoint, service, path = self._endpoint, self._service, call.path
        if endpoint.open or (endpoint.path == METRICS and service.settings.open_metrics):
            return await endpoint.handler(call)
        call.principal = await service.login.principal(call.scope, call.headers)
        with service.identity(call.principal, call.scope["redflow.request"]):
            for name, form in self._ids:
                if not form.fullmatch(path[name]):
                    raise bad_id(name)
            if "namespace" in path:
                call.namespace = await service.enter(call)
            await self._read(call)
            if endpoint.check is not None:
                await self._check(call, *endpoint.check)
            return await endpoint.handler(call)

    async def _check(self, call: Call, resource: str, action: str) -> None:
        """Ask the gate for what no method of a client asks for."""
        client = call.namespace or self._service.namespaces.home
        await client.check_access(resource.format(ns=client.namespace, **call.path), action)

    async def _read(self, call: Call) -> None:
        """Read the query, and the body where the route takes one."""
        query = call.scope["query_string"]
        if query or self._endpoint.query is not NoQuery:
            call.query = read_query(query, self._endpoint.query)
        if self._endpoint.raw or not self._takes:
            return
        settings = self._service.settings
        data = await read_body(call.receive, call.headers, settings.body_limit)
        if data:
            check_type(call.headers)
            assert self._decoder is not None
            call.body = read_json(data, self._decoder, settings.depth_limit)
        elif self._endpoint.optional:
            call.body = None if self._endpoint.body is Any else self._endpoint.body()
        else:
            raise InvalidInput("the request has no body", field="$", hint="send JSON")

    async def _send(self, answer: Any, send: Send) -> None:
        if isinstance(answer, Stream):
            await answer.run(send)
            return
        if not isinstance(answer, Answer):
            answer = Answer(answer)
        status = answer.status or self._endpoint.status
        headers = [*answer.headers]
        data = b""
        if status != NO_CONTENT:
            data = answer.body
            if not isinstance(data, bytes):
                data = to_json(data)
                headers.append(JSON_TYPE)
            headers.append((b"content-length", b"%d" % len(data)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})
