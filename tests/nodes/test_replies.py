"""URLs and replies: which statuses are tried again, when, and what Retry-After says."""

from datetime import UTC, datetime

import pytest

from redflow.model.outcome import Retry
from redflow.nodes.failures import RefusedRequest, UnexpectedStatus
from redflow.nodes.replies import check_status, header_map
from redflow.nodes.retry_after import LONGEST, retry_after
from redflow.nodes.targets import with_query
from tests.nodes.outgoing import reply

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Thu, 31 Jan 2030 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Thu, 31 Jan 2030 11:00:00 GMT"}, 0.0),
        (
            {
                "retry-after": "Thu, 31 Jan 2030 15:00:05 GMT",
                "date": "Thu, 31 Jan 2030 15:00:00 GMT",
            },
            5.0,
        ),
        ({"retry-after": "Thu, 31 Jan 2030 12:00:10 GMT", "date": "?"}, 10.0),
        ({"retry-after": "99999999999999999999"}, LONGEST),
        ({"retry-after": "Thu, 31 Jan 2099 12:00:00 GMT"}, LONGEST),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "\u0665"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(said, seconds):
    assert retry_after(said, NOON) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_chooses_the_delay(status):
    with pytest.raises(Retry, match=rf"GET x answered {status}") as caught:
        check_status(reply(status, retry_after="7"), "GET x", "2xx")
    assert caught.value.after == 7.0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_left_to_the_policy(status):
    with pytest.raises(UnexpectedStatus):
        check_status(reply(status), "GET x", "2xx")


def test_a_server_error_that_says_when_is_left_to_the_policy_as_well():
    with pytest.raises(UnexpectedStatus):
        check_status(reply(500, retry_after="7"), "GET x", "2xx")


@pytest.mark.parametrize("status", [204, 301, 304, 400, 401, 403, 404, 409, 410, 422])
def test_everything_else_is_final(status):
    with pytest.raises(RefusedRequest):
        check_status(reply(status), "GET x", 200)


def test_an_error_shows_the_beginning_of_a_text_and_nothing_of_bytes():
    with pytest.raises(RefusedRequest) as caught:
        check_status(reply(400, body=b"x" * 999, content_type="text/plain"), "GET x", 200)
    assert str(caught.value) == f"GET x answered 400 Bad Request: {'x' * 300}"
    with pytest.raises(RefusedRequest, match=r"^GET x answered 499$"):
        check_status(reply(499, body=b"\x00\x01", content_type="image/png"), "GET x", 200)


def test_headers_that_repeat_are_joined():
    given = [("Vary", "a"), ("vary", "b"), ("x", "1")]
    assert header_map(given) == {"vary": "a, b", "x": "1"}


@pytest.mark.parametrize(
    ("url", "pairs", "whole"),
    [
        ("https://example.com/a?x=1#f", [], "https://example.com/a?x=1#f"),
        ("https://example.com/a?x=1#f", [("y", "&=")], "https://example.com/a?x=1&y=%26%3D#f"),
        ("https://example.com", [("y", "\u00e4 b")], "https://example.com?y=%C3%A4+b"),
    ],
)
def test_a_query_joins_what_the_url_has(url, pairs, whole):
    assert with_query(url, pairs) == whole
