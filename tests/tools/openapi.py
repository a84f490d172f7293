"""Write docs/openapi.json from the routes of the HTTP API; `--check` only compares."""

import sys
from pathlib import Path

from redflow.api.app import description

ROOT = Path(__file__).resolve().parents[2]
TARGET = "docs/openapi.json"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check answer 1 when it is not current."""
    if "--check" in arguments:
        if not is_current():
            print(f"{TARGET} is not what the routes say: run python -m tests.tools.openapi")
        return 0 if is_current() else 1
    (ROOT / TARGET).write_bytes(description())
    print(f"wrote {TARGET}")
    return 0


def is_current() -> bool:
    path = ROOT / TARGET
    return path.is_file() and path.read_bytes() == description()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
