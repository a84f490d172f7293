"""Write requirements/*.txt, every package pinned and hashed, from pyproject.toml (needs uv)."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "requirements/runtime.txt": (),
    "requirements/dev.txt": ("all", "test"),
}
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-package=redflow-engine",
    "--custom-compile-command=python tests/tools/lock.py",
    "--quiet",
)


def main() -> None:
    """Compile both files; existing pins are kept unless pyproject.toml rules them out."""
    for file, extras in FILES.items():
        chosen = [f"--extra={extra}" for extra in extras]
        command = ["uv", "pip", "compile", *OPTIONS, *chosen, "pyproject.toml", "-o", file]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
