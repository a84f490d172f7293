"""`redflow secret`: keep secrets in Redis for nodes to use, list them, remove one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.inputs import read_standard_input, read_text
from redflow.cli.output import note, wants_json, write_fields, write_json, write_rows
from redflow.errors import InvalidInput

if TYPE_CHECKING:
    from redflow.secrets.values import SecretInfo

COLUMNS = ("SECRET", "HOSTS", "CREATED", "UPDATED")
ON_THE_LINE = "a value is never given on the command line, where logs and other users see it"


@click.group("secret", cls=Group)
def secret() -> None:
    """Keep secrets for nodes, list them, remove them."""


@secret.command("set")
@click.argument("name")
@click.argument("rest", nargs=-1, metavar="")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="It may be sent there only.")
@click.option("--file", "path", metavar="FILE", help="Read it from a file, not standard input.")
@pass_state
def set_command(
    state: State, name: str, rest: tuple[str, ...], hosts: tuple[str, ...], path: str | None
) -> None:
    """Keep a secret in Redis, sealed.

    Its value comes from standard input or a file, without the line end behind it. It is sealed with
    the first key of REDFLOW_CRYPTO_KEYS, and opened by workers that have the key. Nodes send it to
    the hosts named here, and nowhere else; a secret without a host is only for functions.

    \b
    Examples:
      redflow secret set stripe --host api.example.com < key.txt
      redflow secret set ca --file ca.pem
    """
    if rest or "=" in name:
        raise InvalidInput(
            ON_THE_LINE, field="value", hint="pipe it: redflow secret set NAME --host HOST < FILE"
        )
    value = _read(path)
    with state.client() as client:
        kept = client.put_secret(name, value, hosts)
    if wants_json(state):
        write_json({"secret": name, "kept": kept, "hosts": list(hosts)})
    else:
        write_fields(state, [("secret", name), ("kept", kept), ("hosts", ", ".join(hosts))])
    if not hosts:
        note("it names no host, so no node can send it anywhere: add --host")


def _read(path: str | None) -> str:
    if path is not None:
        _, text = read_text(Path(path))
    elif sys.stdin.isatty():
        text = str(click.prompt("Value", hide_input=True, err=True))
    else:
        text = read_standard_input()
    return text.removesuffix("\n").removesuffix("\r")


@secret.command("list")
@pass_state
def list_command(state: State) -> None:
    """List the secrets that Redis keeps, without their values."""
    with state.client() as client:
        found = client.list_secrets()
    if wants_json(state):
        write_json({"secrets": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"no secret in namespace {state.namespace!r}: redflow secret set NAME --host HOST")


def _row(one: SecretInfo) -> tuple[Any, ...]:
    return (one.name, ", ".join(one.hosts), one.created_at, one.updated_at)


def _document(one: SecretInfo) -> dict[str, Any]:
    return {
        "name": one.name,
        "hosts": list(one.hosts),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


@secret.command("rm")
@click.argument("name")
@yes_option
@pass_state
def remove(state: State, name: str, yes: bool) -> None:
    """Remove a secret from Redis.

    Steps that still name it fail from then on. Asks first, or needs --yes.
    """
    confirm(f"removes secret {name[:80]!a} of namespace {state.namespace!a} for good", yes=yes)
    with state.client() as client:
        client.delete_secret(name)
    if wants_json(state):
        write_json({"secret": name, "removed": True})
    else:
        write_fields(state, [("secret", name), ("removed", "yes")])
