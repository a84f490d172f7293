"""`redflow key create|list|revoke`: an API key is printed once, listed without itself, revoked."""

import pytest

from redflow.auth.api_keys import id_of


@pytest.fixture
def shop(console):
    """Return a command line in a namespace that is there."""
    console("namespace", "create")
    return console


def test_create_prints_the_key_once(shop):
    result = shop("key", "create", "--role", "operator", "--name", "deploys", "--expires", "90d")
    rows = dict(result.rows)
    assert (result.code, list(rows)) == (0, ["key", "id", "role", "name", "expires"])
    assert id_of(rows["key"]) == rows["id"]
    assert "only time it is shown" in result.err
    listed = shop("key", "list", "-o", "json")
    (one,) = listed.json["keys"]
    assert (one["id"], one["role"], one["name"]) == (rows["id"], "operator", "deploys")
    assert (one["used_at"], one["expires_at"]) == (None, rows["expires"])
    assert rows["key"] not in listed.out
    assert shop("key", "list").rows[0][:3] == [rows["id"], "operator", "deploys"]


def test_revoke_is_asked_about_and_done(shop):
    made = shop("key", "create", "--role", "viewer", "-o", "json").json
    refused = shop("key", "revoke", made["id"])
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert shop("key", "revoke", made["id"], "--yes").rows == [
        ["id", made["id"]],
        ["revoked", "yes"],
    ]
    again = shop("key", "revoke", made["id"], "--yes", "-o", "json")
    assert (again.code, again.error["code"]) == (3, "NotFound")
    assert shop("key", "list").out == ""


def test_revoke_says_so_as_json(shop):
    made = shop("key", "create", "--role", "viewer", "-o", "json").json
    result = shop("key", "revoke", made["id"], "-y", "-o", "json")
    assert result.json == {"id": made["id"], "revoked": True}


def test_a_whole_key_is_not_taken_for_an_id_nor_repeated(shop):
    made = shop("key", "create", "--role", "viewer", "-o", "json").json
    result = shop("key", "revoke", made["key"], "--yes")
    assert result.code == 2
    assert made["key"] not in result.out + result.err


@pytest.mark.parametrize(
    "line", [(), ("--role", "root"), ("--role", "viewer", "--expires", "soon")]
)
def test_what_is_refused(shop, line):
    assert shop("key", "create", *line).code == 2
    assert "no API key" in shop("key", "list").err


def test_help_keeps_the_kinds_of_key_apart(console):
    text = console("key", "--help").out
    assert "encryption key" in text
    assert "API key" in text
