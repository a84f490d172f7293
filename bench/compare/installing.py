"""Peers live in environments of their own, under a cache directory, never beside redflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.compare.peers.base import Kind

MARK = "redflow-bench.txt"
"""The file that an installation which came to its end leaves: what was installed."""


def homes() -> Path:
    """The directory of all peers."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache, "redflow-bench")


def home_of(kind: type[Kind]) -> Path | None:
    """Where a peer is installed; None for what runs in the bench's own environment."""
    return homes() / kind.name if kind.packages else None


def missing(kind: type[Kind]) -> str | None:
    """Say why a peer cannot be run; None when it can."""
    home = home_of(kind)
    if home is None:
        return None
    if kind.installer == "npm" and not shutil.which("node"):
        return "no node on PATH"
    try:
        installed = (home / MARK).read_text(encoding="utf-8").split()
    except OSError:
        return "not installed: python -m bench compare --install"
    if installed != list(kind.packages):
        return "installed in another version: python -m bench compare --install"
    return None


def install(kind: type[Kind]) -> str:
    """Install a peer unless it is, and say what was done; raises CalledProcessError."""
    home = home_of(kind)
    if home is None or missing(kind) is None:
        return "is installed"
    if kind.installer == "npm" and not shutil.which("npm"):
        return "no npm on PATH"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if kind.installer == "npm":
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(home)]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        command += ["--disable-pip-version-check"]
    subprocess.run([*command, *kind.packages], check=True)
    (home / MARK).write_text("\n".join(kind.packages), encoding="utf-8")
    return "installed"
