"""Where the files of the repository are, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "redflow"
LUA = ROOT / "lua"
PYTHON_FOLDERS = ("redflow", "tests", "bench", "examples")


def python_files() -> list[Path]:
    """Return every Python file of the project, sorted."""
    return sorted(path for folder in PYTHON_FOLDERS for path in (ROOT / folder).rglob("*.py"))


def lua_files() -> list[Path]:
    """Return every Lua file: scripts, outcomes and includes, sorted."""
    return sorted(LUA.rglob("*.lua"))


def name_of(path: Path) -> str:
    """Return a path as the tests print it: relative to the repository."""
    return path.relative_to(ROOT).as_posix()
