"""Keys on the command line: made, counted, rotated, and values where they are missing."""

import pytest

from redflow.crypto.keys import Key

OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)


@pytest.fixture
def shop(console, monkeypatch):
    """Return a command line with a key, where one order was started."""
    monkeypatch.setenv("REDFLOW_CRYPTO_KEYS", OLD.text())
    console.register()
    assert console("execute", "order", '{"card": "canary-4111"}', "--id", "one").code == 0
    return console


def test_generate_prints_a_key_that_is_read_again(console):
    result = console("key", "generate", "2026-11")
    assert (result.code, result.err) == (0, "")
    assert Key.parse(result.out).id == "2026-11"
    assert console("key", "generate", "2026-11").out != result.out
    bad = console("key", "generate", "a b")
    assert (bad.code, bad.out) == (2, "")
    assert "key id 'a b' is not" in bad.err


def test_status_counts_and_rotate_seals_anew(shop, monkeypatch):
    assert shop("key", "status").rows == [["k1", "1", "1", "yes", "yes"]]
    monkeypatch.setenv("REDFLOW_CRYPTO_KEYS", f"{NEW.text()},{OLD.text()}")
    rotated = shop("key", "rotate")
    assert rotated.rows == [["k2", "1", "0", "yes", "yes"], ["k1", "0", "1", "yes", ""]]
    assert (rotated.code, "1 values are sealed anew" in rotated.err) == (1, True)
    found = shop("key", "status", "-o", "json")
    assert found.json["keys"][1] == {
        "id": "k1",
        "values": 0,
        "tokens": 1,
        "here": True,
        "current": False,
    }
    shown = shop("execution", "show", "one", "--input", "-o", "json")
    assert shown.json["input"] == {"card": "canary-4111"}


def test_without_keys_a_value_is_shown_as_sealed(shop, monkeypatch):
    monkeypatch.delenv("REDFLOW_CRYPTO_KEYS")
    result = shop("execution", "show", "one", "--input", "-o", "json")
    assert result.json["input"] == {"$sealed": "k1"}
    assert shop("key", "status").rows == [["k1", "1", "1", "missing", ""]]
    refused = shop("key", "rotate")
    assert (refused.code, refused.out) == (2, "")
    assert "REDFLOW_CRYPTO_KEYS" in refused.err


def test_nothing_encrypted_is_said_so(console, monkeypatch):
    monkeypatch.delenv("REDFLOW_CRYPTO_KEYS", raising=False)
    console("namespace", "create")
    result = console("key", "status")
    assert (result.code, result.out) == (0, "")
    assert "nothing in namespace" in result.err
