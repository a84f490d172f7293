"""Write docs/workflow.schema.json from the model; `--check` only compares."""

import json
import sys
from pathlib import Path

from redflow.model.workflow import Workflow

ROOT = Path(__file__).resolve().parents[2]
TARGET = "docs/workflow.schema.json"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check answer 1 when it is not current."""
    if "--check" in arguments:
        if not is_current():
            print(f"{TARGET} is not what the model generates: run python -m tests.tools.schema")
        return 0 if is_current() else 1
    (ROOT / TARGET).write_text(generate(), encoding="utf-8")
    print(f"wrote {TARGET}")
    return 0


def generate() -> str:
    """Return the text of the file."""
    return json.dumps(Workflow.json_schema(), indent=2, ensure_ascii=False) + "\n"


def is_current() -> bool:
    path = ROOT / TARGET
    return path.is_file() and path.read_text(encoding="utf-8") == generate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
