"""What is asked of the egress client and what it answers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from redflow.egress.allow import parse_rule
from redflow.egress.errors import EgressDenied
from redflow.errors import InvalidInput

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_REDIRECTS: Final = 3
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# They decide where a request goes, where it ends, and whether its answer can be read.
OWN_HEADERS: Final = frozenset(
    "host content-length transfer-encoding connection keep-alive upgrade te trailer expect "
    "proxy-authorization proxy-connection accept-encoding".split()
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Credential:
    """A header's value that may go to these hosts only; without any it goes nowhere.

    Hosts are written as in allow lists; one without a port means every port of it.
    """

    value: str = field(repr=False)
    hosts: tuple[str, ...]
    name: str
    """Names the secret in errors; never its value."""

    def may_go_to(self, host: str, port: int) -> bool:
        """Whether a normal host and its port are among those it is bound to."""
        rules = (parse_rule(text, field="hosts") for text in self.hosts)
        return any(rule.covers(host) and rule.on_any(port) for rule in rules)


Header = tuple[str, str | Credential]


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRequest:
    """One HTTP request of a node; raises InvalidInput for limits that make no sense."""

    namespace: str
    method: str
    url: str = field(repr=False)
    headers: Sequence[Header] = ()
    content: bytes | None = field(default=None, repr=False)
    timeout: float
    """Seconds for everything: name, connection, redirects and the last byte."""
    written: bool
    """Whether the host stands in the definition; one that data brings has no allow list."""
    redirects: int = 0
    """How many are followed, at most 3; with none, a redirect is the reply."""
    max_bytes: int = MAX_BYTES
    """Of the reply's body, decoded."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            _wrong("timeout", self.timeout, "seconds above 0")
        if not 0 <= self.redirects <= MAX_REDIRECTS:
            _wrong("redirects", self.redirects, f"a number from 0 to {MAX_REDIRECTS}")
        if self.max_bytes < 1:
            _wrong("max_bytes", self.max_bytes, "bytes above 0")


@dataclass(frozen=True, slots=True)
class EgressReply:
    """The answer of a server; its body is decoded. `url` is that of the last hop."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """In the order they came, names in lower case."""
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of a name, whatever its case."""
        wanted = name.lower()
        return next((value for one, value in self.headers if one == wanted), default)


def check_method(method: str) -> str:
    """Return the method in upper case; raises EgressDenied for one that is not an ordinary one."""
    upper = method.upper()
    if upper not in METHODS:
        raise EgressDenied(
            f"the method {method[:20]!a} is not one of {', '.join(sorted(METHODS))}",
            reason="method",
        )
    return upper


def header_lines(headers: Sequence[Header]) -> Iterator[tuple[bytes, bytes]]:
    """Yield headers as they are sent; raises EgressDenied for one that could bend the request."""
    for name, value in headers:
        text = value.value if isinstance(value, Credential) else value
        if not _TOKEN.fullmatch(name):
            _refuse_header(f"the header name {name[:40]!a} has a character no name has")
        if name.lower() in OWN_HEADERS:
            _refuse_header(f"the header {name} is set by redflow itself", "leave it out")
        if _UNSAFE.search(text):
            _refuse_header(f"the value of the header {name} holds a control character")
        yield name.encode(), text.strip(" \t").encode()


def _refuse_header(message: str, hint: str = "") -> NoReturn:
    raise EgressDenied(message, reason="header", hint=hint)


def _wrong(name: str, value: object, expected: str) -> NoReturn:
    raise InvalidInput(f"{name} is {value!r}, not {expected}", field=name)
