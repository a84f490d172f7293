"""Webhooks: the objects, and the one route that takes their deliveries in."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Receive

from redflow.api.bodies import Disconnected
from redflow.api.call import Answer, Call
from redflow.api.documents.triggers import Delivery, WebhookDocument, Webhooks, webhook_of
from redflow.api.endpoints import Table
from redflow.api.problems import Refused, title
from redflow.api.requests import PutWebhook, RotateWebhook
from redflow.webhooks import Refused as DeliveryRefused
from redflow.webhooks import Result

routes = Table()

ALL = "/api/{namespace}/webhooks"
ONE = ALL + "/{name}"
MISSING = "webhook or namespace"


@routes.post(
    "/webhooks/{namespace}/{workflow}",
    "Deliver to a webhook",
    Delivery,
    status=202,
    raw=True,
    open=True,
    kind="delivery",
    also=(401, 408, 413, 415, 429),
)
async def deliver(call: Call) -> Answer:
    """The last part of the path is that of a webhook object, which says who may deliver.

    The same delivery twice starts one execution. A path that leads nowhere and a bad signature are
    answered alike.
    """
    try:
        receiver = await call.service.receiver(call.path["namespace"])
        if receiver is None:
            raise DeliveryRefused(Result.UNKNOWN, "there is no such namespace")
        received = await receiver.receive(
            call.path["workflow"],
            call.scope["headers"],
            _body(call.receive),
            query=call.scope["query_string"].decode("latin-1"),
        )
    except DeliveryRefused as refused:
        headers = tuple((k.encode(), v.encode()) for k, v in refused.headers.items())
        code = title(refused.status).replace(" ", "")
        said = str(refused.problem["detail"])
        raise Refused(refused.status, code, said, headers=headers) from None
    return Answer(received.answer, status=received.status)


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield message.get("body", b"")
        more = message.get("more_body", False)


@routes.get(ALL, "List webhooks", Webhooks)
async def list_webhooks(call: Call) -> Webhooks:
    """By name."""
    return Webhooks([webhook_of(one) for one in await call.client.webhooks.list()])


@routes.get(ONE, "Show a webhook", WebhookDocument, missing=MISSING)
async def get_webhook(call: Call) -> WebhookDocument:
    """As it stands."""
    return webhook_of(await call.client.webhooks.get(call.path["name"]))


@routes.put(
    ONE, "Keep a webhook", WebhookDocument, body=PutWebhook, missing=MISSING, also=(409, 413, 422)
)
async def put_webhook(call: Call) -> WebhookDocument:
    """Or put it in the place of the one with this name, whose random path it keeps."""
    put: PutWebhook = call.body
    kept = await call.client.webhooks.put(
        call.path["name"],
        workflow=put.workflow,
        scheme=put.scheme,
        secret=put.secrets or None,
        path=put.path,
        rate=put.rate,
        body_limit=put.body_limit,
        headers=put.headers,
        options=put.options,
        input=put.input,
        allow_unsigned=put.allow_unsigned,
    )
    return webhook_of(kept)


@routes.post(
    ONE + "/rotate",
    "Let another secret count",
    WebhookDocument,
    body=RotateWebhook,
    optional=True,
    missing=MISSING,
    also=(409,),
)
async def rotate_webhook(call: Call) -> WebhookDocument:
    """The one before it counts as well until the next rotation."""
    rotate: RotateWebhook = call.body
    rotated = await call.client.webhooks.rotate(call.path["name"], rotate.secret, path=rotate.path)
    return webhook_of(rotated)


@routes.delete(ONE, "Forget a webhook", status=204, missing=MISSING)
async def delete_webhook(call: Call) -> None:
    """Its path leads nowhere from now on."""
    await call.client.webhooks.delete(call.path["name"])
