"""A payload store by its URL: `file:///directory` or `s3://bucket/prefix`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from redflow.errors import Misconfigured
from redflow.payloads.files import FileStore
from redflow.payloads.s3 import S3Store
from redflow.payloads.store import PayloadStore


def store_of(url: str, name: str) -> PayloadStore:
    """Make the store of a URL; raises Misconfigured, which names where the URL came from."""
    parts = urlsplit(url)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme == "file" and plain and parts.netloc in ("", "localhost"):
        path = Path(unquote(parts.path))
        if path.is_absolute() and path != Path("/"):
            return FileStore(path)
    if parts.scheme == "s3" and plain and parts.netloc:
        return S3Store(parts.netloc, unquote(parts.path))
    raise Misconfigured(
        f"{name} names no payload store: {_shown(url)!r}",
        hint="write file:///directory or s3://bucket/prefix",
    )


def _shown(url: str) -> str:
    """Show a URL without what may be a credential."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}" if mark else "(no URL)"
