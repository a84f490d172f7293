# GENERATED from redflow/client/_async/webhooks.py by tests/tools/unasync.py: change that file.
"""The webhooks of a namespace: objects that say who may start which workflow from outside."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redflow.auth.principal import current
from redflow.client._sync.guard import guarded
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.starting import Starter
from redflow.client.delivering import (
    check_path,
    check_template,
    document_of,
    names_of,
    no_webhook,
    refuse_put,
    webhook_of,
)
from redflow.client.requests import meta_of, options_of, request_of
from redflow.defaults import WEBHOOK_BYTES, WEBHOOK_RATE, WEBHOOK_REPLAY
from redflow.errors import Conflict
from redflow.model.ids import check_webhook_name, check_workflow_id, id_from_delivery
from redflow.model.webhook import (
    SchemeOptions,
    Webhook,
    WebhookScheme,
    WebhookSpec,
    check_body_limit,
    check_headers,
    check_options,
    check_rate,
    check_scheme,
    check_signed,
)
from redflow.secrets.reference import Secret
from redflow.store.webhooks import (
    PathChoice,
    admit_delivery,
    delete_webhook,
    list_webhooks,
    put_webhook,
    read_webhook,
)

LOG = logging.getLogger("redflow.client")
Infos = list[Webhook]
Named = Secret | str | Sequence[Secret | str] | None
"""One secret by its name, or two while senders go over to a new one: the new one first."""

PATH_BYTES = 16
CHANGES = 5  # changes by others that one rotation meets


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery; `duplicate`: it was there before, or an answer was lost."""

    id: str
    duplicate: bool


@guarded
class Webhooks:
    """Keeps webhooks, and starts executions for whoever received a delivery and verified it."""

    def __init__(self, namespace: Namespace, starter: Starter) -> None:
        self._namespace = namespace
        self._door = namespace.door
        self._starter = starter
        self._door = namespace.door

    def put(
        self,
        name: str,
        *,
        workflow: str,
        scheme: WebhookScheme | str = WebhookScheme.STANDARD,
        secret: Named = None,
        path: str | None = None,
        rate: int | None = WEBHOOK_RATE,
        body_limit: int = WEBHOOK_BYTES,
        headers: Sequence[str] = (),
        options: SchemeOptions | Mapping[str, str] | None = None,
        input: Any = None,
        allow_unsigned: bool = False,
    ) -> Webhook:
        """Keep a webhook; doing it again replaces it, and keeps its random path. Atomic.

        `path` may be the workflow's id, which everybody can guess; else it is random. `rate` is
        deliveries a minute, `body_limit` bytes, `input` a template of `id`, `headers`, `query` and
        `body`. Raises InvalidInput, InvalidWorkflow for the template; Conflict when the path is
        another webhook's or the namespace has as many as it may.
        """
        known, kind = check_workflow_id(workflow, field="workflow"), check_scheme(scheme)
        chosen, names = check_options(kind, options), names_of(secret)
        check_signed(kind, names, allow_unsigned=allow_unsigned is True)
        spec = WebhookSpec(
            workflow=known,
            scheme=kind,
            secrets=names,
            rate=check_rate(rate),
            body_limit=check_body_limit(body_limit),
            headers=check_headers(headers, chosen),
            options=chosen,
            input=check_template(input),
            on_behalf_of=None if (who := current()) is None else who.stored(),
        )
        choice: PathChoice = "keep" if path is None else "fixed"
        self._put(check_webhook_name(name), spec, check_path(path, known), choice)
        if kind is WebhookScheme.UNSIGNED:
            LOG.warning("webhook %r takes unsigned deliveries", name)
        return self.get(name)

    def get(self, name: str) -> Webhook:
        """Return a webhook; raises NotFound."""
        space = self._namespace.space()
        found = self._namespace.driver.run(read_webhook(space, check_webhook_name(name)))
        if found is None:
            raise no_webhook(name, self._namespace.name)
        return webhook_of(found)

    def list(self) -> Infos:
        """Return all webhooks, by name."""
        space = self._namespace.space()
        found = self._namespace.driver.run(list_webhooks(space))
        return [webhook_of(one) for one in found]

    def delete(self, name: str) -> None:
        """Forget a webhook: its path leads nowhere from now on. Raises NotFound."""
        check_webhook_name(name)
        space = self._namespace.space()
        if not self._namespace.driver.run(delete_webhook(space, name)):
            raise no_webhook(name, self._namespace.name)

    def rotate(
        self, name: str, secret: Secret | str | None = None, *, path: bool = False
    ) -> Webhook:
        """Let another secret count, and the one before it until the next call without one.

        With `path` it gets a new random path, and the old one leads nowhere. Raises NotFound,
        InvalidInput; Conflict when others keep changing it.
        """
        fresh = names_of(secret)[:1]
        for _ in range(CHANGES):
            before = self.get(name)
            names = tuple(dict.fromkeys((*fresh, *before.secrets[:1])))
            check_signed(before.scheme, names, allow_unsigned=True)
            shared = {one: getattr(before, one) for one in WebhookSpec.__struct_fields__}
            spec = WebhookSpec(**{**shared, "secrets": names})
            fixed = before.path == before.workflow and not path
            choice: PathChoice = "new" if path else "fixed" if fixed else "keep"
            drawn = check_path(before.path if fixed else None, before.workflow)
            if self._put(name, spec, drawn, choice, before.revision):
                return self.get(name)
        raise Conflict(f"webhook {name!r} is changed by others at every try", hint="try again")

    # For receivers

    def admit(self, path: str, rate: int) -> tuple[float, Webhook | None]:
        """Count a delivery to a path; answers seconds to wait, 0 to go on, and the webhook.

        All paths that lead nowhere share `rate`, deliveries a minute.
        """
        space = self._namespace.space()
        wait, found = self._namespace.driver.run(admit_delivery(space, path, rate=rate))
        return wait / 1000, None if found is None else webhook_of(found)

    def start(self, webhook: Webhook, key: bytes, input: Any) -> Taken:
        """Start the execution of a delivery that was verified.

        The same `key` starts nothing for 24 h, nor as long as that execution is kept: its id is
        made from the key, and the key is taken in the script that starts it. With b"" every call
        starts one. Raises NotFound, InvalidInput; Conflict for an inactive workflow.
        """
        options = options_of(webhook.workflow, None, "error")
        made = id_from_delivery(self._namespace.name, webhook.name, key) if key else None
        request = request_of(
            options,
            self._namespace.values,
            input,
            id=made,
            key=None,
            meta=meta_of({"webhook": webhook.name}, None),
        )
        if key:
            options = replace(options, claim=round(WEBHOOK_REPLAY * 1000))
        before = self._starter.start(options, [request])
        return Taken(request.id, duplicate=bool(before))

    def _put(
        self, name: str, spec: WebhookSpec, path: str, choice: PathChoice, revision: int = 0
    ) -> bool:
        """Keep a webhook; False when another revision is there than the one to be replaced."""
        space = self._namespace.space()
        op = put_webhook(
            space,
            name,
            path=path or secrets.token_hex(PATH_BYTES),
            choice=choice,
            rate=spec.rate or 0,
            revision=revision,
            document=document_of(spec),
        )
        word, _ = self._namespace.driver.run(op)
        refuse_put(word, name, path, space)
        return word != "changed"
