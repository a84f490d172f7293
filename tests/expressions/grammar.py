"""Texts for properties: expressions by the grammar, arithmetic that Python knows, mutations."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from redflow.expressions.functions import FUNCTIONS

SCOPE: dict[str, Any] = {
    "input": {
        "a": 1, "b": 2.5, "t": "text", "n": None, "yes": True, "items": [3, 1, 2],
        "maps": [{"k": "x", "v": 1}, {"k": "y", "v": 2}], "deep": {"er": {"est": [0]}},
        "time": datetime(2030, 1, 31, 9, tzinfo=UTC), "naive": datetime(2030, 1, 31),
        "day": date(2030, 1, 31), "span": timedelta(minutes=5), "price": Decimal("1.19"),
        "huge": Decimal("1e999999"), "raw": b"\x00\xff", "uuid": UUID(int=1), "a-b": 7,
    },
    "output": {"paid": True, "amount": 120},
    "steps": {
        "s": {"status": "COMPLETED", "output": {"x": 1}, "error": None},
        "s-2": {"status": "SKIPPED", "output": None, "error": None},
    },
    "vars": {"v": 9},
    "execution": {
        "id": "e", "namespace": "n", "input": {"a": 1}, "labels": {"l": "x"}, "metadata": {},
    },
    "workflow": {"id": "w", "version": 3},
}  # fmt: skip

PATHS = [
    *(f"input.{key}" for key in SCOPE["input"] if key != "a-b"), 'input["a-b"]', "input", "output",
    "input.items[0]", "input.items[1:]", "input.maps[0].k", "input.deep.er.est", "input.missing",
    "output.amount", "steps.s.output.x", 'steps["s-2"].output', "vars.v", "vars.gone",
    "execution.id", "execution.labels", "workflow.version", "x", "y", "amount", "steps", "s-2",
]  # fmt: skip
CONSTANTS = [
    "0", "1", "-1", "2.5", "1e300", "18446744073709551615", "None", "True", "False", '""', '"a"',
    "'k'", "[]", "{}", '"2030-01-31"', '"5m"', 'r"^a+$"', '"("', "10 ** 18", "1_000", "0x1f",
]  # fmt: skip
BINARY = "+ - * / // % ** | == != < <= > >= and or in is".split()
BINARY += ["not in", "is not"]


def _extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, max_size=3)
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(BINARY), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(BINARY), inner),
        st.builds("{}{}".format, st.sampled_from(["-", "+", "not "]), inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds(lambda items: f"[{', '.join(items)}]", some),
        st.builds(
            lambda items: "{" + ", ".join(f'"k{i}": {one}' for i, one in enumerate(items)) + "}",
            some,
        ),
        st.builds(
            lambda name, items: f"{name}({', '.join(items)})",
            st.sampled_from(list(FUNCTIONS)),
            some,
        ),
        st.builds("[{} for x in {}]".format, inner, inner),
        st.builds("[{} for x in {} for y in {} if {}]".format, inner, inner, inner, inner),
        st.builds("{{str({}): {} for x in {}}}".format, inner, inner, inner),
        st.builds("any({} for x in {})".format, inner, inner),
        st.builds("all({} for x in {} if {})".format, inner, inner, inner),
        st.builds("sorted({}, by={}, reverse={})".format, inner, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[{}:{}]".format, inner, inner, inner),
        st.builds("{}.{}".format, inner, st.sampled_from(["k", "a", "output", "__class__"])),
    )


expressions = st.recursive(st.sampled_from(PATHS + CONSTANTS), _extended, max_leaves=12)
"""Texts that follow the grammar; many are refused, or fail with these values."""

_NUMBERS = st.one_of(
    st.integers(-1000, 1000).map(lambda n: f"({n})"),
    st.integers(-64, 64).map(lambda n: f"({n / 8})"),
    st.sampled_from(
        [
            "input.i",
            "input.f",
            "input.xs[0]",
            'input.d["k"]',
            "len(input.xs)",
            "sum(input.xs)",
            "max(input.xs)",
            "abs(input.i)",
        ]
    ),
)


def _arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    comparisons = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("{} {} {}".format, inner, operators, inner),
        st.builds("(-{})".format, inner),
        st.builds("({} {} {} {} {})".format, inner, comparisons, inner, comparisons, inner),
        st.builds("({} and {} or not {})".format, inner, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("sum([{} + x for x in input.xs if x > {}])".format, inner, inner),
        st.builds("len(sorted([x * {} for x in input.xs])[{}:])".format, inner, st.integers(-3, 3)),
        st.builds("round({}, 2)".format, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("({} in [{}, input.i])".format, inner, inner),
    )


arithmetic = st.recursive(_NUMBERS, _arithmetic, max_leaves=10)
"""Texts over i, f, xs and d of the input that Python's own eval knows."""

pieces = st.lists(
    st.one_of(
        st.sampled_from(
            PATHS + CONSTANTS + BINARY + list(FUNCTIONS)
            + list("()[]{}.,:=!@#$%^&*~`;?\\'\"\n\t\0") + ["${", "}", "for", "in", "if", "lambda",
            "f'", "__", "\\x", "é", "\ud800", "\u0661", "\ufb01", "\U0001d51e", "\u202e", "=="]
        ),
        st.text(max_size=5),
    ),
    max_size=25,
).map("".join)  # fmt: skip
"""Texts of pieces in any order."""
