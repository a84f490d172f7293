"""What a secret may be called, and how the hosts are written that it may be sent to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from redflow.errors import InvalidInput

NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
"""No dot and no slash: a name is also a file's, and `<name>.hosts` stands beside it."""

MOST_HOSTS = 20

_NAME = re.compile(NAME)
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.{_LABEL}\.)?{_LABEL}(?:\.{_LABEL})*")
_LONGEST = 253
_PORTS = 65_535
_FORM = "write api.example.com, api.example.com:8443 or *.example.com"


def check_secret_name(value: object, *, field: str = "secret") -> str:
    """Return the name of a secret, or raise InvalidInput."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    shown = ascii(value)[:80] if isinstance(value, str) else f"a {type(value).__name__}"
    raise InvalidInput(
        f"{field} {shown} is not 1 to 63 of A-Z a-z 0-9 _ -, or begins with -",
        field=field,
    )


def check_hosts(hosts: object, *, field: str = "hosts") -> tuple[str, ...]:
    """Return hosts in lower case, each once, or raise InvalidInput.

    A host is a name, an address or `*.` and a name of two parts or more; `:port` may follow.
    """
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise InvalidInput(f"{field} is a {type(hosts).__name__}, not a list", field=field)
    found = tuple(dict.fromkeys(_checked(one, field) for one in hosts))
    if len(found) > MOST_HOSTS:
        raise InvalidInput(f"{field} has {len(found)} entries, over {MOST_HOSTS}", field=field)
    return found


def read_hosts(text: str, *, field: str) -> tuple[str, ...]:
    """Read hosts that commas or blanks part; raises InvalidInput."""
    return check_hosts(text.replace(",", " ").split(), field=field)


def _checked(host: object, field: str) -> str:
    if not isinstance(host, str):
        raise InvalidInput(f"{field} holds a {type(host).__name__}, not text", field=field)
    text = host.lower()
    name, port = _parted(text)
    if port is None or not (_is_address(name) or _is_name(name)):
        raise InvalidInput(f"{field}: {ascii(host)[:80]} is not a host", field=field, hint=_FORM)
    return text


def _parted(text: str) -> tuple[str, str | None]:
    """Return a host and its port, "" without one; None for what is no port."""
    if text.startswith("["):
        name, bracket, rest = text.partition("]")
        if not bracket:
            return text, None
    else:
        name, colon, rest = text.partition(":")
        rest = colon + rest
    if not rest:
        return name, ""
    port = rest.removeprefix(":")
    good = rest != port and port.isascii() and port.isdecimal() and 1 <= int(port[:6]) <= _PORTS
    return name, port if good else None


def _is_address(name: str) -> bool:
    try:
        if name.startswith("["):
            ipaddress.IPv6Address(name[1:].removesuffix("]"))
        else:
            ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _is_name(name: str) -> bool:
    """Whether it is a name in DNS: the last part is no number, which would be an address."""
    return (
        len(name) <= _LONGEST
        and _HOST.fullmatch(name) is not None
        and not name.rpartition(".")[2].isdecimal()
    )
