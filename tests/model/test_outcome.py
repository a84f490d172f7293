"""Outcomes: errors as they are stored, and what an author may raise and return."""

import pickle
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.codec import decode, encode
from redflow.model.outcome import (
    AwaitingSignal,
    Branch,
    ErrorInfo,
    Fail,
    OutcomeReason,
    Released,
    Retry,
    Sleeping,
    StartingChild,
    type_name,
)


class Declined(Exception):
    """An error of a user's own."""


class Mute(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Lying(Exception):
    """An error whose text is no text."""

    def __str__(self) -> str:
        return cast(str, 5)


def test_an_exception_is_named_and_quoted():
    info = ErrorInfo.from_exception(Declined("card"), reason=OutcomeReason.TIMEOUT, attempts=3)
    assert info == ErrorInfo(f"{__name__}.Declined", "card", "timeout", 3)
    assert type_name(ValueError) == "ValueError"


def test_an_exception_without_text_says_its_class():
    assert ErrorInfo.from_exception(TimeoutError()).message == "TimeoutError"


@pytest.mark.parametrize("error", [Mute(), Lying()])
def test_an_exception_whose_text_cannot_be_had_is_described_all_the_same(error):
    assert "could not be read" in ErrorInfo.from_exception(error).message


@given(st.text(alphabet=st.characters(), max_size=50), st.integers(1, 400_000))
def test_a_message_is_cut_to_4_kib_of_text(piece, times):
    message = ErrorInfo.from_exception(Declined(piece * (times // (len(piece) + 1)))).message
    assert len(message.encode()) <= 4096
    assert message


def test_ten_megabytes_of_message_are_cut():
    assert len(ErrorInfo.from_exception(Declined("é" * 10_000_000)).message.encode()) == 4096


@given(
    st.text(max_size=20),
    st.text(alphabet=st.characters(), max_size=5000),
    st.sampled_from(OutcomeReason) | st.text(max_size=10),
    st.integers(0, 65_535),
)
def test_an_error_survives_storage(kind, message, reason, attempts):
    info = ErrorInfo(kind, message, reason, attempts)
    stored = ErrorInfo.from_value(decode(encode(info.to_value())))
    assert stored.to_value() == info.to_value()
    assert (stored.type, stored.reason, stored.attempts) == (kind, reason, attempts)


@pytest.mark.parametrize(
    "value", [None, 5, "error", [], {}, {"type": "a", "message": "b", "reason": "c"}], ids=repr
)
def test_a_damaged_stored_error_is_refused(value):
    with pytest.raises(InvalidInput, match="stored error"):
        ErrorInfo.from_value(value)


def test_retry_takes_any_duration():
    assert Retry(30).after == Retry(after="30s").after == 30.0
    assert str(Retry(1, "busy")) == "busy"
    for wrong in (-1, "soon", None, float("nan")):
        with pytest.raises(InvalidInput, match="after"):
            Retry(after=wrong)


def test_what_authors_raise_crosses_processes():
    again = pickle.loads(pickle.dumps(Retry("5m", "busy")))
    assert (again.after, str(again)) == (300.0, "busy")
    assert str(pickle.loads(pickle.dumps(Fail("why")))) == "why"


def test_a_branch_has_a_label_that_is_allowed():
    assert Branch("premium", {"a": 1}).output == {"a": 1}
    assert Branch("premium").output is None
    for wrong in ("success", "failure", "always", "", "a b", None, 5):
        with pytest.raises(InvalidInput, match="label"):
            Branch(wrong)


def test_a_sleep_has_one_end():
    when = datetime(2030, 1, 1, tzinfo=UTC)
    assert Sleeping("5m").delay == 300.0
    assert Sleeping(until=when) == Sleeping(None, when)
    assert Sleeping(0).delay == 0.0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"delay": 1, "until": datetime(2030, 1, 1, tzinfo=UTC)},
        {"delay": -1},
        {"delay": float("nan")},
        {"until": datetime(2030, 1, 1)},
        {"until": "2030-01-01"},
    ],
    ids=str,
)
def test_a_sleep_without_a_clear_end_is_refused(given):
    with pytest.raises(InvalidInput):
        Sleeping(**given)


def test_a_signal_is_awaited_by_name():
    assert AwaitingSignal("approve", "1h").timeout == 3600.0
    assert AwaitingSignal("approve").timeout is None
    for wrong in (("a b",), (None,), ("approve", 0), ("approve", "soon")):
        with pytest.raises(InvalidInput):
            AwaitingSignal(*wrong)


def test_a_child_is_started_by_workflow():
    assert StartingChild("order", {"a": 1}) == StartingChild("order", {"a": 1}, None)
    for wrong in ("", None, "a.b"):
        with pytest.raises(InvalidInput, match="workflow id"):
            StartingChild(wrong, None)


def test_a_release_counts_as_begun_unless_it_says_so():
    assert Released(OutcomeReason.SHUTDOWN).began
    assert not Released(OutcomeReason.SHUTDOWN, began=False).began
