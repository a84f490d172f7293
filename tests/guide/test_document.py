"""docs/document.md: its document is valid, its programs print what stands under them."""

import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from redflow import Workflow
from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "document.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", GUIDE, re.DOTALL)
(DOCUMENT,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
NAMES = ["problems", "yaml", "schema", "drawings", "parevo"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (run.stdout, run.returncode) == (output, 0), run.stderr


def test_every_program_says_what_it_prints():
    assert GUIDE.count("```python") == len(PROGRAMS)
    assert GUIDE.count("```") == 2 * (2 * len(PROGRAMS) + 1)


def test_the_whole_document_is_valid_and_has_every_field():
    workflow = Workflow.from_yaml(DOCUMENT)
    assert Workflow.from_yaml(workflow.to_yaml()) == workflow
    schema = Workflow.json_schema()
    assert Draft202012Validator(schema).is_valid(workflow.to_document())
    fields = {
        *schema["properties"],
        *(name for one in schema["$defs"].values() for name in one.get("properties", {})),
        *(name for form in schema["$defs"]["need"]["anyOf"] for name in form.get("properties", {})),
    }
    assert [name for name in fields if name not in GUIDE] == []
