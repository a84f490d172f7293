"""Questions about the API keys of a namespace; what is stored of one is a digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redflow.auth.api_keys import StoredKey
from redflow.errors import StoreError
from redflow.store.op import Op, command
from redflow.store.space import Space

_DIGEST = "d:"


def put_api_key(
    space: Space, id: str, *, digest: str, role: str, name: str, lifetime: int
) -> Op[tuple[str, StoredKey | None]]:
    """Keep a key; answers created, taken, or full when there are as many as may be.

    `lifetime` is in ms, 0 for ever.
    """
    return space.op(
        "put_api_key",
        None,
        lambda reply: (
            reply[0].decode(),
            _key(id, digest.encode(), reply[1], b"0") if reply[0] == b"created" else None,
        ),
        api_keys=space.keys.api_keys,
        id=id,
        digest=digest,
        role=role,
        name=name,
        lifetime=lifetime,
    )


def touch_api_key(space: Space, id: str, *, pause: int) -> Op[bool]:
    """Note that a key was used, once in `pause` ms; answers whether it was noted."""
    return space.op("touch_api_key", None, bool, api_keys=space.keys.api_keys, id=id, pause=pause)


def revoke_api_key(space: Space, id: str) -> Op[bool]:
    """Forget a key; answers whether there was one."""
    return space.op("revoke_api_key", None, bool, api_keys=space.keys.api_keys, id=id)


def list_api_keys(space: Space) -> Op[list[str]]:
    """Ids of all keys, sorted."""
    return command("list_api_keys", "HKEYS", space.keys.api_keys, parse=_ids)


def read_api_keys(space: Space, ids: Sequence[str]) -> Op[list[StoredKey]]:
    """What is kept of keys; those that are gone are left out."""
    fields = [f"{kind}:{id}" for id in ids for kind in "dau"]
    return command(
        "read_api_keys",
        "HMGET",
        space.keys.api_keys,
        *fields,
        parse=lambda reply: [
            _key(id, *reply[3 * place : 3 * place + 3])
            for place, id in enumerate(ids)
            if reply[3 * place] is not None
        ],
    )


def _ids(reply: list[bytes]) -> list[str]:
    fields = (field.decode() for field in reply)
    return sorted(field.removeprefix(_DIGEST) for field in fields if field.startswith(_DIGEST))


def _key(id: str, digest: Any, about: Any, used: Any) -> StoredKey:
    try:
        created, expires, role, name = about.decode().split(" ", 3)
        times = int(created), int(expires), int(used)
        return StoredKey(id, digest.decode(), role, name, *times)
    except (ValueError, AttributeError, TypeError):
        raise StoreError(
            f"what is stored of API key {id!r} is not what redflow writes",
            hint="revoke it and make another: redflow key revoke, redflow key create",
        ) from None
