"""Takes a URL apart and checks every part of it; no message repeats a password."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redflow.driver.links import Replicas
from redflow.errors import Misconfigured

EXAMPLES = {
    "": "redis://[user:password@]host[:port][/database]",
    "cluster": "redis+cluster://[user:password@]host:port,host:port[,...]",
    "sentinel": "redis+sentinel://[user:password@]host:port,host:port[,...]/service[/database]",
}
SCHEMES = {"redis", "rediss", "unix"} | {
    f"{scheme}+{kind}" for scheme in ("redis", "rediss") for kind in ("cluster", "sentinel")
}
PORT, SENTINEL_PORT = 6379, 26379
TLS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
TLS_CHECKS = {"none", "optional", "required"}
SENTINEL_LOGIN = {"sentinel_username", "sentinel_password"}
LONGEST_WAIT = 4.0  # for replicas: within the time that any answer is given
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_HOST = re.compile(r"[\w.:%-]+")
_SERVICE = re.compile(r"[\w.:-]+")
_HOSTS = re.compile(r"(?i)(rediss?\+(?:cluster|sentinel)://)([^/?#]*)")

Place = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is and how to log in; its text form holds no secret.

    `kind` is "" for one server, which `options` name; `cluster` and `sentinel` have `places`, and
    a sentinel has the service it is asked for, and a login of its own.
    """

    where: str
    options: dict[str, Any] = field(repr=False)
    scheme: str = "redis"
    replicas: Replicas = field(default_factory=Replicas)
    kind: str = ""
    places: tuple[Place, ...] = ()
    service: str = ""
    sentinel_options: dict[str, Any] = field(default_factory=dict, repr=False)
    one_of_several: bool = False
    """Whether it is a node of a cluster."""

    def at(self, place: Place) -> "Address":
        """Return the address of one node of a cluster."""
        host, port = place
        options = {**self.options, "host": host, "port": port}
        return Address(shown(place), options, self.scheme, self.replicas, one_of_several=True)

    def sentinel(self, place: Place) -> "Address":
        """Return the address of one of the sentinels."""
        host, port = place
        options = {**self.sentinel_options, "host": host, "port": port, "db": 0}
        return Address(f"sentinel {shown(place)}", options, self.scheme)


def parse_url(url: object) -> Address:
    """Check a URL and take it apart; raises Misconfigured naming the part that is wrong."""
    if not isinstance(url, str) or not url:
        raise _wrong("URL", f"is {'empty' if url == '' else type(url).__name__}, not text")
    if _UNPRINTABLE.search(url):
        raise _wrong("URL", "holds a space or control character: percent-encode it")
    several = _HOSTS.match(url)
    kind = several[1].lower().partition("+")[2].removesuffix("://") if several else ""
    try:
        # Python's own takes one host: several of them are taken out for it, and read here.
        whole = f"{several[1]}{_login_of(several[2])}host{url[several.end() :]}" if several else url
        parts = urlsplit(whole)
    except ValueError:
        raise _wrong("host", "has brackets or characters that no host has", kind) from None
    if parts.scheme not in SCHEMES:
        raise _wrong("scheme", f"is not one of {', '.join(f'{s}://' for s in sorted(SCHEMES))}")
    if parts.fragment or url.endswith("#"):
        raise _wrong("fragment", "is not allowed: write # in a password as %23", kind)
    scheme = parts.scheme.partition("+")[0]
    options = _login(parts, kind) | _query(parts, scheme, kind)
    replicas = _replicas(options, kind)
    if several:
        address = _places(several[2].rpartition("@")[2], parts.path, options, kind)
    else:
        address = _unix(parts, options) if scheme == "unix" else _tcp(parts, options)
    return replace(address, replicas=replicas, scheme=scheme)


def shown(place: Place) -> str:
    """Return host and port as a URL writes them."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _places(hosts: str, path: str, options: dict[str, Any], kind: str) -> Address:
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    places = tuple(dict.fromkeys(_place(host, kind, port) for host in hosts.split(",")))
    names = ",".join(shown(place) for place in places)
    if kind == "cluster":
        if _database(path.removeprefix("/"), "path", kind):
            raise _wrong("path", "names a database: a cluster has only /0", kind)
        return Address(f"cluster {names}", options, kind=kind, places=places)
    service, _, database = path.removeprefix("/").partition("/")
    if not _SERVICE.fullmatch(service):
        raise _wrong("path", "names no service for the sentinels: /service/0", kind)
    options["db"] = _database(database, "path", kind)
    login = {name: options.pop(name) for name in SENTINEL_LOGIN & set(options)}
    own = {name.removeprefix("sentinel_"): text for name, text in login.items()}
    own |= {name: value for name, value in options.items() if name.startswith("ssl_")}
    return Address(
        f"{service}/{options['db']} of sentinels {names}",
        options,
        kind=kind,
        places=places,
        service=service,
        sentinel_options=own,
    )


def _place(host: str, kind: str, port: int) -> Place:
    try:
        parts = urlsplit(f"//{host}")
    except ValueError:
        raise _wrong("host", "has brackets or characters that no host has", kind) from None
    return _host_and_port(parts, kind, port)


def _tcp(parts: SplitResult, options: dict[str, Any]) -> Address:
    host, port = _host_and_port(parts, "", PORT)
    path = parts.path.removeprefix("/")
    options |= {"host": host, "port": port, "db": _database(path, "path")}
    return Address(f"{shown((host, port))}/{options['db']}", options)


def _host_and_port(parts: SplitResult, kind: str, default: int) -> Place:
    host = parts.hostname
    if not host:
        raise _wrong("host", "is missing", kind)
    if not _HOST.fullmatch(host):
        raise _wrong("host", "has a character that no host name has", kind)
    try:
        port = parts.port
    except ValueError:
        raise _wrong("port", "is not a number from 1 to 65535", kind) from None
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise _wrong("port", "is not a number from 1 to 65535", kind)
    return host, port or default


def _unix(parts: SplitResult, options: dict[str, Any]) -> Address:
    if parts.netloc.rpartition("@")[2]:
        raise _wrong("host", "is not allowed: a socket is written unix:///path/to.sock")
    if "@" in parts.path:  # a login in the wrong place: its password would show as a path
        raise _wrong("path", "holds a @: write it as %40")
    path = _decoded(parts.path, "path")
    if not path.startswith("/") or "\0" in path:
        raise _wrong("path", "is not that of a socket: unix:///path/to.sock")
    options |= {"path": path, "db": _database(options.get("db", ""), "query")}
    return Address(f"{path} db {options['db']}", options)


def _login_of(netloc: str) -> str:
    login, at, _ = netloc.rpartition("@")
    return login + at


def _login(parts: SplitResult, kind: str) -> dict[str, Any]:
    given = {"username": parts.username, "password": parts.password}
    return {name: _decoded(text, name, kind) for name, text in given.items() if text}


def _query(parts: SplitResult, scheme: str, kind: str) -> dict[str, Any]:
    known = {"ssl_cert_reqs", *TLS_FILES} if scheme == "rediss" else set()
    known |= {"replicas", "replica_timeout"}
    known |= {"unix": {"db"}}.get(scheme, set()) | (SENTINEL_LOGIN if kind == "sentinel" else set())
    options: dict[str, Any] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name == "db" and scheme != "unix":
            raise _wrong("query", "names the database, which goes into the path: /0", kind)
        if name not in known:
            # Not repeated: a "?" in a password makes what follows look like an option.
            known_ones = " or ".join(sorted(known))
            raise _wrong("query", f"has an option that is not {known_ones}", kind)
        if name in TLS_FILES and not Path(text).is_file():
            raise _wrong("query", f"names a file in {name} that does not exist: {text}", kind)
        if name == "ssl_cert_reqs" and text not in TLS_CHECKS:
            checks = ", ".join(sorted(TLS_CHECKS))
            raise _wrong("query", f"sets {name}, which is one of {checks}", kind)
        options[name] = text
    if options.get("ssl_cert_reqs") == "none":
        options["ssl_check_hostname"] = False
    return options


def _replicas(options: dict[str, Any], kind: str) -> Replicas:
    """Take what is asked of replicas out of the options: it is no setting of a connection."""
    number, seconds = options.pop("replicas", "0"), options.pop("replica_timeout", "1")
    if not re.fullmatch(r"[0-9]{1,2}", number):
        raise _wrong("query", "sets replicas, which is a number, such as 1", kind)
    timed = re.fullmatch(r"[0-9](\.[0-9]{1,3})?", seconds)
    if not timed or not 0 < float(seconds) <= LONGEST_WAIT:
        text = f"sets replica_timeout, which is seconds up to {LONGEST_WAIT:g}"
        raise _wrong("query", text, kind)
    return Replicas(int(number), float(seconds))


def _database(text: str, part: str, kind: str = "") -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise _wrong(part, "is not a database number, such as /0", kind)
    return int(text or 0)


def _decoded(text: str, part: str, kind: str = "") -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _wrong(part, "has a percent-encoding that is not UTF-8", kind) from None


def _wrong(part: str, reason: str, kind: str = "") -> Misconfigured:
    return Misconfigured(f"the {part} of the Redis URL {reason}", hint=f"expected {EXAMPLES[kind]}")
