"""The value of a secret, which is never shown; what of one is; and where values come from."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

from redflow.defaults import SECRET_BYTES
from redflow.errors import InvalidInput, NotFound, PayloadTooLarge


class SecretValue:
    """A secret as a step uses it; `hosts` are those it may be sent to, none when empty.

    Only `.value` shows it: not its repr, not pickle, and as no dataclass no encoder either.
    """

    __slots__ = ("_hosts", "_name", "_value")

    def __init__(self, value: str, hosts: Sequence[str] = (), name: str = "") -> None:
        self._value = value
        self._hosts = tuple(hosts)
        self._name = name

    @property
    def value(self) -> str:
        """The secret itself."""
        return self._value

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts it may be sent to."""
        return self._hosts

    @property
    def name(self) -> str:
        """What definitions call it."""
        return self._name

    def __repr__(self) -> str:
        return f"SecretValue(***, hosts={self._hosts!r}, name={self._name!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return (self._value, self._hosts, self._name) == (other._value, other._hosts, other._name)

    def __hash__(self) -> int:
        return hash((self._value, self._hosts, self._name))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the value of secret {self._name!r} is not to be written anywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInfo:
    """What is shown of a secret that is kept in Redis."""

    name: str
    hosts: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class SecretProvider(Protocol):
    """A place where secrets are kept; None: it has none of this name.

    A plain `get` runs on the worker's loop and must not wait; one that asks a service is a
    coroutine. Errors of redflow pass as they are. A method `where(namespace, name)`, if there is
    one, says in a few words where it looked.
    """

    def get(self, namespace: str, name: str) -> SecretValue | Awaitable[SecretValue | None] | None:
        """Return a secret of a namespace."""
        ...


class SecretNotFound(NotFound):
    """No provider of this process has the secret."""

    def __init__(self, namespace: str, name: str, looked: Sequence[str]) -> None:
        places = "; ".join(looked) or "nowhere: this process has no provider of secrets"
        super().__init__(
            f"secret {name!r} is not known in namespace {namespace!r}; looked in {places}",
            hint=f"store it: redflow -n {namespace} secret set {name} --host HOST",
        )
        self.namespace = namespace
        self.name = name
        self.looked = tuple(looked)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.namespace, self.name, self.looked)


def check_secret_value(value: object, *, field: str = "value") -> str:
    """Return a value that may be kept, or raise InvalidInput, which never shows it."""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} is a {type(value).__name__}, not text", field=field)
    if not value:
        raise InvalidInput(f"{field} is empty", field=field)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # its text would hold the value
        raise InvalidInput(f"{field} holds a lone surrogate", field=field) from None
    if size > SECRET_BYTES:
        raise PayloadTooLarge(f"{field} has {size:,} bytes, over {SECRET_BYTES:,}", field=field)
    return value
