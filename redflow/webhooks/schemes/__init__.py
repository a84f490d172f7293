"""How senders show who they are: one file for each scheme, pure functions of a delivery.

Knows neither Redis nor HTTP. Read first: `verifying.py` (what all of them share), `standard.py`.
"""

from collections.abc import Mapping

from redflow.model.webhook import WebhookScheme
from redflow.webhooks.schemes.api_key import verify_api_key
from redflow.webhooks.schemes.generic import verify_hmac
from redflow.webhooks.schemes.github import verify_github
from redflow.webhooks.schemes.slack import verify_slack
from redflow.webhooks.schemes.standard import verify_standard
from redflow.webhooks.schemes.stripe import verify_stripe
from redflow.webhooks.schemes.unsigned import verify_nothing
from redflow.webhooks.schemes.verifying import Verify

VERIFIERS: Mapping[WebhookScheme, Verify] = {
    WebhookScheme.STANDARD: verify_standard,
    WebhookScheme.GITHUB: verify_github,
    WebhookScheme.STRIPE: verify_stripe,
    WebhookScheme.SLACK: verify_slack,
    WebhookScheme.HMAC: verify_hmac,
    WebhookScheme.API_KEY: verify_api_key,
    WebhookScheme.UNSIGNED: verify_nothing,
}

HEADERS: Mapping[WebhookScheme, tuple[str, ...]] = {
    WebhookScheme.STANDARD: ("webhook-id", "webhook-timestamp"),
    WebhookScheme.GITHUB: ("x-github-event", "x-github-delivery", "x-github-hook-id"),
    WebhookScheme.SLACK: ("x-slack-retry-num", "x-slack-retry-reason"),
}
"""Headers that executions are given without being asked for, beside `content-type`."""
