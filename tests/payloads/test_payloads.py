"""Which store the environment names, what a setting must be, and how errors of stores are told."""

from pathlib import Path

import pytest

from redflow.errors import InvalidInput, Misconfigured, PayloadMissing, Unavailable
from redflow.payloads.environment import store_of
from redflow.payloads.files import FileStore
from redflow.payloads.payloads import Payloads, payloads_of
from redflow.payloads.s3 import S3Store
from redflow.payloads.store import Kept, PayloadStore, new_key
from tests.payloads.kit import Memory, nobody_in_s3

URL = "REDFLOW_PAYLOADS"


def stored_in(given: object, environ: dict[str, str]) -> PayloadStore:
    found = payloads_of(given, environ)
    assert found is not None
    return found.store


def test_a_directory_by_its_url():
    found = stored_in(None, {URL: "file:///var/lib/a%20b"})
    assert isinstance(found, FileStore)
    assert found.directory == Path("/var/lib/a b")


def test_a_bucket_by_its_url(monkeypatch):
    nobody_in_s3(monkeypatch)
    found = stored_in(None, {URL: "s3://data/flows/a"})
    assert isinstance(found, S3Store)
    assert (found.bucket, found.prefix) == ("data", "flows/a/")


@pytest.mark.parametrize(
    "url",
    ["data", "file://host/a", "file:relative", "file:///", "s3://", "gs://data", "s3://data?x=1"],
)
def test_other_urls_are_refused(url):
    with pytest.raises(Misconfigured, match="REDFLOW_PAYLOADS names no payload store"):
        store_of(url, URL)


def test_a_credential_in_a_url_is_not_shown():
    with pytest.raises(Misconfigured) as found:
        store_of("s3://id:hidden@data/a", URL)
    assert "hidden" not in str(found.value)


@pytest.mark.parametrize("environ", [{}, {URL: ""}])
def test_without_a_url_there_is_none(environ):
    assert payloads_of(None, environ) is None


def test_what_is_given_goes_before_the_environment():
    store = Memory()
    assert stored_in(store, {URL: "file:///x"}) is store
    given = Payloads(store, threshold=10)
    assert payloads_of(given, {}) is given


def test_what_is_no_store_is_refused():
    with pytest.raises(InvalidInput, match="payloads is a str, which is no payload store"):
        payloads_of("file:///x", {})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"threshold": 0}, "threshold 0 is not 1 to 1,048,576"),
        ({"threshold": 1_048_577}, "threshold 1,048,577"),
        ({"limit": 1_048_575}, "limit is less|limit 1,048,575 is less"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, says):
    with pytest.raises(InvalidInput, match=says):
        Payloads(Memory(), **setting)


def test_whatever_a_store_raises_is_an_outage_with_its_cause():
    store, key = Memory(), new_key("a", "e")
    store.refuse = -1
    with pytest.raises(Unavailable, match="ConnectionRefusedError: the store is away") as found:
        Payloads(store).put(key, b"x")
    assert key in str(found.value)
    assert "Memory()" in found.value.hint


def test_a_missing_payload_is_none():
    with pytest.raises(PayloadMissing):
        Payloads(Memory()).get(new_key("a", "e"))


def test_a_store_may_list_plain_pairs():
    class Plain(Memory):
        def kept(self, namespace):
            yield "a/e/" + "1" * 32, 5.0

    assert list(Payloads(Plain()).kept("a")) == [Kept("a/e/" + "1" * 32, 5.0)]
