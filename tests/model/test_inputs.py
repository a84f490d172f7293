"""What an undo step is given: what its step was given and gave, and whether that is certain."""

import pytest

from redflow.model.compiling import compile_plan
from redflow.model.inputs import Recorded, fields_of, input_from_records, input_from_values
from redflow.model.plan_fields import inline_needs
from redflow.model.workflow import Edge, Node, Workflow

PLAN = compile_plan(
    Workflow(
        "order",
        nodes=(
            Node("a", "log", compensation="undo"),
            Node("b", "log"),
            Node("c", "log", compensation="undo"),
            Node("d", "log", compensation="undo"),
            Node("undo", "log"),
        ),
        edges=(Edge("a", "c"), Edge("b", "c"), Edge("c", "d", on="failure")),
        allow_disconnected=True,
    ),
    1,
)
A, B, C, D = (PLAN.numbers[node] for node in "abcd")
UNDO_A, UNDO_C, UNDO_D = (PLAN.numbers[f"{node}~undo"] for node in "acd")
ERROR = {"message": "no"}


def test_the_records_of_the_step_and_of_what_its_input_is_made_of_are_read():
    assert fields_of(PLAN, UNDO_A) == ["input", f"s{A}"]
    assert set(fields_of(PLAN, UNDO_C)) == {f"s{A}", f"s{B}", f"s{C}"}
    assert set(fields_of(PLAN, UNDO_D)) == {f"s{A}", f"s{B}", f"s{C}", f"s{D}"}
    assert inline_needs(PLAN.step(UNDO_A)) is None


def test_a_token_of_an_undo_step_carries_no_values():
    with pytest.raises(ValueError, match="'a~undo' carries 1 values"):
        input_from_values(PLAN, UNDO_A, [1], None)


@pytest.mark.parametrize(
    ("record", "output", "error", "certain"),
    [
        (Recorded("C", {"paid": 1}), {"paid": 1}, None, True),
        (Recorded("C", "given", attempt=0), "given", None, False),
        (Recorded("F", ERROR), None, ERROR, False),
        (Recorded("X"), None, None, False),
    ],
    ids=["completed", "skipped by an operator", "failed", "cut short"],
)
def test_the_input_of_an_undo_step(record, output, error, certain):
    records = {f"s{A}": Recorded("C", 1), f"s{B}": Recorded("C", 2), f"s{C}": record}
    assert input_from_records(PLAN, UNDO_C, records) == {
        "input": {"a": 1, "b": 2},
        "output": output,
        "error": error,
        "certain": certain,
    }


def test_what_a_handler_was_given_is_made_again():
    records = {
        f"s{A}": Recorded("C", 1),
        f"s{B}": Recorded("S"),
        f"s{C}": Recorded("F", ERROR),
        f"s{D}": Recorded("C", "handled"),
    }
    given = input_from_records(PLAN, UNDO_D, records)["input"]
    assert given == {"input": {"a": 1}, "error": ERROR}
    assert given == input_from_records(PLAN, D, records)


def test_a_root_was_given_the_input_of_the_execution():
    records = {"input": Recorded("C", {"n": 1}), f"s{A}": Recorded("C", 2)}
    assert input_from_records(PLAN, UNDO_A, records)["input"] == {"n": 1}
