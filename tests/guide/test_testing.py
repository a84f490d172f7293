"""The blocks of docs/testing.md are tests that pass."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = re.findall(r"```python\n# (\S+)\n(.*?)```", GUIDE, re.DOTALL)
PLUGINS = ["-p", "pytest_asyncio.plugin", "-p", "redflow.testing.plugin"]
OPTIONS = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]


@pytest.mark.process
def test_every_block_is_a_test_that_passes(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, text in FILES:
        (tmp_path / name).write_text(text, encoding="utf-8")
    quiet = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *quiet, *PLUGINS, *OPTIONS],
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{GUIDE.count('def test_')} passed" in done.stdout


def test_every_block_names_its_file():
    assert GUIDE.count("```python") == len(FILES) == len(dict(FILES))
