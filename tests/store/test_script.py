"""The loader of scripts: heads, includes, and binding by name."""

import pytest

from redflow.store import script
from redflow.store.script import load_script, parse_head, read_source, script_names


def test_a_head_is_read_up_to_the_first_statement() -> None:
    head = parse_head(
        "-- Do a thing.\n-- Twice.\n-- @include one two\n"
        "-- @key a hash of things\n-- @keys b stream\n"
        "-- @arg c int what\n-- @rows d left right\n-- @reply str ok\n-- @error BAD why so\n"
        "-- @emits step.completed\nlocal x = 1\n-- @arg late int\n"
    )
    assert head.purpose.split() == ["Do", "a", "thing.", "Twice."]
    assert (head.includes, head.key, head.keys) == (["one", "two"], {"a": "hash"}, {"b": "stream"})
    assert (head.arg, head.rows) == ({"c": "int"}, {"d": ("left", "right")})
    assert (head.reply, head.errors, head.emits) == (
        "str ok",
        {"BAD": "why so"},
        ("step.completed",),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-- @arg a float", "unknown type float"),
        ("-- @argument a int", "unknown declaration @argument"),
    ],
)
def test_a_head_with_an_unknown_word_is_refused(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_head(line)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no Lua file nothing in .*lua"):
        read_source("nothing")


def test_files_that_include_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"a": "-- @include b\n", "b": "-- @include a\n"}
    monkeypatch.setattr(script, "read_source", sources.__getitem__)
    with pytest.raises(ValueError, match="a > b > a"):
        script._includes("a", [], ())


def test_an_include_stands_once_and_after_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"a": "-- @include b c\n", "b": "-- @include c\n", "c": "x\n"}
    monkeypatch.setattr(script, "read_source", sources.__getitem__)
    assert script._includes("a", [], ()) == ["c", "b"]


@pytest.mark.parametrize("name", script_names())
def test_every_script_is_assembled_without_comments(name: str) -> None:
    loaded = load_script(name)
    assert loaded.name == name
    assert "\n--" not in loaded.text
    assert load_script(name) is loaded


def test_names_go_to_their_places() -> None:
    keys, args = load_script("publish_workflow").bind(
        revision=4, status="ACTIVE", version=2, plan="h", workflow="key"
    )
    assert (keys, args) == (("key",), ("h", 2, "ACTIVE", 4))


def test_lists_and_rows_are_counted() -> None:
    loaded = load_script("put_worker")
    keys, args = loaded.bind(
        worker="w", namespace="n", queues="q", serving=["s1", "s2"], now=0, id="w1", about=b"x",
        alive=5, names=["a", "b", "c"],
    )  # fmt: skip
    assert keys == ("w", "n", "q", "s1", "s2")
    assert args[:2] == (2, 3)
    assert args[-3:] == ("a", "b", "c")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"plan": "k"}, "script put_plan needs 'fields'"),
        ({"plan": "k", "fields": [], "more": 1}, "script put_plan does not know more"),
        ({"plan": "k", "fields": ["a"]}, "fields come in tuples of 2 words"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        load_script("put_plan").bind(**given)
