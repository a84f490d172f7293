"""Renders the templates of `redflow init` and writes their files."""

from __future__ import annotations

import re
from pathlib import Path

from redflow.errors import Conflict, InvalidInput

TEMPLATES = Path(__file__).with_name("templates")
SUFFIX = ".tmpl"
"""Ends the name of every template, so that no tool takes it for what it becomes."""
DOT = "dot."
"""Begins the name of what becomes a hidden file."""
TAKEN = {"redflow", "redflow-engine", "fastapi", "httpx", "pytest", "uvicorn"}
"""Names that a project must not have: it would stand for what it depends on."""


def project_name(target: Path) -> str:
    """Return the name of the project in a directory, as package indexes spell it."""
    name = re.sub(r"[^a-z0-9]+", "-", target.resolve().name.lower()).strip("-")
    return f"{name or 'my'}-app" if name in {"", *TAKEN} else name


def render(template: str, project: str) -> dict[Path, str]:
    """Return the files of a project, each with its path within it."""
    root = TEMPLATES / template
    return {
        _becomes(path.relative_to(root)): path.read_text("utf-8").replace("{{project}}", project)
        for path in sorted(root.rglob(f"*{SUFFIX}"))
    }


def _becomes(path: Path) -> Path:
    name = path.name.removesuffix(SUFFIX)
    return path.with_name(f".{name.removeprefix(DOT)}" if name.startswith(DOT) else name)


def write(target: Path, files: dict[Path, str], *, force: bool) -> list[Path]:
    """Write files below a directory and return their paths.

    Raises Conflict that lists those that exist, before anything is written, unless `force`.
    """
    paths = {target / path: text for path, text in files.items()}
    taken = [path for path in paths if path.exists() or path.is_symlink()]
    if taken and not force:
        raise Conflict(
            f"would overwrite {', '.join(map(str, taken))}",
            hint="name another directory, or add --force to overwrite them",
        )
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w" if force else "x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise InvalidInput(
            f"{error.filename} cannot be written: {error.strerror}",
            field="directory",
            hint="name a directory that you can write to",
        ) from error
    return list(paths)
