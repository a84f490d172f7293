"""Secrets in files: <directory>/<namespace>/<name>, and <name>.hosts beside it."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from redflow.defaults import SECRET_BYTES
from redflow.errors import Misconfigured
from redflow.model.ids import check_namespace
from redflow.secrets.names import check_secret_name, read_hosts
from redflow.secrets.values import SecretValue

# Kubernetes replaces the folder behind its links while we read: what was there is gone for once.
_TRIES = 3
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class FileSecrets:
    """Reads mounted files; each time, so that a file which changed is read again.

    Links may lead anywhere inside the folder of the namespace, as those of Kubernetes do, and never
    out of it. One line end behind the value is dropped; an empty file is none.
    """

    def __init__(self, directory: str | Path, *, limit: int = SECRET_BYTES) -> None:
        """`limit` is the most bytes that a file may have."""
        self._directory = Path(directory)
        self._limit = limit

    async def get(self, namespace: str, name: str) -> SecretValue | None:
        """Return a secret; raises Misconfigured for a file that cannot be one."""
        return await asyncio.to_thread(self.read, namespace, name)

    def read(self, namespace: str, name: str) -> SecretValue | None:
        """Return a secret as `get` does, and block meanwhile."""
        folder = self._directory / check_namespace(namespace)
        value = self._text(folder, check_secret_name(name))
        if not value:
            return None
        hosts = self._text(folder, f"{name}.hosts")
        return SecretValue(value, read_hosts(hosts, field=f"{folder / name}.hosts"), name)

    def where(self, namespace: str, name: str) -> str:
        """Say which file was looked for."""
        return f"file {self._directory / namespace / name}"

    def _text(self, folder: Path, file: str) -> str:
        path = folder / file
        try:
            data = self._inside(folder, path)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise _unfit(path, f"cannot be read: {error.strerror}", "check its mode") from None
        if len(data) > self._limit:
            raise _unfit(path, f"has over {self._limit:,} bytes", "a secret is a key, not a file")
        try:
            text = data.decode()
        except UnicodeDecodeError:  # its text would hold the value
            raise _unfit(path, "is not UTF-8", "store it as text, such as base64") from None
        return text.removesuffix("\n").removesuffix("\r")

    def _inside(self, folder: Path, path: Path) -> bytes:
        """Read a file that lies in a folder, links followed; raises OSError, Misconfigured."""
        for left in reversed(range(_TRIES)):
            real = _real(path)
            inside = _is_under(real, _real(folder)) and _is_under(real, _real(self._directory))
            try:
                if inside:
                    return self._bytes(real)
            except FileNotFoundError:
                if not left:
                    raise
        raise _unfit(path, "is a link that leads out of its namespace", "put the file there itself")

    def _bytes(self, real: Path) -> bytes:
        file = os.open(real, _FLAGS)
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise _unfit(real, "is no regular file", "put the value into a file")
            return opened.read(self._limit + 1)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_under(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)


def _unfit(path: Path, cause: str, hint: str) -> Misconfigured:
    return Misconfigured(f"secret file {str(path)!r} {cause}", hint=hint)
