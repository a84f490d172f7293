"""The entry of the command line; imports the rest under its own care for Ctrl-C."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    try:
        from redflow.cli.tree import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command itself
        code = INTERRUPTED
    sys.exit(code)
