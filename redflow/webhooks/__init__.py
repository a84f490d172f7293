"""Incoming webhooks: a delivery from outside is measured, verified, and starts one execution.

May import client, worker and what is below; knows no web framework. Read first: `receiver.py` (the
order of the checks), then `schemes/` (who signs how) and `inputs.py` (what the execution is given).
`app.py` is the whole as an ASGI application. The webhooks themselves are objects in Redis:
model/webhook.py, client/_async/webhooks.py, store/webhooks.py.
"""

from redflow.webhooks.app import WebhookApp as WebhookApp
from redflow.webhooks.receiver import Received as Received
from redflow.webhooks.receiver import Receiver as Receiver
from redflow.webhooks.refusals import Refused as Refused
from redflow.webhooks.refusals import Result as Result
