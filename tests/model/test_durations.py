"""Durations: every way to write one, and every way to write a wrong one."""

import math
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.durations import seconds

YEARS = 10 * 365 * 86400


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (3, 3.0),
        (1.5, 1.5),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("0s", 0.0),
        ("30s", 30.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("3650d", float(YEARS)),
        (timedelta(minutes=2, milliseconds=5), 120.005),
        (YEARS, float(YEARS)),
    ],
)
def test_a_duration_is_seconds(value, expected):
    result = seconds(value)
    assert result == expected
    assert type(result) is float


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        None,
        "",
        "5",
        "m",
        "5 m",
        "-5s",
        "+5s",
        "5S",
        "1e3s",
        "5m\n",
        "\u0665m",
        "1.s",
        ".5s",
        "5m30s",
        "inf",
        "nan",
        "9" * 400 + "s",
        "1" * 5000,
        b"5s",
        [],
        {},
        object(),
        Fraction(1, 2),
        -1,
        -0.001,
        math.nan,
        math.inf,
        -math.inf,
        YEARS + 1,
        10**5000,
        -(10**5000),
        "3651d",
        timedelta(-1),
        timedelta.max,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_wrong_duration_is_refused_by_name(value):
    with pytest.raises(InvalidInput) as caught:
        seconds(value, field="timeout")
    assert caught.value.field == "timeout"
    assert str(caught.value).startswith("timeout ")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [0, 0.0, -0.0, "0s", "0.0ms", timedelta(0)], ids=repr)
def test_zero_is_refused_where_a_positive_one_is_asked(value):
    assert seconds(value) == 0
    with pytest.raises(InvalidInput, match="more than zero"):
        seconds(value, positive=True)


@given(st.integers(0, YEARS * 1000))
def test_the_units_agree(milliseconds):
    text = seconds(f"{milliseconds}ms")
    assert text == pytest.approx(milliseconds / 1000)
    assert text == pytest.approx(seconds(timedelta(milliseconds=milliseconds)))


@given(st.floats() | st.integers() | st.text() | st.binary() | st.timedeltas() | st.none())
def test_anything_is_a_finite_duration_or_refused(value):
    try:
        result = seconds(value)
    except InvalidInput:
        return
    assert math.isfinite(result)
    assert 0 <= result <= YEARS
