"""docs/document.md: its document is valid, its programs print what stands under them."""

import re

import pytest
from jsonschema import Draft202012Validator

from redflow import Workflow
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("document.md")
PROGRAMS = programs_of(GUIDE)
(DOCUMENT,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
NAMES = ["problems", "yaml", "schema", "drawings", "parevo"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_every_block_is_of_a_known_kind():
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
