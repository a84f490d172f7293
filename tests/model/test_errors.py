"""Errors: what they say, what they become at the edge, and that they cross processes."""

import inspect
import pickle

import pytest

from redflow import errors
from redflow.errors import (
    ANSWERS,
    Answer,
    ExecutionCancelled,
    ExecutionFailed,
    InvalidInput,
    InvalidWorkflow,
    NotFound,
    PayloadTooLarge,
    Problem,
    RedflowError,
    Unavailable,
    answer_of,
)

EXAMPLES = [
    NotFound("workflow 'order' is unknown", hint="register it"),
    InvalidInput("id is empty", field="id", hint="give one"),
    PayloadTooLarge("value has 5 bytes", field="$"),
    InvalidWorkflow([Problem("/nodes/a", "bad_id", "no")], hint="mend it"),
    ExecutionFailed("x", "charge", "timeout", "TimeoutError: 30 s"),
    ExecutionCancelled("x", "too late"),
    ExecutionCancelled("x"),
    Unavailable("no answer", ambiguous=True, hint="repeat it"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_cross_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_the_hint_stands_behind_the_message():
    assert str(NotFound("no such thing", hint="make it")) == "no such thing (make it)"
    assert str(NotFound("no such thing")) == "no such thing"


def test_many_problems_are_listed_up_to_a_limit():
    problems = [Problem(f"/nodes/n{i}", "x", "bad") for i in range(30)]
    lines = str(InvalidWorkflow(problems)).splitlines()
    assert lines[0] == "the workflow has 30 problems:"
    assert lines[1] == "  /nodes/n0: bad"
    assert lines[-1] == "  and 10 more"
    assert len(InvalidWorkflow(problems).problems) == 30
    assert str(InvalidWorkflow(problems[:1])).splitlines() == [
        "the workflow has 1 problem:",
        "  /nodes/n0: bad",
    ]


def test_a_failed_execution_says_where_and_why():
    text = str(ExecutionFailed("x", "charge", "timeout", "30 s"))
    assert text.startswith("execution 'x' failed at node 'charge': timeout: 30 s")
    assert "at node" not in str(ExecutionFailed("x", "", "error", "no"))


def test_every_error_has_an_answer():
    kinds = {
        kind for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RedflowError)
    }  # fmt: skip
    assert kinds == set(ANSWERS) - {TimeoutError}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EXAMPLES[0], Answer(404, 3)),
        (EXAMPLES[2], Answer(413, 2)),
        (TimeoutError(), Answer(504, 6)),
        (KeyError("x"), Answer(500, 1)),
        (type("Own", (NotFound,), {})("x"), Answer(404, 3)),
    ],
)
def test_the_nearest_class_answers(error, expected):
    assert answer_of(error) == expected
