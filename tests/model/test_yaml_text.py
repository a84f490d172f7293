"""YAML: what is written is read back equal, YAML's surprises do not surprise, each problem has a
line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.test_document import FULL
from tests.model.workflows import few, read_or_refused, workflows

ORDER = """\
# The order of a shop.
id: order
nodes:
  charge:
    type: function
    config: {function: charge}
    retry: {max_attempts: 3, initial_interval: 500ms}
  ship:
    type: function
    config:
      function: ship
    needs: [charge]
  sorry:
    type: log
    needs:
      - node: charge
        on: failure
"""


def config_of(text: str) -> object:
    """Read YAML that stands in a config."""
    nodes = f"id: w\nnodes:\n  a:\n    type: log\n    config:\n      x: {text}\n"
    return Workflow.from_yaml(nodes).nodes[0].config["x"]


def refused(text: str | bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_yaml(text)
    return [(p.pointer, p.code, p.message) for p in caught.value.problems]


def test_a_document_is_read():
    workflow = Workflow.from_yaml(ORDER)
    assert [node.id for node in workflow.nodes] == ["charge", "ship", "sorry"]
    assert workflow.edges == (Edge("charge", "ship"), Edge("charge", "sorry", on="failure"))
    assert workflow.nodes[0].retry is not None
    assert workflow.nodes[0].retry.initial_interval == 0.5
    assert Workflow.from_yaml(ORDER.encode()) == Workflow.from_yaml("\ufeff" + ORDER) == workflow


def test_json_is_yaml():
    workflow = Workflow.from_document(FULL)
    assert Workflow.from_yaml(workflow.to_json(indent=2)) == workflow


def test_it_is_written_for_readers():
    text = Workflow.from_yaml(ORDER).to_yaml()
    assert text == (
        "id: order\n"
        "nodes:\n"
        "  charge:\n"
        "    type: function\n"
        "    config: {function: charge}\n"
        "    retry: {max_attempts: 3, initial_interval: 0.5}\n"
        "  ship:\n"
        "    type: function\n"
        "    config: {function: ship}\n"
        "    needs: [charge]\n"
        "  sorry:\n"
        "    type: log\n"
        "    needs:\n"
        "    - {node: charge, 'on': failure}\n"
    )


@few
@given(workflows())
def test_a_text_read_back_is_the_workflow_that_was_written(workflow):
    text = workflow.to_yaml()
    again = Workflow.from_yaml(text)
    assert again == workflow
    assert again.content_hash == workflow.content_hash
    assert again.to_yaml() == text


@given(st.text(st.characters(codec="utf-8")) | st.floats(allow_nan=False, allow_infinity=False))
def test_any_value_is_written_so_that_it_is_read_back(value):
    workflow = Workflow("w", nodes=(Node("a", "log", config={"x": [value, {"y": value}]}),))
    assert Workflow.from_yaml(workflow.to_yaml()).nodes[0].config == workflow.nodes[0].config


SURPRISES = ["on", "off", "yes", "No", "y", "2030-01-31", "2030-01-31T09:00:00Z", "1:30",
             "1_000", "0o7", "0x1F", "007", "1e3", ".5", "null", "~", "True", "", "<<", "=", "!x",
             "*a", "&a", "- a", "a: b", "a #b", ".inf", "1.0", "a\nb", " a\nb", "a\n\n", "\tb",
             "\x85", "a\n\u2028", "a\r\nb"]  # fmt: skip


def test_letters_and_signs_are_written_as_they_are():
    assert "name: größe 🎉\n" in Workflow("w", "größe 🎉", nodes=(Node("a", "log"),)).to_yaml()


@pytest.mark.parametrize("text", SURPRISES)
def test_a_text_stays_a_text_for_every_reader(text):
    workflow = Workflow("w", nodes=(Node("a", "log", config={"x": text, text or "empty": 1}),))
    assert Workflow.from_yaml(workflow.to_yaml()) == workflow
    assert yaml.safe_load(workflow.to_yaml()) == workflow.to_document()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, text) for text in ("on", "off", "yes", "No", "y", "2030-01-31", "1:30", "1_000")),
        *((text, None) for text in ("null", "~", "Null", "")),
        *((text, True) for text in ("true", "True", "TRUE")),
        ("false", False), ("12", 12), ("-3", -3), ("+3", 3), ("0o17", 15), ("0x1F", 31), ("0", 0),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("-1.", -1.0), ("0.10", 0.1),
        ("'12'", "12"), ('"true"', "true"), ("! 12", "12"), ("!!str 12", "12"), ("!!int 12", 12),
        ("!!float 12", 12), ("!!seq [a]", ["a"]), ("!!map {a: b}", {"a": "b"}),
        ("{200: a, true: b, on: c, ~: d}", {"200": "a", "true": "b", "on": "c", "~": "d"}),
        ("${input.x}", "${input.x}"), ("500ms", "500ms"),
    ],
)  # fmt: skip
def test_a_scalar_is_what_the_core_schema_of_yaml_1_2_says(text, value):
    assert config_of(text) == value
    assert type(config_of(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0123", "write 123, or '0123' for the text"),
        ("-007", "write 7, or '-007' for the text"),
        (".inf", "a number that JSON has not"),
        (".NaN", "a number that JSON has not"),
        ("1e999", "a number too large"),
        ("1" * 50, "write it as text, in quotes"),
        ("!!int x", "'x' is no int, as its tag says"),
        ("!!int true", "'true' is no int, as its tag says"),
        ("!!binary aGk=", "the tag 'tag:yaml.org,2002:binary' is not known here"),
        ("!!timestamp 2030-01-31", "is not known here"),
        ("!!python/object/apply:os.system [x]", "is not known here"),
        ("!own x", "the tag '!own' is not known here"),
    ],
)
def test_what_json_has_not_is_refused(text, said):
    ((at, code, message),) = refused(f"id: w\nnodes: {{a: {{type: log, config: {{x: {text}}}}}}}")
    assert (at, code) == ("/nodes/a/config/x", "bad_yaml")
    assert said in message
    assert message.endswith("(line 2, column 36)")


def test_every_problem_has_its_line():
    text = ORDER.replace("type: log", "type: log\n    typo: 1").replace("[charge]", "[charged]")
    found = refused(text + "id: other\n")
    assert found == [("/id", "duplicate_key", "it stands twice in one object (line 19, column 1)")]
    assert refused(text) == [
        ("/nodes/sorry/typo", "unknown_field",
         "there is no field 'typo'; did you mean type? (line 15, column 5)"),
        ("/nodes/ship/needs/0", "unknown_node",
         "there is no node 'charged'; did you mean 'charge'? (line 12, column 13)"),
        ("/nodes", "disconnected",
         "the graph falls into 2 parts (with 'ship', 'sorry'); connect them or allow_disconnected"
         " (line 3, column 1)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "this is not YAML: did not find expected node content (line 2, column 1)"),
        ("a: b: c", "this is not YAML: mapping values are not allowed in this context (line 1,"),
        ("a:\n\tb: c", "(line 2, column 1)"),
        ("a: '\x07'", r"this is not YAML: the character '\x07' (line 1, column 5)"),
        (b"a: \xff", "this is not UTF-8: byte 3"),
        (5, "this is a int, not text"),
        ("a: b\n---\nc: d", "a second document begins here; a text holds one (line 2, column 1)"),
        ("? [a]\n: b", "a key is a map or list; keys are text (line 1, column 3)"),
        ("? *a\n: b", "the alias 'a' has no anchor before (line 1, column 3)"),
        ("a: &a [b]\n*a : c", "a key is an alias of what is not text (line 2, column 1)"),
        ("a: &a {b: *a}", "the alias 'a' stands in what it names (line 1, column 11)"),
        ("[" * 100_000, "it is nested deeper than 150 levels (line 1, column 151)"),
        ("- " * 100_000, "it is nested deeper than 150 levels"),
        ("<<: {a: b}", "merge keys are not read"),
        ("", "it is a NoneType, not an object"),
    ],
)
def test_what_cannot_be_read_says_where(text, said):
    assert said in refused(text)[0][2]


def test_an_alias_repeats_a_value():
    text = "id: w\nnodes: {a: &a {type: log, ui: {x: [1]}}, b: *a}\nallow_disconnected: true\n"
    workflow = Workflow.from_yaml(text)
    assert [node.ui for node in workflow.nodes] == [{"x": [1]}] * 2
    assert workflow.nodes[0].ui["x"] is not workflow.nodes[1].ui["x"]
    assert refused(text.replace("type: log", "typ: log"))[0][0] == "/nodes/a/typ"
    assert "(line 2, column 41)" in refused(text.replace("type: log", "typ: log"))[2][2]


def test_aliases_of_aliases_end():
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
    )
    assert "aliases repeat more than 1,000,000 characters" in refused(bomb)[0][2]
    long = f"a: &a {'x' * 200_000}\nb: [*a, *a, *a, *a, *a, *a]\n"
    assert "aliases repeat more than" in refused(long)[0][2]


def test_without_the_parser_in_c_it_is_the_same(monkeypatch):
    expected = Workflow.from_yaml(ORDER)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert Workflow.from_yaml(ORDER) == expected
    assert "(line 1, column 5)" in refused("a: [")[0][2]


pieces = st.sampled_from(
    ["id: w", "nodes:", "  a: {type: log}", "- ", "{", "}", "[", "]", "&a ", "*a", "!!str ", "? ",
     ": ", "\n", "  ", "#", "|", ">", "'", '"', "on", "%YAML 1.2", "---", "...", "<<: ", "\t", "~"]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map("".join) | st.text(max_size=20) | st.binary(max_size=20))
def test_any_text_is_read_or_refused(text):
    workflow, told = read_or_refused(lambda: Workflow.from_yaml(text))
    assert (workflow is None) == bool(told)
