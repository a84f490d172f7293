"""Every error: its exit code, its text with the next step, its JSON, and never a traceback."""

import click
import pytest

from redflow import errors
from redflow.cli.base import Command
from redflow.cli.failures import Interrupted, failure_of
from redflow.cli.main import INTERRUPTED
from redflow.cli.tree import cli
from redflow.errors import ANSWERS, ExecutionCancelled, ExecutionFailed, InvalidWorkflow, Problem
from tests.cli.kit import call

ONE_PROBLEM = [Problem("/nodes/a/config", "bad_config", "required")]
SAMPLES = {
    errors.InvalidWorkflow: InvalidWorkflow(ONE_PROBLEM, hint="mend it"),
    errors.ExecutionFailed: ExecutionFailed("e-1", "charge", "error", "ValueError: no"),
    errors.ExecutionCancelled: ExecutionCancelled("e-1"),
    TimeoutError: TimeoutError("not ended"),
}
EXIT_CODES = {
    "RedflowError": 1,
    "InvalidInput": 2,
    "PayloadTooLarge": 2,
    "InputTooLarge": 2,
    "Misconfigured": 2,
    "KeyMissing": 2,
    "DecryptionFailed": 1,
    "PayloadMissing": 1,
    "PayloadDamaged": 1,
    "Unprotected": 78,
    "Unauthenticated": 9,
    "AccessDenied": 9,
    "NotFound": 3,
    "ExecutionFailed": 4,
    "ExecutionCancelled": 5,
    "Timeout": 6,
    "StoreError": 7,
    "Unavailable": 7,
    "OutOfMemory": 7,
    "VersionMismatch": 7,
    "Conflict": 8,
    "LeaseLost": 8,
    "InvalidWorkflow": 11,
    "Usage": 2,
    "Interrupted": 130,
    "Internal": 1,
}


def sample(kind):
    return SAMPLES.get(kind) or kind("it went wrong", hint="do this")


@pytest.fixture
def failing(monkeypatch):
    """Return what makes a command that raises."""

    def add(error):
        def fail():
            raise error

        monkeypatch.setitem(cli.commands, "fail", Command("fail", callback=fail))
        return call

    return add


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code_and_no_traceback(kind, failing):
    result = failing(sample(kind))("fail")
    assert result.code == ANSWERS[kind].exit
    assert result.code == EXIT_CODES[failure_of(sample(kind)).code]
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_every_error_is_valid_json(kind, failing):
    error = failing(sample(kind))("-o", "json", "fail").error
    assert error["code"] in EXIT_CODES
    assert error["message"]
    assert isinstance(error["hint"], str)


def test_the_hint_stands_on_a_line_of_its_own(failing):
    result = failing(errors.NotFound("no such thing", hint="look elsewhere"))("fail")
    assert result.err == "error: no such thing\nhint: look elsewhere\n"


def test_json_names_problems_fields_and_executions(failing):
    invalid = failing(InvalidWorkflow(ONE_PROBLEM))("fail", "-o", "json").error
    assert invalid["problems"] == [
        {"pointer": "/nodes/a/config", "code": "bad_config", "message": "required"}
    ]
    field = failing(errors.InvalidInput("no", field="limit"))("fail", "-o", "json").error
    assert field["field"] == "limit"
    failed = failing(ExecutionFailed("e-1", "charge", "timeout", "x"))("fail", "-o", "json").error
    assert (failed["execution_id"], failed["node"], failed["reason"]) == (
        "e-1",
        "charge",
        "timeout",
    )


def test_json_names_the_public_class(failing):
    class OfOneModule(errors.Unavailable):
        pass

    result = failing(OfOneModule("no answer"))("fail", "-o", "json")
    assert result.error["code"] == "Unavailable"
    assert result.code == 7


def test_an_internal_error_shows_its_traceback_only_when_asked(failing):
    quiet = failing(KeyError("x"))("fail")
    assert quiet.code == 1
    assert quiet.err.startswith("error: internal error: KeyError: 'x'\nhint: run it again with -v")
    assert "Traceback" not in quiet.err
    assert "Traceback" in failing(KeyError("x"))("-v", "fail").err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_130(error, failing):
    result = failing(error)("fail")
    assert result.code == INTERRUPTED
    assert result.err.strip() == "interrupted"


def test_ctrl_c_while_waiting_says_what_goes_on(failing):
    result = failing(Interrupted("watching stopped", hint="redflow watch x"))("fail")
    assert result.code == INTERRUPTED
    assert result.err == "watching stopped\nhint: redflow watch x\n"


def test_text_of_others_cannot_control_the_terminal(failing):
    result = failing(errors.Conflict("a\x1b[2Jb\u202ec\nd\ud800"))("fail")
    assert result.err == "error: a\\x1b[2Jb\\u202ec\nd\\ud800\n"


def test_a_closed_pipe_is_silent(failing):
    result = failing(BrokenPipeError())("fail")
    assert (result.code, result.out, result.err) == (141, "", "")


@pytest.mark.parametrize("code", [0, 3])
def test_exits_of_click_pass(code, failing):
    assert failing(click.exceptions.Exit(code))("fail").code == code


def test_other_errors_of_click_are_usage_errors(failing):
    result = failing(click.ClickException("no terminal"))("fail")
    assert (result.code, result.err) == (2, "error: no terminal\n")
