"""Programs of a guide, each with what it prints under it, and how they are run."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.tree import ROOT

PROGRAM = re.compile(r"```python\n(.*?)```\n```text\n(.*?)```", re.DOTALL)


def read_guide(name: str) -> str:
    """Return the text of a guide in docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def programs_of(guide: str) -> list[tuple[str, str]]:
    """Return the programs of a guide with their outputs; one that says nothing is an error."""
    found = PROGRAM.findall(guide)
    assert guide.count("```python") == len(found), "a program does not say what it prints"
    return found


def check(program: str, output: str, folder: Path) -> None:
    """Run a program in a process of its own and compare what it prints."""
    path = folder / "program.py"
    path.write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (run.stdout, run.returncode) == (output, 0), run.stderr
