"""What is typed: help, wrong commands and options, where global options may stand."""

import json
import subprocess
import sys

import click
import pytest

from redflow.cli.base import State
from redflow.cli.tree import cli
from redflow.version import VERSION
from tests.cli.kit import call
from tests.support.tree import ROOT

HEAVY = {
    "redis",
    "rich",
    "prometheus_client",
    "msgspec",
    "msgpack",
    "pebble",
    "asyncio",
    "fakeredis",
}
EVERYTHING_ELSE = {"rich", "prometheus_client", "pebble", "fakeredis", "uvloop"}


def leaves(group: click.Group = cli, *path: str) -> list[tuple[str, ...]]:
    """Return the path of every command."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        deeper = isinstance(command, click.Group)
        found += leaves(command, *path, name) if deeper else [(*path, name)]
    return found


def modules_after(*arguments: str) -> set[str]:
    """Return the top-level modules that a fresh process holds after a command line."""
    program = (
        "import json, sys\nfrom redflow.cli.tree import run\n"
        f"run({list(arguments)!r})\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_every_command_explains_itself(path):
    result = call(*path, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: redflow {' '.join(path)}")
    assert result.err == ""


def test_the_commands_are_those_of_this_version():
    assert set(leaves()) == {
        ("demo",),
        ("init",),
        ("dev",),
        ("worker", "start"),
        ("worker", "list"),
        ("worker", "show"),
        ("worker", "drain"),
        ("execute",),
        ("watch",),
        ("explain",),
        ("doctor",),
        ("fsck",),
        ("execution", "list"),
        ("execution", "show"),
        ("execution", "cancel"),
        ("execution", "fail"),
        ("execution", "pause"),
        ("execution", "resume"),
        ("execution", "skip"),
        ("execution", "rerun"),
        ("execution", "purge"),
        ("signal", "send"),
        ("workflow", "list"),
        ("workflow", "show"),
        ("workflow", "register"),
        ("workflow", "validate"),
        ("workflow", "convert"),
        ("workflow", "activate"),
        ("workflow", "deactivate"),
        ("workflow", "reactivate"),
        ("workflow", "pause"),
        ("workflow", "resume"),
        ("queue", "list"),
        ("queue", "pause"),
        ("queue", "resume"),
        ("events",),
        ("serve",),
        *(("schedule", verb) for verb in "add list next pause resume rm run show".split()),
        *(("webhook", verb) for verb in "add list rm rotate show".split()),
        ("key", "create"),
        ("key", "list"),
        ("key", "revoke"),
        ("key", "generate"),
        ("key", "status"),
        ("key", "rotate"),
        ("payload", "sweep"),
        ("secret", "set"),
        ("secret", "list"),
        ("secret", "rm"),
        ("namespace", "create"),
        ("namespace", "pause"),
        ("namespace", "resume"),
        ("node", "list"),
        ("node", "show"),
        ("version",),
    }


@pytest.mark.parametrize(
    "path", [(), ("execution",), ("worker", "start"), ("demo",), ("init",), ("dev",)]
)
def test_help_imports_nothing_heavy(path):
    assert modules_after(*path, "--help") & HEAVY == set()


@pytest.mark.parametrize(
    "mistake",
    [
        ("exceute",),
        ("execute",),
        ("execution", "list"),
        ("execute", "order", "{"),
        ("execution", "cancel", "e-1"),
        ("execution", "purge", "--before", "24h"),
        ("signal", "send", "e-1", "approve", "{"),
        ("explain", "e-1"),
    ],
)
def test_mistakes_import_nothing_heavy(mistake):
    assert modules_after(*mistake) & (HEAVY - {"asyncio"}) == set()


def test_a_read_imports_no_more_than_the_client():
    assert modules_after("--redis", "unix:///nowhere", "version") & EVERYTHING_ELSE == set()


def test_help_begins_with_examples():
    text = call("--help").out
    assert text.index("redflow demo") < text.index("Options:")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("exceute",), "redflow execute"),
        (("executions", "list"), "redflow execution"),
        (("execution", "lst"), "redflow execution list"),
        (("register",), "redflow workflow register"),
        (("list",), "redflow worker list or redflow execution list or redflow workflow list"),
        (("cancel",), "redflow execution cancel"),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(typed, meant):
    result = call(*typed)
    assert result.code == 2
    assert result.out == ""
    assert "there is no command" in result.err
    assert f"did you mean {meant}" in result.err


def test_a_command_like_no_other_is_answered_with_help():
    result = call("xyzzy")
    assert result.code == 2
    assert "hint: redflow --help lists the commands" in result.err


def test_an_unknown_command_is_shown_in_ascii():
    assert "\x1b" not in call("\x1b[31m").err
    assert "\\u202e" in call("\u202eevil").err


def test_an_unknown_option_is_a_usage_error_with_the_next_step():
    result = call("execution", "list", "--statsu", "FAILED")
    assert result.code == 2
    assert "--status" in result.err
    assert "hint: see redflow execution list --help" in result.err


def test_a_missing_argument_is_a_usage_error():
    result = call("watch")
    assert result.code == 2
    assert "Missing argument 'ID'" in result.err


@pytest.mark.parametrize("path", [(), ("execution",), ("worker",)])
def test_a_group_alone_shows_its_help(path):
    result = call(*path)
    assert result.code == 2
    assert result.out == ""
    assert f"Usage: {' '.join(('redflow', *path))}" in result.err


@pytest.mark.parametrize(
    "line",
    [
        ("-o", "json", "exceute"),
        ("exceute", "-o", "json"),
        ("--format=json", "execution", "list", "--statsu", "x"),
        ("execution", "list", "-ojson", "--statsu", "x"),
        ("--nonsense", "-o", "json"),
        ("-o", "json"),
    ],
)
def test_a_usage_error_is_json_when_asked_for(line):
    result = call(*line)
    assert result.code == 2
    assert result.out == ""
    assert set(result.error) == {"code", "message", "hint"}
    assert result.error["code"] == "Usage"


@pytest.mark.parametrize(
    "line",
    [
        ("-n", "shop", "--redis", "nonsense", "-o", "json", "execution", "list"),
        ("execution", "list", "-n", "shop", "--redis", "nonsense", "-o", "json"),
        ("-n", "lost", "execution", "list", "--namespace", "shop", "--redis=x:y", "-o", "json"),
    ],
)
def test_global_options_stand_before_or_behind_the_command(line):
    state = State()
    result = call(*line, state=state)
    assert result.code == 2
    assert result.error["code"] == "Misconfigured"
    assert (state.namespace, state.format) == ("shop", "json")


def test_the_environment_names_server_and_namespace():
    state = State()
    named = {"REDFLOW_URL": "redis://", "REDFLOW_NAMESPACE": "shop"}
    result = call("execution", "list", state=state, env=named)
    assert (state.url, state.namespace) == ("redis://", "shop")
    assert "host of the Redis URL is missing" in result.err


def test_an_option_wins_over_the_environment():
    state = State()
    call("-n", "here", "version", "--redis", "a", state=state, env={"REDFLOW_NAMESPACE": "shop"})
    assert (state.url, state.namespace) == ("a", "here")


def test_without_a_url_the_error_says_what_to_do():
    result = call("execution", "list")
    assert result.code == 2
    assert result.err == (
        "error: no Redis URL: neither --redis nor REDFLOW_URL is set\n"
        "hint: add --redis redis://localhost:6379/0 or set REDFLOW_URL;"
        " without any Redis, redflow demo brings its own\n"
    )


@pytest.mark.parametrize("line", [("version",), ("--version",)])
def test_version(line):
    result = call(*line)
    assert result.code == 0
    assert result.out.startswith(f"redflow {VERSION} (Python 3.")


def test_version_as_json():
    assert call("version", "-o", "json").json["redflow"] == VERSION


def test_worker_with_an_option_means_worker_start():
    result = call("worker", "-A", "no_such_module:engine")
    assert result.code == 2
    assert "there is no module 'no_such_module'" in result.err
    assert call("worker", "--help").out.startswith("Usage: redflow worker [OPTIONS] COMMAND")
