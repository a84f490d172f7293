"""`redflow key create|list|revoke`: API keys, which callers of the HTTP API show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.output import note, wants_json, write_fields, write_json, write_rows

if TYPE_CHECKING:
    from redflow.model.access import ApiKeyInfo

COLUMNS = ("API KEY", "ROLE", "NAME", "CREATED", "EXPIRES", "USED")
ROLES = ("viewer", "operator", "author", "admin")
"""As redflow.auth.roles has them, which a test holds: --help loads nothing."""


@click.command("create", cls=Command)
@click.option("--role", required=True, type=click.Choice(ROLES), help="What it may do.")
@click.option("--name", default="", metavar="TEXT", help="What people call it.")
@click.option("--expires", metavar="DURATION", help="How long it counts, such as 90d; else always.")
@pass_state
def create(state: State, role: str, name: str, expires: str | None) -> None:
    """Make an API key for this namespace, and print it once.

    Callers of the HTTP API show it; it encrypts nothing. Redis keeps a digest of it, so nobody can
    show it again: put it into your secret store.

    \b
    Examples:
      redflow key create --role operator --name deploys --expires 90d
    """
    with state.client() as client:
        made = client.api_keys.create(role, name=name, expires=expires)
    if wants_json(state):
        write_json({**_document(made), "key": made.key})
        return
    write_fields(
        state,
        [
            ("key", made.key),
            ("id", made.id),
            ("role", made.role),
            ("name", made.name),
            ("expires", made.expires_at),
        ],
    )
    note("this is the only time it is shown; callers send it as: Authorization: Bearer <key>")


@click.command("list", cls=Command)
@pass_state
def list_command(state: State) -> None:
    """List the API keys of this namespace, the newest first.

    USED is exact to a minute.
    """
    with state.client() as client:
        found = client.api_keys.list()
    if wants_json(state):
        write_json({"keys": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"no API key in namespace {state.namespace!r}: redflow key create --role ROLE")


@click.command("revoke", cls=Command)
@click.argument("id")
@yes_option
@pass_state
def revoke(state: State, id: str, yes: bool) -> None:
    """Let an API key open nothing any more, from now on.

    ID is what `redflow key list` shows. Asks first, or needs --yes.
    """
    confirm(f"revokes API key {id[:12]!a} of namespace {state.namespace!a} for good", yes=yes)
    with state.client() as client:
        client.api_keys.revoke(id)
    if wants_json(state):
        write_json({"id": id, "revoked": True})
    else:
        write_fields(state, [("id", id), ("revoked", "yes")])


API_KEY_ACTS = (create, list_command, revoke)


def _row(one: ApiKeyInfo) -> tuple[Any, ...]:
    return (one.id, one.role, one.name, one.created_at, one.expires_at, one.used_at)


def _document(one: ApiKeyInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role,
        "name": one.name,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "used_at": one.used_at,
    }
