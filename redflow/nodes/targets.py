"""The URL of a request: whether its host stands in the definition, and how a query joins it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

from redflow.errors import Problem
from redflow.nodes.shaped import wrong

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_AUTHORITY = re.compile(r"https?://[^\s/?#\\@${}]+(?=[/?#]|\Z)", re.IGNORECASE)
_TEMPLATE = "${"


def is_written(url: object) -> bool:
    """Whether a URL, as the definition has it, names its scheme, host and port without templates.

    What comes behind is data and cannot change the host: it begins with `/`, `?` or `#`.
    """
    return isinstance(url, str) and _AUTHORITY.match(url) is not None


def has_web_scheme(url: str) -> bool:
    """Whether a URL begins with http:// or https://."""
    return _SCHEME.match(url) is not None


def url_problems(url: str, at: str = "url") -> Iterator[Problem]:
    """Say what is wrong with a URL as far as it is known: what is left to a template may be all."""
    head = url.partition(_TEMPLATE)[0]
    if not head and url:
        return
    if not has_web_scheme(url):
        yield wrong("it does not begin with http:// or https://", at)
    elif any(char.isspace() or not char.isprintable() for char in head):
        yield wrong("it holds a blank or a control character; escape it as %20", at)
    elif "@" in re.split(r"[/?#\\]", head.partition("://")[2], maxsplit=1)[0]:
        yield wrong("user and password do not belong in a URL, where all can read them", at)
    elif head == url and not _has_host(url):
        yield wrong("it names no host, or a port that is none", at)


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the URL with pairs added to its query, escaped; without any, as it is."""
    added = urlencode(list(pairs))
    if not added:
        return url
    parts = urlsplit(url)
    both = (parts.query, added)
    return urlunsplit(parts._replace(query="&".join(filter(None, both))))


def shown_target(method: str, url: str) -> str:
    """Name a request in errors without its path and query, which may hold what is nobody's."""
    parts = urlsplit(url)
    return f"{method} {parts.scheme}://{parts.netloc}"


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
