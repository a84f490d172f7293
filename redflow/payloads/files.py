"""A payload store of files: one for each payload, in a directory that all processes share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from redflow.errors import InvalidInput
from redflow.payloads.store import Kept, Key, missing, new_key, read_key


class FileStore:
    """Keeps each payload in a file of its own, under `<directory>/<namespace>/`.

    A file is written beside its place, flushed to the disk and renamed: it is there in full or not
    at all, also after a power cut. On a network file system all processes need the same one.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)

    def put(self, key: str, data: bytes) -> None:
        """Write a file; raises OSError."""
        owner = read_key(key)
        path = self._path(owner)
        # An ordinary name: what a crash leaves is a payload nobody refers to, and swept as such.
        beside = self._path(read_key(new_key(owner.namespace, owner.execution)))
        for folder in {path.parent, beside.parent}:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(beside, data)
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)

    def get(self, key: str) -> bytes:
        """Read a file; raises PayloadMissing, OSError."""
        try:
            return self._path(read_key(key)).read_bytes()
        except FileNotFoundError:
            raise missing(key, str(self)) from None

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files; raises OSError."""
        for key in keys:
            self._path(read_key(key)).unlink(missing_ok=True)

    def kept(self, namespace: str) -> Iterator[Kept]:
        """Yield what is in the files of a namespace; those of others are left alone."""
        for folder in _entries(self.directory / namespace):
            if not folder.is_dir(follow_symlinks=False):
                continue
            for entry in _entries(folder.path):
                name, _, execution = entry.name.partition(".")
                try:
                    key = str(read_key(f"{namespace}/{execution}/{name}"))
                    yield Kept(key, entry.stat(follow_symlinks=False).st_mtime)
                except (InvalidInput, FileNotFoundError):
                    continue

    def _path(self, key: Key) -> Path:
        # 256 folders: no folder belongs to one execution, so none is ever removed under a writer.
        return self.directory / key.namespace / key.name[:2] / f"{key.name}.{key.execution}"

    def __repr__(self) -> str:
        return f"FileStore({str(self.directory)!r})"


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a name last; where folders cannot be opened, the system does it when it likes."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
