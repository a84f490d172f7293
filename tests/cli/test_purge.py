"""`redflow execution purge`: removes what ended long enough ago, and never without a word."""

import pytest

from tests.cli.kit import ORDER


@pytest.fixture
def shop(console):
    """Return a command line with `paid` and `refused`, which have ended, and `live`."""
    console.register(ORDER)
    console("execute", "order", '{"amount": 42}', "--id", "paid")
    console("execute", "order", '{"amount": -1}', "--id", "refused")
    console.finish("paid", "refused")
    console("execute", "order", "--id", "live")
    return console


def purge(shop, *arguments):
    return shop("execution", "purge", *arguments)


def left(shop):
    return {row[0] for row in shop("execution", "list").rows}


def test_everything_that_has_ended(shop):
    result = purge(shop, "--before", "0", "--yes")
    assert (result.code, result.out) == (0, "purged\t2\n")
    assert result.err.startswith("they had ended before 2")
    assert left(shop) == {"live"}


def test_of_one_status_as_json(shop):
    result = purge(shop, "--before", "0", "--status", "failed", "--yes", "-o", "json").json
    assert (result["purged"], result["status"]) == (1, "FAILED")
    assert result["before"].endswith("Z")
    assert left(shop) == {"paid", "live"}


def test_what_ended_later_stays(shop):
    assert purge(shop, "--before", "24h", "--yes", "-o", "table").out == "purged  0\n"
    assert purge(shop, "--before", "2026-01-31T00:00:00Z", "--yes").out == "purged\t0\n"
    assert left(shop) == {"paid", "refused", "live"}


def test_without_a_terminal_it_needs_yes(shop):
    result = purge(shop, "--before", "24h", "--status", "FAILED")
    assert (result.code, result.out) == (2, "")
    assert f"removes every FAILED execution of namespace '{shop.namespace}'" in result.err
    assert result.err.endswith("hint: add --yes\n")
    assert left(shop) == {"paid", "refused", "live"}


def test_a_missing_namespace_is_exit_code_3(console):
    result = purge(console, "--before", "24h", "--yes", "-o", "json")
    assert (result.code, result.error["code"]) == (3, "NotFound")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "Usage"),
        (("--before", "24h", "--status", "RUNNING"), "Usage"),
        (("--before", "yesterday"), "InvalidInput"),
    ],
)
def test_what_is_not_understood_is_exit_code_2(shop, arguments, code):
    result = purge(shop, *arguments, "--yes", "-o", "json")
    assert (result.code, result.error["code"]) == (2, code)
