"""`redflow key generate|status|rotate`: encryption keys; API keys are in api_keys.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.output import note, wants_json, write_json, write_rows

if TYPE_CHECKING:
    from redflow.model.operations import KeyUse

COLUMNS = ("KEY", "VALUES", "TOKENS", "HERE", "SEALS")
IN_USE = 1
"""Exit code while values are left under an older key."""


@click.group("key", cls=Group)
def key() -> None:
    """Encryption keys, which values are sealed with, and API keys, which callers show.

    generate, status and rotate are about encryption keys. Those are read from REDFLOW_CRYPTO_KEYS,
    or from the file REDFLOW_CRYPTO_KEYS_FILE names: the first seals, all of them open. create, list
    and revoke are about API keys of the HTTP API, of which Redis keeps digests.
    """


@key.command("generate")
@click.argument("id")
def generate(id: str) -> None:
    """Print a new random encryption key, as REDFLOW_CRYPTO_KEYS takes it.

    It is shown here alone and stored nowhere: put it into your secret store. Its id is no secret.

    \b
    Examples:
      redflow key generate 2026-11
    """
    from redflow.crypto.keys import Key

    click.echo(Key.new(id).text())


@key.command("status")
@pass_state
def status(state: State) -> int:
    """Count the values of each encryption key; one that has none may be removed.

    Reads all of a namespace, a page at a time, and needs no key itself. TOKENS travel with steps
    that are ready or running and go as those do. Ends with 1 while an older key is in use.
    """
    with state.client() as client:
        found = client.keyring.status()
    return _write(state, found, {})


@key.command("rotate")
@pass_state
def rotate(state: State) -> int:
    """Seal everything with the newest encryption key.

    First give the new key to every process, behind the others; then, everywhere, put it in front;
    then run this. Workers and clients go on meanwhile; break it off and repeat it as you like. Ends
    with 1 while an older key is still in use.

    \b
    Examples:
      REDFLOW_CRYPTO_KEYS="$NEW,$OLD" redflow key rotate
    """
    with state.client() as client:
        replaced, found = client.keyring.rotate()
    if not wants_json(state):
        note(f"{replaced} values are sealed anew")
    return _write(state, found, {"replaced": replaced})


def _write(state: State, found: list[KeyUse], extra: dict[str, Any]) -> int:
    if wants_json(state):
        write_json({**extra, "keys": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"nothing in namespace {state.namespace!r} is encrypted, and there are no keys here")
    older = [one for one in found if not one.current and one.values + one.tokens]
    return IN_USE if older else 0


def _row(one: KeyUse) -> tuple[Any, ...]:
    here = "yes" if one.here else "missing"
    return (one.id, one.values, one.tokens, here, "yes" if one.current else "")


def _document(one: KeyUse) -> dict[str, Any]:
    return {
        "id": one.id,
        "values": one.values,
        "tokens": one.tokens,
        "here": one.here,
        "current": one.current,
    }
