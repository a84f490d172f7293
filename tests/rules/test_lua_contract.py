"""A script's head is its contract: with its body, its Python function and every other file."""

import ast
import re

import pytest

from redflow.model.event import EVENT_TYPES
from redflow.store import keys, script
from tests.support.bytecode import globals_of
from tests.support.declared import plain_text
from tests.support.scripts import calls_in, closure, files, keys_in, words_in
from tests.support.tree import PACKAGE

SCRIPTS = script.script_names()
FILES = sorted(files())
INCLUDES = [name for name in FILES if name not in SCRIPTS]
KEY_TYPES = {key.type for key in keys.TABLE}
GLOBALS_READ = {
    "KEYS", "ARGV", "redis", "string", "table", "math", "ipairs", "next", "pairs", "select",
    "tonumber", "tostring", "type", "unpack",
}  # fmt: skip
READS = set(
    """EXISTS HGET HGETALL HKEYS HLEN HMGET HSCAN INFO SCAN SMEMBERS TIME TYPE XINFO XLEN XPENDING
    XRANGE XREAD
    XREADGROUP XREVRANGE ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZSCAN
    ZSCORE""".split()
)
OPTIONS = set(
    "BLOCK BYLEX BYSCORE COUNT GROUP GROUPS IDLE LIMIT MATCH REV STREAMS WITHSCORES".split()
)
CODES_OF_REDIS = {"NOGROUP"}  # a command inside the script answers them


# --- the head of one file


@pytest.mark.parametrize("name", FILES)
def test_the_first_line_says_what_the_file_is_for(name):
    first = files()[name].source.splitlines()[0]
    assert re.match(r"-- [A-Z][^@]{20,}", first), first


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_it_answers(name):
    assert files()[name].head.reply


@pytest.mark.parametrize("name", FILES)
def test_keys_have_a_type_that_the_data_model_knows(name):
    head = files()[name].head
    assert {*head.key.values(), *head.keys.values()} <= KEY_TYPES


def test_a_name_means_the_same_type_in_every_file():
    types: dict[tuple[str, str], set[str]] = {}
    for file in files().values():
        for kind, declared in (("key", file.head.key), ("keys", file.head.keys)):
            for name, type_ in declared.items():
                types.setdefault((kind, name), set()).add(type_)
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


# --- the head and the body


@pytest.mark.parametrize("name", FILES)
def test_bodies_use_names_and_never_places(name):
    assert words_in(files()[name].body) & {"KEYS", "ARGV"} == set()


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_declares_is_used(name):
    users = [files()[other].body for other in FILES if name in closure(other)]
    used = set().union(*(words_in(body) for body in users))
    assert files()[name].declared() - used == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_assembled_script_compiles_and_writes_no_global(name):
    used = globals_of(plain_text(name))
    assert [one for one in used if one.written] == []
    assert {one.name for one in used} - GLOBALS_READ == set()


@pytest.mark.parametrize("name", FILES)
def test_a_key_is_a_declared_name_and_never_built(name):
    """Where it comes from is checked while tests run: see tests/support/declared.py."""
    for arguments in calls_in(files()[name].body):
        for key in keys_in(arguments):
            assert re.fullmatch(r"[a-z_][\w.]*(\[[\w.]+(\([\w.]+\))?\])?", key), arguments


@pytest.mark.parametrize("name", SCRIPTS)
def test_error_codes_are_declared(name):
    text = "\n".join(files()[one].body for one in closure(name))
    returned = set(re.findall(r"'([A-Z]{3,}) (?=[^']*' *\.\.|[^']+')", text))
    declared = set(files()[name].head.errors)
    assert returned <= declared <= returned | CODES_OF_REDIS


# --- events


def test_every_event_emitted_is_known_and_declared_by_a_script():
    emitted = {kind for file in files().values() for kind in emitted_by(file.body)}
    assert emitted <= set(EVENT_TYPES)
    declared = {event for name in SCRIPTS for event in files()[name].head.emits}
    assert {EVENT_TYPES[kind] for kind in emitted} <= declared <= set(EVENT_TYPES.values())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_declares_the_events_of_its_own_body(name):
    own = {EVENT_TYPES[kind] for kind in emitted_by(files()[name].body)}
    assert own <= set(files()[name].head.emits)


def emitted_by(body: str) -> set[int]:
    return {int(kind) for kind in re.findall(r"\bemit\(\w+, (\d+),", body)}


# --- includes


def test_every_include_exists_and_every_library_is_included():
    included = {lib for file in files().values() for lib in file.head.includes}
    assert included == set(INCLUDES)


@pytest.mark.parametrize("name", INCLUDES)
def test_a_library_offers_something_that_others_use(name):
    users = (other for other in FILES if other != name and name in closure(other))
    used = set().union(*(words_in(files()[other].body) for other in users))
    assert files()[name].offers() & used


@pytest.mark.parametrize("name", INCLUDES)
def test_a_library_has_no_reply_of_its_own(name):
    assert not files()[name].head.reply
    assert re.search(r"^return\b", files()[name].body, re.MULTILINE) is None


def test_no_function_is_unused():
    text = "\n".join(file.body for file in files().values())
    names = re.findall(r"\blocal function (\w+)", text)
    assert [name for name in names if len(re.findall(rf"\b{name}\b", text)) < 2] == []


# --- the Python side


def test_one_script_one_function_one_name():
    asked = functions_asking_scripts()
    assert sorted(asked) == SCRIPTS
    assert {name: found for name, found in asked.items() if found != [name]} == {}


def functions_asking_scripts() -> dict[str, list[str]]:
    """Return for each script that redflow/store loads the functions that load it."""
    found: dict[str, list[str]] = {}
    for path in sorted((PACKAGE / "store").glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for name in scripts_named_in(function):
                    found.setdefault(name, []).append(function.name)
    return found


def scripts_named_in(function: ast.FunctionDef) -> list[str]:
    return [
        str(call.args[0].value)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "op"
        and isinstance(call.args[0], ast.Constant)
    ]


def test_every_error_code_is_handled_by_name():
    declared = {code for name in SCRIPTS for code in files()[name].head.errors}
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert {code for code in declared if f'"{code}"' not in text} == set()


def test_plain_commands_only_read():
    """Whatever writes is a script; XREADGROUP is a read of what the worker already holds."""
    words = {
        constant.value
        for path in sorted((PACKAGE / "store").glob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and calls(function, "command")
        for constant in ast.walk(function)
        if isinstance(constant, ast.Constant)
        if re.fullmatch(r"[A-Z]{2,}", str(constant.value))
    }
    assert words - READS - OPTIONS == set()


def calls(function: ast.FunctionDef, name: str) -> bool:
    called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(one, ast.Name) and one.id == name for one in called)
