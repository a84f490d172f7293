"""Events as they happen: of one execution from its start to its end, or of a whole namespace."""

from __future__ import annotations

from starlette.types import Send

from redflow.api.call import Answer, Call, Stream
from redflow.api.endpoints import Table
from redflow.api.live import Watch, expiry_of
from redflow.api.requests import FeedQuery
from redflow.events import follow

routes = Table()

RESUME = ("Last-Event-ID",)


@routes.get(
    "/api/{namespace}/executions/{id}/events",
    "Follow an execution",
    kind="events",
    headers=RESUME,
    missing="execution or namespace",
    also=(204,),
)
async def follow_execution(call: Call) -> Stream | Answer:
    """From its first event that is kept, or behind the one that Last-Event-ID names.

    The stream ends with the execution. Who comes again behind its last event gets 204, which tells
    an EventSource not to come again.
    """
    id, after = call.path["id"], call.headers.get("last-event-id", "")
    await call.client.check_access(f"execution:{call.client.namespace}:{id}", "view")
    watch = Watch(follow(call.client, execution=id, after=after or "oldest"))
    await watch.following.open()
    if after and (await call.client.handle(id).status()).terminal:
        watch.first = await anext(watch.following, None)
        if watch.first is None:
            return Answer(None, status=204)
    return _stream(call, watch, f"execution:{call.client.namespace}:{id}", "view")


@routes.get(
    "/api/{namespace}/events",
    "Follow a namespace",
    kind="events",
    query=FeedQuery,
    headers=RESUME,
)
async def follow_namespace(call: Call) -> Stream | Answer:
    """From now on, or behind the event that Last-Event-ID names; of some types alone, if any are
    given.
    """
    resource = f"execution:{call.client.namespace}:*"
    await call.client.check_access(resource, "list")
    after = call.headers.get("last-event-id") or "now"
    watch = Watch(follow(call.client, types=call.query.type or None, after=after))
    await watch.following.open()
    return _stream(call, watch, resource, "list")


def _stream(call: Call, watch: Watch, resource: str, action: str) -> Stream:
    """Answer with a stream that lasts as long as the right to it."""
    service, client = call.service, call.client
    watch.expires = expiry_of(call.principal)

    async def recheck() -> float:
        principal = await service.login.again(call.scope, call.headers)
        with service.identity(principal, call.scope["redflow.request"]):
            await client.check_access(resource, action)
        return expiry_of(principal)

    watch.recheck = recheck

    async def run(send: Send) -> None:
        await service.live.run(watch, call.receive, send)

    return Stream(run)
