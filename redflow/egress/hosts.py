"""Reads a URL strictly, and a host in every form that some resolver takes for an address.

Own code, not a URL library: two parsers that disagree about the host are how checks are passed by.
What is sent is put together again from the parts read here.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NoReturn

from redflow.egress.addresses import Address
from redflow.egress.errors import EgressDenied

PORTS: Final = {"http": 80, "https": 443}
WEB_PORTS: Final = frozenset(PORTS.values())
LONGEST: Final = 16 * 1024  # characters of a URL; servers answer 414 from 8 KiB on

METADATA_NAMES: Final = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "api.metadata.cloud.ibm.com",
        "metadata.platformequinix.com",
        "rancher-metadata",
    }
)

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the host in lower case and normal form, the path as it was written."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must stay the same for credentials to go along."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The URL made of the parts that were checked."""
        return f"{self.scheme}://{place(self.host, self.port, PORTS[self.scheme])}{self.path}"


def place(host: str, port: int, *usual: int) -> str:
    """Write host and port as a URL or a rule does; usual ports are left out."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port in usual else f"{shown}:{port}"


def parse_target(url: str) -> Target:
    """Read an absolute http or https URL; raises EgressDenied, which never repeats the URL.

    A URL may hold a secret or be hostile, so only its scheme or host is named.
    """
    scheme = _SCHEME.match(check_text(url))
    if scheme and scheme[1].lower() not in PORTS:
        _refuse("scheme", f"the URL begins with {scheme[1][:20]}:, only http: and https: go out")
    parts = _URL.fullmatch(url)
    if not parts:
        _refuse("url", "the URL is not absolute", "write it as https://host/path")
    name, (_, authority, path, query, _) = parts[1].lower(), parts.groups()
    if "@" in authority:
        _refuse(
            "userinfo",
            "the URL holds a user or a password before its host",
            "send an Authorization header, with a secret as its value",
        )
    host, port = _authority(authority, PORTS[name])
    return Target(name, host, port, (path or "/") + (query or ""))


def check_text(url: str) -> str:
    """Return a URL, or a part of one; raises EgressDenied if it is too long or has odd characters.

    A backslash is odd because some parsers take it for a slash.
    """
    if len(url) > LONGEST:
        _refuse("url", f"the URL has {len(url)} characters; allowed are {LONGEST}")
    if _UNSAFE.search(url):
        _refuse("url", "the URL holds a line break, control character or backslash")
    return url


def literal(host: str) -> Address | None:
    """Return the address that a normal host is, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def normal_host(host: str) -> str:
    """Return a host in lower case without a final dot, an address in its usual form.

    Raises ValueError for what is neither a name nor an address. `host` has no brackets.
    """
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone")
        address = IPv6Address(host)
        return str(address.ipv4_mapped or address)
    text = host.removesuffix(".").lower()
    labels = text.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(_ipv4(labels))
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return text


def _authority(text: str, default: int) -> tuple[str, int]:
    parts = _AUTHORITY.fullmatch(text)
    if not parts or parts[2] in ("", "0"):
        _refuse("url", "the URL has a host or a port that cannot be read")
    bracketed = parts[1].startswith("[")
    try:
        if bracketed and ":" not in parts[1]:
            raise ValueError("only IPv6 addresses have brackets")
        host = normal_host(parts[1].strip("[]"))
    except ValueError:
        ascii_only = parts[1].isascii()
        advice = "" if ascii_only else "write an international name in its ASCII form, xn--..."
        _refuse("url", f"the URL's host {parts[1][:80]!a} is no name or address", advice)
    port = int(parts[2] or default)
    if not 0 < port < 65536:
        _refuse("url", f"the URL's port {port} is not one from 1 to 65535")
    return host, port


def _ipv4(labels: list[str]) -> IPv4Address:
    """Read one to four numbers as `inet_aton` does: decimal, 0x hexadecimal or 0 octal.

    The last number fills the bytes that are left; raises ValueError.
    """
    if len(labels) > 4:
        raise ValueError("more than four numbers")
    *first, last = (_number(label) for label in labels)
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        raise ValueError("a number is too large")
    high = sum(number << (24 - 8 * index) for index, number in enumerate(first))
    return IPv4Address(high + last)


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label) or len(label) > 16:
        raise ValueError("not a number")
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)


def _refuse(reason: str, message: str, hint: str = "") -> NoReturn:
    raise EgressDenied(message, reason=reason, hint=hint)
