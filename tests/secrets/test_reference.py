"""A definition names a secret, as a whole value and by a plain name."""

import msgspec
import pytest

from redflow import Node, Secret, Workflow
from redflow.errors import InvalidInput, InvalidWorkflow
from redflow.secrets.reference import refuse_literals, secret_fields, secrets_in

CANARY = "canary-4711"


class Config(msgspec.Struct):
    key: Secret
    spare: Secret | None = None
    header: str | Secret = ""
    renamed: Secret | None = msgspec.field(default=None, name="renamedKey")


def test_references_are_found_with_their_places():
    config = {
        "key": {"$secret": "a"},
        "headers": {"X-Key/1": {"$secret": "b"}, "plain": "text"},
        "list": [1, Secret("c"), ({"$secret": "d"},)],
        "none": None,
    }
    assert secrets_in(config) == [
        ("/key", Secret("a")),
        ("/headers/X-Key~11", Secret("b")),
        ("/list/1", Secret("c")),
        ("/list/2/0", Secret("d")),
    ]


def test_the_whole_config_may_be_one():
    assert secrets_in({"$secret": "a"}) == [("", Secret("a"))]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"$secret": "a", "or": "b"}, "other keys"),
        ({"$secret": ""}, "secret ''"),
        ({"$secret": "${input.name}"}, "cannot be an expression"),
        ({"$secret": "a\n"}, "A-Z a-z 0-9"),
        ({"$secret": 7}, "a int"),
        ({"$secret": {"$secret": "a"}}, "a dict"),
    ],
)
def test_what_looks_like_a_reference_and_is_none(reference, said):
    with pytest.raises(InvalidInput, match=r"^/auth/0: ") as caught:
        secrets_in({"auth": [reference]})
    assert said in str(caught.value)
    assert caught.value.field == "/auth/0"


@pytest.mark.parametrize("name", ["", "a b", 7, "${x}"])
def test_a_secret_has_a_name(name):
    with pytest.raises(InvalidInput):
        Secret(name)


def test_it_is_read_and_written_as_documents_have_it():
    assert msgspec.json.encode(Secret("a")) == b'{"$secret":"a"}'
    read = msgspec.convert({"key": {"$secret": "a"}, "header": {"$secret": "b"}}, Config)
    assert (read.key, read.header) == (Secret("a"), Secret("b"))


def test_a_bad_name_is_told_with_its_place():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.key\.\$secret"):
        msgspec.convert({"key": {"$secret": "a b"}}, Config)


def test_fields_that_take_nothing_but_a_secret():
    assert secret_fields(Config) == {"key", "spare", "renamedKey"}


@pytest.mark.parametrize("field", ["key", "spare", "renamedKey"])
@pytest.mark.parametrize("literal", [CANARY, CANARY.encode()])
def test_a_literal_in_a_secret_field_is_refused_and_not_shown(field, literal):
    with pytest.raises(InvalidInput, match="never the secret itself") as caught:
        refuse_literals(Config, {field: literal})
    assert caught.value.field == field
    assert "redflow secret set" in caught.value.hint
    assert CANARY not in str(caught.value)


def test_elsewhere_a_text_is_a_text():
    refuse_literals(Config, {"key": {"$secret": "a"}, "header": "text", "other": "text"})


def test_a_workflow_takes_it_anywhere_in_a_config():
    config = {"headers": {"Authorization": Secret("stripe")}, "list": [Secret("b")]}
    built = Workflow.builder("w").add_node("a", "http", **config).build()
    plain = {"headers": {"Authorization": {"$secret": "stripe"}}, "list": [{"$secret": "b"}]}
    assert built.nodes[0].config == plain
    assert built == Workflow.from_json(built.to_json())
    assert (
        built.content_hash == Workflow("w", nodes=(Node("a", "http", config=config),)).content_hash
    )


def test_a_struct_that_json_has_not_is_a_problem():
    class Odd(msgspec.Struct):
        field: object

    builder = Workflow.builder("w").add_node("a", "log", message=Odd(object()))
    with pytest.raises(InvalidWorkflow, match="it is a Odd, which JSON has not"):
        builder.build()
