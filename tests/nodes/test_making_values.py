"""The `transform` and `setvariable` nodes: what they make, and how their configs are checked."""

import pytest

from redflow.expressions import ExpressionError
from tests.nodes.kit import answer, answer_in, problems

# --- transform


@pytest.mark.parametrize(
    ("mapping", "output"),
    [
        ({"total": "${input.net + input.tax}"}, {"total": 119}),
        ({"a": [{"b": "${input.tax}"}, "net ${input.net}"]}, {"a": [{"b": 19}, "net 100"]}),
        ("${input}", {"net": 100, "tax": 19}),
        ("${vars.currency}", "EUR"),
        ({"as": "it is"}, {"as": "it is"}),
        ({"price": "$${input.net}"}, {"price": "${input.net}"}),
        (5, 5),
        (None, None),
        ([], []),
    ],
)
async def test_transform_answers_its_mapping_filled_in(mapping, output):
    scope = {"vars": {"currency": "EUR"}}
    assert await answer_in(scope, "transform", {"net": 100, "tax": 19}, mapping=mapping) == output


async def test_transform_that_cannot_be_filled_in_names_the_path():
    with pytest.raises(ExpressionError, match="'tax'"):
        await answer("transform", {}, mapping={"a": "${input.tax}"})


@pytest.mark.parametrize(
    ("config", "place", "says"),
    [
        ({}, "", "missing required field `mapping`"),
        ({"mapping": 1, "more": 2}, "/more", "unknown field `more`"),
    ],
)
def test_what_is_wrong_with_the_config_of_a_transform(config, place, says):
    ((at, message),) = problems("transform", **config)
    assert at == place
    assert says in message


def test_a_template_that_cannot_be_read_is_told_once_where_it_is():
    ((at, _),) = problems("transform", mapping={"a": ["${input.}"]})
    assert at == "/mapping/a/0"


# --- setvariable


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ({"a": 1, "b": 1}, {"a": 1, "b": 2, "c": "one 1"}),
        ({"a": 0}, {"a": 0, "b": 2, "c": "one 0"}),
    ],
)
async def test_setvariable_lays_its_variables_over_the_input(value, output):
    variables = {"b": 2, "c": "one ${input.a}"}
    before = dict(value)
    assert await answer("setvariable", value, variables=variables) == output
    assert value == before, "the input is somebody else's too"


@pytest.mark.parametrize("value", [None, 5, "text", ["a"]])
async def test_setvariable_without_a_map_answers_its_variables_alone(value):
    assert await answer("setvariable", value, variables={"x": "${input}"}) == {"x": value}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"variables": {}}, ["/variables"]),
        ({"variables": {"a b": 1}}, ["/variables/a b"]),
        (
            {"variables": {"1st": "${input.x}", "ok-1": 1, "a/b": 2}},
            ["/variables/1st", "/variables/a~1b"],
        ),
        ({"variables": ["a"]}, ["/variables"]),
        ({"variables": "${input}"}, ["/variables"]),
        ({}, [""]),
    ],
)
def test_what_is_wrong_with_the_config_of_a_setvariable(config, found):
    assert [at for at, _ in problems("setvariable", **config)] == found
