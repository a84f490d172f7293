"""`redflow secret`: values go in by standard input or a file, and never come out."""

import asyncio
import os
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from redflow.cli import secrets as module
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.defaults import SECRET_BYTES
from redflow.worker.secrets import RedisSecrets

CANARY = "canary-4711"


@pytest.fixture
def shop(console, monkeypatch):
    """Return a command line with a key, in a namespace that is there."""
    monkeypatch.setenv("REDFLOW_CRYPTO_KEYS", Key.new("k1").text())
    console("namespace", "create")
    return console


def value_of(shop, name):
    """Return the value as a worker opens it."""

    async def read():
        driver = shop.connector.async_driver()
        crypto = Crypto.from_env(os.environ)
        try:
            return await RedisSecrets(driver, crypto).get(shop.namespace, name)
        finally:
            await driver.close()

    return asyncio.run(read()).value


def test_set_from_standard_input(shop):
    result = shop("secret", "set", "stripe", "--host", "api.example.com", stdin=f"{CANARY}\n")
    assert result.rows == [["secret", "stripe"], ["kept", "created"], ["hosts", "api.example.com"]]
    assert (result.code, result.err) == (0, "")
    assert value_of(shop, "stripe") == CANARY


def test_set_from_a_file(shop, tmp_path):
    (tmp_path / "key").write_text(f"{CANARY}\nsecond\r\n")
    result = shop(
        *("secret", "set", "stripe", "--file", str(tmp_path / "key")),
        *("--host", "a.example", "--host", "B.example", "-o", "json"),
    )
    assert result.json == {
        "secret": "stripe",
        "kept": "created",
        "hosts": ["a.example", "B.example"],
    }
    assert value_of(shop, "stripe") == f"{CANARY}\nsecond"


def test_set_again_replaces(shop):
    shop("secret", "set", "stripe", "--host", "a.example", stdin="old")
    result = shop("secret", "set", "stripe", "--host", "a.example", "-o", "json", stdin="new")
    assert result.json["kept"] == "replaced"
    assert value_of(shop, "stripe") == "new"


def test_a_secret_without_hosts_is_warned_about(shop):
    result = shop("secret", "set", "stripe", stdin=CANARY)
    assert result.code == 0
    assert "add --host" in result.err


@contextmanager
def typed(text):
    with CliRunner().isolation(text) as (out, err, _):
        sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
        yield out, err


def test_on_a_terminal_it_asks_and_shows_nothing():
    with typed(f"{CANARY}\n") as (out, err):
        value = module._read(None)
        shown = out.getvalue() + err.getvalue()
    assert value == CANARY
    assert CANARY.encode() not in shown


@pytest.mark.parametrize(
    "line",
    [
        ("stripe", CANARY),
        ("stripe", CANARY, "--host", "a.example"),
        (f"stripe={CANARY}",),
    ],
)
def test_a_value_on_the_line_is_refused_and_not_repeated(shop, line):
    result = shop("secret", "set", *line, "-o", "json", stdin="")
    assert result.code == 2
    assert "never given on the command line" in result.error["message"]
    assert CANARY not in result.err
    assert shop("secret", "list", "-o", "json").json == {"secrets": []}


@pytest.mark.parametrize(
    ("line", "stdin", "field"),
    [
        (("a.b",), CANARY, "secret"),
        (("stripe",), "", "value"),
        (("stripe",), "\n", "value"),
        (("stripe",), b"\xff\xfe", "input"),
        (("stripe",), "x" * (SECRET_BYTES + 1), "value"),
        (("stripe", "--host", "http://x"), CANARY, "hosts"),
        (("stripe", "--file", "/no/such/file"), "", "input"),
    ],
)
def test_what_cannot_be_kept(shop, line, stdin, field):
    result = shop("secret", "set", *line, "-o", "json", stdin=stdin)
    assert (result.code, result.out) == (2, "")
    assert result.error["field"] == field
    assert CANARY not in result.err


def test_without_a_key_nothing_is_kept(shop, monkeypatch):
    monkeypatch.delenv("REDFLOW_CRYPTO_KEYS")
    result = shop("secret", "set", "stripe", "-o", "json", stdin=CANARY)
    assert (result.code, result.error["code"]) == (2, "Misconfigured")
    assert "REDFLOW_CRYPTO_KEYS" in result.error["hint"]


def test_keys_that_are_none_are_refused_and_not_shown(shop, monkeypatch):
    monkeypatch.setenv("REDFLOW_CRYPTO_KEYS", f"k1:{CANARY}")
    result = shop("secret", "list", "-o", "json")
    assert (result.code, result.error["field"]) == (2, "keys")
    assert CANARY not in result.err


def test_list(shop, monkeypatch):
    shop("secret", "set", "stripe", "--host", "a.example", "--host", "b.example", stdin=CANARY)
    shop("secret", "set", "apple", stdin=CANARY)
    monkeypatch.delenv("REDFLOW_CRYPTO_KEYS")  # needs none
    rows = shop("secret", "list").rows
    assert [row[:2] for row in rows] == [["apple", ""], ["stripe", "a.example, b.example"]]
    found = shop("secret", "list", "-o", "json").json["secrets"]
    assert [set(one) for one in found] == [{"name", "hosts", "created_at", "updated_at"}] * 2
    table = shop("secret", "list", "-o", "table").out
    assert table.splitlines()[0].split() == ["SECRET", "HOSTS", "CREATED", "UPDATED"]
    assert CANARY not in table


def test_no_secret_is_said(shop):
    result = shop("secret", "list")
    assert (result.code, result.out) == (0, "")
    assert "redflow secret set NAME" in result.err


def test_remove(shop):
    shop("secret", "set", "stripe", stdin=CANARY)
    assert shop("secret", "rm", "stripe", "--yes").rows == [
        ["secret", "stripe"],
        ["removed", "yes"],
    ]
    result = shop("secret", "rm", "stripe", "--yes", "-o", "json")
    assert (result.code, result.error["code"]) == (3, "NotFound")


def test_remove_says_so_as_json(shop):
    shop("secret", "set", "stripe", stdin=CANARY)
    result = shop("secret", "rm", "stripe", "-y", "-o", "json")
    assert result.json == {"secret": "stripe", "removed": True}


def test_remove_is_not_done_without_being_sure(shop):
    shop("secret", "set", "stripe", stdin=CANARY)
    result = shop("secret", "rm", "stripe")
    assert result.code == 2
    assert "--yes" in result.err
    assert len(shop("secret", "list").rows) == 1
