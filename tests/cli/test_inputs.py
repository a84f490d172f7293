"""Bad input at the door of the command line: a typed error, its exit code, and nothing written."""

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redflow.cli.inputs import MOST_BYTES, read_input, read_labels
from redflow.driver import MemoryConnector
from redflow.errors import InvalidInput
from tests.cli.kit import Console, call
from tests.support.leaks import left_by

TEXTS = st.text(max_size=200).filter(lambda text: "\x00" not in text)
SHARED = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture(scope="module")
def shop() -> Console:
    """Return a command line on a namespace with one workflow, whose keys must not change."""
    console = Console(MemoryConnector(), "shop")
    console.register()
    return console


def keys_of(console):
    driver = console.connector.driver()
    try:
        return set(left_by(driver, console.namespace))
    finally:
        driver.close()


def refused(console, *arguments, stdin=None):
    """Run a command line that must be refused before anything is written; return its error."""
    before = keys_of(console)
    result = console(*arguments, "-o", "json", stdin=stdin)
    assert result.code == 2, result
    assert result.out == ""
    assert keys_of(console) == before
    return result.error


def starts_no_option(text):
    return not text.startswith("-")


# JSON


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "line 1, column 2"),
        ("{'a': 1}", "is not JSON"),
        ("order.json", "is not JSON"),
        ("NaN", "NaN is not a JSON number"),
        ("[1e999, -Infinity]", "-Infinity is not a JSON number"),
        ('{"a": 1, "b": 2, "a": 3}', "key 'a' stands twice"),
        ("[" * 100_000, "nested too deep"),
        ("9" * 5000, "is not JSON"),
        ("@/no/such/file.json", "cannot be read: No such file"),
        ("@/", "cannot be read: Is a directory"),
        ("@", "cannot be read"),
        ("1e999", "$"),
        ("99999999999999999999", "$"),
        ('"\\ud800"', "$"),
    ],
)
def test_an_input_that_is_no_json_value_is_refused(shop, text, said):
    error = refused(shop, "execute", "order", text)
    assert error["code"] == "InvalidInput"
    assert said in error["message"]


def test_a_file_name_without_its_sign_is_recognised(shop):
    assert refused(shop, "execute", "order", "a.json")["hint"] == "to read a file, write @a.json"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe{}", "standard input is not UTF-8: byte 0 is 0xff"),
        (b"", "standard input is not JSON"),
        (b" " * (MOST_BYTES + 1), "has more than"),
    ],
    ids=["not utf-8", "empty", "huge"],
)
def test_bad_standard_input_is_refused(shop, data, said):
    assert said in refused(shop, "execute", "order", "-", stdin=data)["message"]


def test_a_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InvalidInput, match="closed"):
        read_input("-")


def test_a_value_over_the_limit_is_refused(shop, tmp_path):
    (tmp_path / "big.json").write_text(json.dumps("x" * 2_000_000))
    error = refused(shop, "execute", "order", f"@{tmp_path / 'big.json'}")
    assert error["code"] == "PayloadTooLarge"


def test_files_and_byte_order_marks_are_read(tmp_path):
    (tmp_path / "order.json").write_bytes(b'\xef\xbb\xbf{"a": [1, null, "\xc3\xa9"]}')
    assert read_input(f"@{tmp_path / 'order.json'}") == {"a": [1, None, "é"]}
    assert read_input(None) is None


@SHARED
@given(text=TEXTS.filter(starts_no_option))
def test_any_text_is_json_or_refused(shop, text):
    try:
        json.loads(text)
    except ValueError:
        assert refused(shop, "execute", "order", text)["code"] == "InvalidInput"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_what_is_json_is_read_as_json_reads_it(value):
    assert read_input(json.dumps(value)) == value


# Labels


@pytest.mark.parametrize("text", ["", "team", "=pay", "=", "te\udc80am"])
def test_a_label_that_is_not_key_value_is_refused(shop, text):
    assert refused(shop, "execute", "order", "1", "--label", text)["code"] == "InvalidInput"


def test_a_label_given_twice_is_refused(shop):
    error = refused(shop, "execute", "order", "1", "--label", "a=1", "--label", "a=2")
    assert "label 'a' is given twice" in error["message"]
    assert read_labels(["a=1", "a=1", "b=c=d", "e="]) == {"a": "1", "b": "c=d", "e": ""}


@SHARED
@given(text=TEXTS)
def test_any_label_is_read_or_refused(shop, text):
    try:
        labels = read_labels([text])
    except InvalidInput:
        assert refused(shop, "execute", "order", "1", f"--label={text}")["code"] == "InvalidInput"
    else:
        assert "=".join(*labels.items()) == text


# Durations and times


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "1e309", "5 m", "5x", "\u0661s", "20y", "1m30s"]
)
def test_a_bad_duration_is_refused(shop, text):
    for option in ("timeout", "delay"):
        error = refused(shop, "execute", "order", "1", f"--{option}={text}")
        assert error["code"] == "InvalidInput"
        assert error["field"] == option


@SHARED
@given(text=TEXTS)
def test_any_duration_is_read_or_refused_as_typed_input(text):
    result = call("execute", "order", "1", "--wait", f"--timeout={text}", "-o", "json")
    assert result.code == 2  # where it is a duration, there is no server
    assert result.error["code"] in ("InvalidInput", "Misconfigured")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-01-31", "nan", "-2h", "∞"])
def test_a_bad_time_is_refused(shop, text):
    error = refused(shop, "execution", "list", f"--since={text}")
    assert error["field"] == "since"
    assert "2h" in error["hint"]


@pytest.mark.parametrize("text", ["", "2h", "tomorrow", "2026-01-31", "2026-01-31T12:00"])
def test_a_bad_time_to_come_is_refused(shop, text):
    error = refused(shop, "execute", "order", "1", f"--at={text}")
    assert error["field"] == "at"
    assert "--delay 2h" in error["hint"]


@pytest.mark.parametrize(
    "text", ["2h", "90", "2026-01-31T12:00:00Z", "2026-01-31T12:00+02:00", "0"]
)
def test_a_good_time_is_taken(shop, text):
    assert shop("execution", "list", "--since", text, "-o", "json").json == {
        "executions": [],
        "cursor": None,
    }


def test_times_long_ago_and_ahead_are_taken(shop):
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", ahead):
        assert shop("execution", "list", "--since", text).code == 0


# Names and numbers


@pytest.mark.parametrize("name", ["", "a b", "a{b", "é", "a" * 201, "..", "%00", "a\nb", "a:b"])
def test_bad_names_are_refused(shop, name):
    for arguments in (
        ("execute", name, "1"),
        ("execute", "order", "1", f"--id={name}"),
        ("execution", "show", name),
        ("watch", name),
        ("workflow", "show", name),
        ("execution", "list", f"--workflow={name}"),
    ):
        assert refused(shop, *arguments)["code"] == "InvalidInput"


@pytest.mark.parametrize("name", ["", "Shop", "api", "a_b", "a" * 64, "{a}", "a:b", "\u202e"])
def test_bad_namespaces_are_refused(shop, name):
    assert refused(shop, f"--namespace={name}", "execution", "list")["field"] == "namespace"


@pytest.mark.parametrize(
    "arguments",
    [
        ("execution", "list", "--limit", "0"),
        ("execution", "list", "--limit", "1000000000"),
        ("execution", "list", "--cursor", "x"),
        ("execute", "order", "1", "--version", "0"),
        ("execute", "order", "1", "--id", "a", "--idempotency-key", "b"),
        ("execute", "order", "1", "--idempotency-key", ""),
        ("execute", "order", "1", "--wait-timeout", "5s"),
        ("execute", "order", "1", "--timeout", "0"),
        ("execute", "order", "1", "--delay", "1s", "--at", "2026-01-31T12:00:00Z"),
        ("workflow", "show", "order", "--version", "-1"),
        ("namespace", "create", "--partitions", "0"),
        ("namespace", "create", "--partitions", "257"),
        ("-n", "shop", "namespace", "create", "other"),
    ],
)
def test_bad_options_are_refused(shop, arguments):
    assert refused(shop, *arguments)["code"] == "InvalidInput"


@pytest.mark.parametrize("option", ["--limit=x", "--limit=1.5", "--status=DONE", "--limit="])
def test_values_of_another_kind_are_usage_errors(shop, option):
    assert refused(shop, "execution", "list", option)["code"] == "Usage"


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis:/",
        "redis://",
        "redis://:6379",
        "redis://host:99999",
        "redis://host/db",
        "http://host",
        "redis+cluster://host/1",
        "redis://host/0?ssl=1",
        "redis://ho st",
        "redis://[::1",
        "unix://relative",
    ],
)
def test_a_bad_url_is_refused_before_anything_is_asked(url):
    result = call(f"--redis={url}", "execution", "list", "-o", "json")
    assert result.code == 2
    assert result.error["code"] == "Misconfigured"


def test_no_message_repeats_the_password():
    for url in ("redis://:secret@", "redis://u:secret@host:99999", "redis://u:secret@h/x y"):
        result = call("--redis", url, "execution", "list")
        assert result.code == 2
        assert "secret" not in result.err + result.out


@given(TEXTS)
@settings(max_examples=200)
def test_any_url_is_a_typed_error(url):
    # No server listens there: a text that is a URL after all must not be asked.
    if url.startswith(("redis", "unix")):
        url = "x" + url
    result = call(f"--redis={url}", "execution", "list", "-o", "json")
    assert result.code == 2
    assert result.error["code"] == "Misconfigured"
