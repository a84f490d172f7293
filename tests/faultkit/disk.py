"""Disks that lose the end of a file, or are full."""

import os
import subprocess
import tempfile
from pathlib import Path
from random import Random
from typing import Self

from tests.faultkit.servers import Server

MOST = 1 << 16
"""Bytes at the end of an append-only file that a cut may take."""


class DiskMissing(Exception):
    """No small disk can be made: an error of the test run, never a reason to skip."""


def torn_aof(server: Server, rng: Random, most: int = MOST) -> int:
    """Kill a server and cut its append-only file at a random byte near its end.

    Answers how many bytes are gone. The server is left for the caller to start.
    """
    server.kill()
    path = aof_of(server.directory)
    size = path.stat().st_size
    cut = rng.randint(1, max(1, min(most, size)))
    os.truncate(path, size - cut)
    return cut


def aof_of(directory: Path) -> Path:
    """Return the file that a server appends to: one file up to 6.2, numbered parts since 7.0."""
    single = directory / "appendonly.aof"
    if single.exists():
        return single
    parts = sorted(
        directory.glob("appendonlydir/*.incr.aof"), key=lambda path: int(path.name.split(".")[2])
    )
    if not parts:
        raise FileNotFoundError(f"no append-only file in {directory}: start with --appendonly yes")
    return parts[-1]


class SmallDisk:
    """A directory on a disk of its own in memory; needs root and Linux."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self.directory = Path(tempfile.mkdtemp(prefix="redflow-disk-"))

    def __enter__(self) -> Self:
        try:
            _mount("-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", str(self.directory))
        except DiskMissing:
            self.directory.rmdir()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True)
        self.directory.rmdir()

    def grow(self, megabytes: int) -> None:
        """Give it this many megabytes in all."""
        _mount("-o", f"remount,size={megabytes}m", str(self.directory))
        self.megabytes = megabytes

    def free(self) -> int:
        """Return the bytes that are left."""
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_bsize

    def fill(self, leave: int) -> None:
        """Take all space but about so many bytes, with a file of nothing."""
        with (self.directory / "filler").open("ab") as file:
            file.write(bytes(max(0, self.free() - leave)))


def small_disk(megabytes: int) -> SmallDisk:
    """Return a disk of a few megabytes; it is there within `with`."""
    return SmallDisk(megabytes)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DiskMissing(
            f"no small disk: mount {' '.join(words)}: {done.stderr.strip()}; "
            "run these tests as root on Linux, or in a container with CAP_SYS_ADMIN"
        )
