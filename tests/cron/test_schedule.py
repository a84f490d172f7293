"""What a schedule may say."""

import pytest

from redflow.cron.schedule import define, digest_of
from redflow.errors import InvalidInput


def defined(workflow="report", cron="0 2 * * *", **given):
    usual = {"timezone": "UTC", "overlap": "allow", "catch_up": "last", "jitter": 0}
    return define(workflow, cron, **{**usual, **given})


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("workflow id", {"workflow": "a b"}),
        ("cron", {"cron": None}),
        ("cron", {"cron": "* *"}),
        ("timezone", {"timezone": 1}),
        ("timezone", {"timezone": "Nowhere/At_All"}),
        ("overlap", {"overlap": "queue"}),
        ("catch_up", {"catch_up": []}),
        ("jitter", {"jitter": -1}),
        ("jitter", {"jitter": float("nan")}),
        ("jitter", {"jitter": True}),
        ("jitter", {"jitter": 86_400}),
        ("jitter", {"jitter": 60, "cron": "* * * * *"}),
        ("jitter", {"jitter": 600, "cron": "0,10 2 * * *"}),
    ],
)
def test_what_makes_no_sense_is_refused(field, given):
    with pytest.raises(InvalidInput) as caught:
        defined(**given)
    assert caught.value.field == field


def test_a_jitter_shorter_than_the_gaps_is_taken():
    assert defined(jitter=59.5, cron="* * * * *").jitter == 59.5


def test_its_timing_is_what_its_ticks_come_from():
    assert defined().timing == defined(overlap="skip", catch_up="all", workflow="other").timing
    for other in ({"cron": "0 3 * * *"}, {"timezone": "Asia/Tokyo"}, {"jitter": 1}):
        assert defined(**other).timing != defined().timing


def test_the_digest_tells_all_that_was_put():
    first = digest_of(defined(), "d1", b"m", b"h")
    assert first == digest_of(defined(), "d1", b"m", b"h")
    others = [
        digest_of(defined(overlap="skip"), "d1", b"m", b"h"),
        digest_of(defined(), "d2", b"m", b"h"),
        digest_of(defined(), "d1", b"mh", b""),
        digest_of(defined(), "d1", b"", b"mh"),
    ]
    assert len({first, *others}) == 5
