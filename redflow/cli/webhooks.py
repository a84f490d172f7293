"""`redflow webhook`: who may start which workflow from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.inputs import read_input
from redflow.cli.output import note, wants_json, write_fields, write_json, write_rows
from redflow.errors import InvalidInput

if TYPE_CHECKING:
    from redflow.model.webhook import Webhook

COLUMNS = ("WEBHOOK", "WORKFLOW", "SCHEME", "SECRETS", "URL")
NO_LIMIT = "none"
SCHEMES = ("standard", "github", "stripe", "slack", "hmac", "api_key", "unsigned")


@click.group("webhook", cls=Group)
def webhook() -> None:
    """Say who may start which workflow from outside."""


@webhook.command("add")
@click.argument("name")
@click.option("--workflow", required=True, metavar="ID", help="It starts this one.")
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    default="standard",
    show_default=True,
    help="How a delivery shows who sent it.",
)
@click.option("--secret", multiple=True, metavar="NAME", help="Once, or twice: the new one first.")
@click.option("--workflow-path", is_flag=True, help="Its path is the workflow's id, not random.")
@click.option("--rate", metavar="N|none", help="Deliveries a minute.")
@click.option("--body-limit", type=int, metavar="BYTES", help="The most bytes of a body.")
@click.option("--header", "headers", multiple=True, metavar="NAME", help="Given to executions.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the scheme.")
@click.option("--input", "template", metavar="JSON|@FILE", help="A template of the input.")
@click.option("--allow-unsigned", is_flag=True, help="Let whoever knows the path in.")
@pass_state
def add(state: State, /, name: str, workflow: str, **given: Any) -> None:
    """Keep a webhook, or replace one; a random path stays what it was.

    \b
    Examples:
      redflow webhook add stripe --workflow payment --scheme stripe --secret stripe
      redflow webhook add ci --workflow build --scheme hmac --secret ci --option header=x-ci-mac
    """
    with state.client() as client:
        made = client.webhooks.put(name, workflow=workflow, **_arguments(workflow, **given))
    _show(state, made)


def _arguments(
    workflow: str,
    *,
    workflow_path: bool,
    rate: str | None,
    body_limit: int | None,
    options: tuple[str, ...],
    template: str | None,
    **others: Any,
) -> dict[str, Any]:
    """Return the arguments of `put`; what was left out keeps its default."""
    found = {**others, "options": _options(options) or None, "input": read_input(template)}
    if workflow_path:
        found["path"] = workflow
    if rate is not None:
        found["rate"] = _rate(rate)
    if body_limit is not None:
        found["body_limit"] = body_limit
    return found


def _options(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in texts]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise InvalidInput(
                f"option {key[:80]!a} is not key=value",
                field="option",
                hint="write --option header=x-signature",
            )
    return {key: value for key, _, value in pairs}


def _rate(text: str) -> int | None:
    if text == NO_LIMIT:
        return None
    if text.isascii() and text.isdecimal():
        return int(text[:9])
    raise InvalidInput(f"rate {text[:80]!a} is no number, nor {NO_LIMIT}", field="rate")


@webhook.command("list")
@pass_state
def list_command(state: State) -> None:
    """List webhooks."""
    with state.client() as client:
        found = client.webhooks.list()
    if wants_json(state):
        write_json({"webhooks": [document_of(state, one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(state, one) for one in found])
    else:
        note(f"no webhook in namespace {state.namespace!r}: redflow webhook add NAME --workflow ID")


@webhook.command("show")
@click.argument("name")
@pass_state
def show(state: State, name: str) -> None:
    """Show a webhook, and the path that leads to it."""
    with state.client() as client:
        found = client.webhooks.get(name)
    _show(state, found)


@webhook.command("rotate")
@click.argument("name")
@click.option("--secret", metavar="NAME", help="It counts from now on, beside the one before.")
@click.option("--path", is_flag=True, help="Draw a new random path; the old one leads nowhere.")
@pass_state
def rotate(state: State, name: str, secret: str | None, path: bool) -> None:
    """Let a new secret count beside the one before; without one, let only the newest count.

    \b
    Examples:
      redflow secret set stripe-2 < key.txt
      redflow webhook rotate stripe --secret stripe-2   both count: now change the sender
      redflow webhook rotate stripe                     only the new one counts
    """
    with state.client() as client:
        found = client.webhooks.rotate(name, secret, path=path)
    _show(state, found)


@webhook.command("rm")
@click.argument("name")
@yes_option
@pass_state
def remove(state: State, name: str, yes: bool) -> None:
    """Remove a webhook; its path leads nowhere from then on. Asks first, or needs --yes."""
    confirm(f"removes webhook {name[:80]!a} of namespace {state.namespace!a}", yes=yes)
    with state.client() as client:
        client.webhooks.delete(name)
    if wants_json(state):
        write_json({"webhook": name, "removed": True})
    else:
        write_fields(state, [("webhook", name), ("removed", "yes")])


def _show(state: State, one: Webhook) -> None:
    if wants_json(state):
        write_json(document_of(state, one))
        return
    found = document_of(state, one)
    write_fields(state, [(key, _text(value)) for key, value in found.items()])


def _text(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _row(state: State, one: Webhook) -> tuple[Any, ...]:
    return (one.name, one.workflow, one.scheme.value, ", ".join(one.secrets), _url(state, one))


def _url(state: State, one: Webhook) -> str:
    return f"/webhooks/{state.namespace}/{one.path}"


def document_of(state: State, one: Webhook) -> dict[str, Any]:
    """Return what is shown of a webhook."""
    import msgspec

    return {
        "webhook": one.name,
        "url": _url(state, one),
        "workflow": one.workflow,
        "scheme": one.scheme.value,
        "secrets": list(one.secrets),
        "rate": one.rate,
        "body_limit": one.body_limit,
        "headers": list(one.headers),
        "options": msgspec.to_builtins(one.options),
        "input": one.input,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }
