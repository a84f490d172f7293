"""A store in S3 asks what S3 takes: botocore checks the calls, nothing leaves the process."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from redflow.errors import InvalidInput, Misconfigured, PayloadMissing
from redflow.payloads.s3 import PAGE, S3Store
from redflow.payloads.store import new_key
from tests.payloads.kit import nobody_in_s3

KEY = f"shop/order-1/{'ab' * 16}"
AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _credentials_of_nobody(monkeypatch):
    nobody_in_s3(monkeypatch)


@pytest.fixture(scope="module")
def client():
    return boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        endpoint_url="http://127.0.0.1:1",
    )


@pytest.fixture
def s3(client) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_a_payload_is_an_object_under_the_prefix(s3):
    wanted = {"Bucket": "data", "Key": f"flows/{KEY}", "Body": b"x"}
    s3.add_response("put_object", {}, wanted)
    S3Store("data", "/flows/", s3.client).put(KEY, b"x")


def test_an_object_is_read_whole(s3):
    body = StreamingBody(io.BytesIO(b"data"), 4)
    s3.add_response("get_object", {"Body": body}, {"Bucket": "data", "Key": KEY})
    assert S3Store("data", client=s3.client).get(KEY) == b"data"


def test_what_is_not_there_is_named(s3):
    s3.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    with pytest.raises(PayloadMissing, match=rf"'{KEY}' is not in S3Store\('data', 'a/'\)"):
        S3Store("data", "a", s3.client).get(KEY)


def test_another_refusal_is_passed_on(s3):
    s3.add_client_error("get_object", "AccessDenied", http_status_code=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Store("data", client=s3.client).get(KEY)


def test_many_are_removed_with_few_calls(s3):
    keys = [new_key("shop", f"e{n}") for n in range(PAGE + 1)]
    for page in (keys[:PAGE], keys[PAGE:]):
        wanted = {"Objects": [{"Key": f"p/{key}"} for key in page], "Quiet": True}
        s3.add_response("delete_objects", {}, {"Bucket": "data", "Delete": wanted})
    S3Store("data", "p", s3.client).delete(keys)


def test_what_s3_keeps_is_an_error(s3):
    refused = {"Key": KEY, "Code": "AccessDenied", "Message": "no"}
    s3.add_response("delete_objects", {"Errors": [refused]})
    with pytest.raises(OSError, match="keeps 1 of 1 objects: AccessDenied: no"):
        S3Store("data", client=s3.client).delete([KEY])


def test_the_objects_of_a_namespace_are_listed_page_by_page(s3):
    first, second = new_key("shop", "e1"), new_key("shop", "e2~r1")
    asked = {"Bucket": "data", "Prefix": "p/shop/"}
    one = {"Key": f"p/{first}", "LastModified": AT}
    two = {"Key": f"p/{second}", "LastModified": AT}
    other = {"Key": "p/shop/readme.txt", "LastModified": AT}
    more = {"IsTruncated": True, "NextContinuationToken": "t", "Contents": [one, other]}
    s3.add_response("list_objects_v2", more, asked)
    s3.add_response("list_objects_v2", {"Contents": [two]}, {**asked, "ContinuationToken": "t"})
    found = list(S3Store("data", "p", s3.client).kept("shop"))
    assert found == [(first, AT.timestamp()), (second, AT.timestamp())]


def test_a_key_of_another_form_is_not_sent(s3):
    with pytest.raises(InvalidInput, match="is no key of a payload"):
        S3Store("data", client=s3.client).put("shop/order-1/../../x", b"")


def test_without_boto3_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Misconfigured, match=r'pip install "redflow-engine\[s3\]"'):
        S3Store("data")


def test_its_own_client_gives_up_in_time():
    config = S3Store("data")._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.retries["total_max_attempts"] == 3


def test_a_bucket_has_a_name():
    with pytest.raises(InvalidInput, match="needs a name"):
        S3Store("", client=object())
