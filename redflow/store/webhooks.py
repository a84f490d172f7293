"""Questions about the webhooks of a namespace; what they are in detail is opaque here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from redflow.errors import StoreError
from redflow.store.op import Op, command
from redflow.store.space import Space

PathChoice = Literal["keep", "new", "fixed"]
_ABOUT = "w:"


@dataclass(frozen=True, slots=True)
class RawWebhook:
    """A webhook as it is stored; times in ms, a rate of 0 is none."""

    name: str
    revision: int
    created: int
    updated: int
    path: str
    fixed: bool
    rate: int
    document: bytes


def put_webhook(
    space: Space,
    name: str,
    *,
    path: str,
    choice: PathChoice,
    rate: int,
    document: bytes,
    revision: int = 0,
) -> Op[tuple[str, str]]:
    """Keep a webhook; answers a word (see the head of the script) and the path it has."""
    return space.op(
        "put_webhook",
        None,
        lambda reply: (reply[0].decode(), reply[1].decode()),
        webhooks=space.keys.webhooks,
        name=name,
        path=path,
        choice=choice,
        rate=rate,
        revision=revision,
        document=document,
    )


def delete_webhook(space: Space, name: str) -> Op[bool]:
    """Forget a webhook; answers whether there was one."""
    return space.op("delete_webhook", None, bool, webhooks=space.keys.webhooks, name=name)


def admit_delivery(space: Space, path: str, *, rate: int) -> Op[tuple[int, RawWebhook | None]]:
    """Count a delivery; answers the ms to wait, 0 to go on, and the webhook the path leads to.

    `rate` is that of all paths that lead nowhere.
    """
    return space.op(
        "admit_delivery", None, _admitted, webhooks=space.keys.webhooks, path=path, rate=rate
    )


def read_webhook(space: Space, name: str) -> Op[RawWebhook | None]:
    """One webhook; None when there is none of this name."""
    return command(
        "read_webhook",
        "HMGET",
        space.keys.webhooks,
        f"{_ABOUT}{name}",
        f"d:{name}",
        parse=lambda reply: None if reply[0] is None else _webhook(name, reply[0], reply[1] or b""),
    )


def list_webhooks(space: Space) -> Op[list[RawWebhook]]:
    """All webhooks, by name: as many as a namespace may have are read at once."""
    return command("list_webhooks", "HGETALL", space.keys.webhooks, parse=_all)


def _admitted(reply: list[Any]) -> tuple[int, RawWebhook | None]:
    wait, name, about, document = reply
    return int(wait), _webhook(name.decode(), about, document) if name else None


def _all(reply: list[bytes]) -> list[RawWebhook]:
    fields = {reply[at].decode(): reply[at + 1] for at in range(0, len(reply), 2)}
    names = sorted(field.removeprefix(_ABOUT) for field in fields if field.startswith(_ABOUT))
    return [_webhook(name, fields[_ABOUT + name], fields.get(f"d:{name}", b"")) for name in names]


def _webhook(name: str, about: bytes, document: bytes) -> RawWebhook:
    try:
        revision, created, updated, path, fixed, rate = about.decode().split(" ")
        return RawWebhook(
            name,
            int(revision),
            int(created),
            int(updated),
            path,
            fixed == "1",
            int(rate),
            document,
        )
    except ValueError:
        raise StoreError(
            f"what is stored of webhook {name!r} is not what redflow writes",
            hint="store it again: redflow webhook add",
        ) from None
