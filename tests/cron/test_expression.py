"""Ticks of cron expressions: cronsim is the oracle, in four time zones that change their clocks."""

import operator
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from redflow.cron.expression import parse
from redflow.errors import InvalidInput

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
DAILY = ("0 0", "15 1", "30 1", "45 1", "0 2", "15 2", "30 2", "0 3", "30 3", "59 23")
"""Minute and hour of jobs that are to run once a day."""

EXPRESSIONS = (
    "30 2,14 * * *", "5 2 * * 0", "0 0 1 * *", "0 2 * * 1-5", "0 12 29 2 *", "0 9 13 * 5",
    "*/15 * * * *", "0 * * * *", "0 */2 * * *", "30 1-3 * * *", "*/10 2 * * *", "0 0 L * *",
    "7,37 8-17 * 3,10 *",
)  # fmt: skip


def between(first: int, last: int, cron: str, zone: str) -> list[int]:
    """The ticks behind `first` and before `last`."""
    return list(takewhile(lambda tick: tick < last, parse(cron, zone).after(first)))


def oracle(first: int, last: int, cron: str, zone: str) -> list[int]:
    found = CronSim(cron, datetime.fromtimestamp(first, ZoneInfo(zone)))
    return list(takewhile(lambda tick: tick < last, (round(one.timestamp()) for one in found)))


def seconds(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


YEARS = (seconds("2025-01-01"), seconds("2027-01-01"))
SPRING, AUTUMN = (
    (seconds("2026-03-01"), seconds("2026-04-20")),
    (seconds("2026-09-25"), seconds("2026-11-10")),
)
"""When clocks change in one of the zones."""

ORACLE_DIFFERS = {
    # A tick of what runs by real time falls into the gap: cronsim leaves it out.
    ("0 */2 * * *", "Europe/Berlin", SPRING): {"2026-03-29T03:00:00+02:00"},
    ("0 */2 * * *", "America/New_York", SPRING): {"2026-03-08T03:00:00-04:00"},
    ("0 */2 * * *", "Australia/Lord_Howe", AUTUMN): {"2026-10-04T02:30:00+11:00"},
    ("*/10 2 * * *", "Europe/Berlin", SPRING): {"2026-03-29T03:00:00+02:00"},
    ("*/10 2 * * *", "America/New_York", SPRING): {"2026-03-08T03:00:00-04:00"},
    # The hour is named, so it is meant once: for cronsim any `*` makes a job run by real time.
    ("*/10 2 * * *", "Europe/Berlin", AUTUMN): {
        f"2026-10-25T02:{minute}0:00+01:00" for minute in range(6)
    },
    # These are there once, behind a half hour that repeats: cronsim does not see them.
    ("0 */2 * * *", "Australia/Lord_Howe", SPRING): {"2026-04-05T02:00:00+10:30"},
    ("*/10 2 * * *", "Australia/Lord_Howe", SPRING): {
        f"2026-04-05T02:{minute}0:00+10:30" for minute in range(3)
    },
}
"""Where the oracle has other ticks, each for a reason."""


def days(zone: str) -> Iterator[date]:
    """The days that lie in the two years as a whole."""
    first, last = (datetime.fromtimestamp(one, ZoneInfo(zone)).date() for one in YEARS)
    first += timedelta(days=1)
    return (first + timedelta(days=n) for n in range((last - first).days))


def dates(found: list[int], zone: str) -> Counter[date]:
    return Counter(datetime.fromtimestamp(tick, ZoneInfo(zone)).date() for tick in found)


@pytest.mark.row(50)
@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_job_runs_once_each_day(zone, measured):
    exceptions = []
    for time in DAILY:
        counted = dates(between(*YEARS, f"{time} * * *", zone), zone)
        exceptions += [(time, day, counted[day]) for day in days(zone) if counted[day] != 1]
    measured(zone=zone, jobs=len(DAILY), days=len(list(days(zone))), exceptions=len(exceptions))
    assert exceptions == []


@pytest.mark.row(50)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("time", DAILY)
def test_daily_jobs_come_when_the_oracle_says(time, zone):
    cron = f"{time} * * *"
    assert between(*YEARS, cron, zone) == oracle(*YEARS, cron, zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", EXPRESSIONS)
def test_ticks_are_those_of_the_oracle(cron, zone):
    for span in (SPRING, AUTUMN):
        differ = set(between(*span, cron, zone)) ^ set(oracle(*span, cron, zone))
        shown = {datetime.fromtimestamp(one, ZoneInfo(zone)).isoformat() for one in differ}
        assert shown == ORACLE_DIFFERS.get((cron, zone, span), set())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", [*EXPRESSIONS, *(f"{time} * * *" for time in DAILY)])
def test_backwards_they_are_the_same(cron, zone):
    for first, last in (SPRING, AUTUMN):
        newest_first = parse(cron, zone).before(last)
        back = list(takewhile(partial(operator.lt, first), newest_first))
        assert back[::-1] == between(first, last, cron, zone)


# --- the four changes of clocks, by the letter


def local(cron: str, zone: str, day: str, count: int) -> list[str]:
    """The first ticks from the midnight of a day on."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    found = islice(parse(cron, zone).after(round(midnight.timestamp()) - 1), count)
    return [datetime.fromtimestamp(tick, ZoneInfo(zone)).isoformat() for tick in found]


def test_in_the_gap_of_spring_it_comes_when_the_gap_ends():
    assert local("30 2 * * *", "Europe/Berlin", "2026-03-29", 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_in_the_hour_that_repeats_it_comes_the_first_time():
    assert local("30 1 * * *", "America/New_York", "2026-11-01", 2) == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
    ]


def test_what_comes_every_hour_follows_real_time():
    assert local("30 * * * *", "Europe/Berlin", "2026-10-25", 5) == [
        "2026-10-25T00:30:00+02:00",
        "2026-10-25T01:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:30:00+01:00",
    ]


def test_where_clocks_move_by_half_an_hour():
    assert local("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", 2) == [
        "2026-04-05T01:45:00+11:00",
        "2026-04-06T01:45:00+10:30",
    ]
    assert local("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", 2) == [
        "2026-10-04T02:30:00+11:00",
        "2026-10-05T02:15:00+11:00",
    ]


def test_an_offset_of_three_quarters_of_an_hour():
    assert local("0 2 * * *", "Asia/Kathmandu", "2026-01-01", 1) == ["2026-01-01T02:00:00+05:45"]


# --- fields


def test_seconds_stand_last():
    start = 1_767_225_600
    assert list(islice(parse("0 0 * * * 30", "UTC").after(start), 2)) == [
        start + 30,
        start + 86_430,
    ]
    assert list(islice(parse("* * * * * */20", "UTC").after(start), 3)) == [
        start + 20,
        start + 40,
        start + 60,
    ]


@pytest.mark.parametrize(
    ("name", "cron"),
    [("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@Weekly", "0 0 * * 0")],
)
def test_names_stand_for_expressions(name, cron):
    assert parse(name, "UTC").cron == cron


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * *", "* * * * * * *", "*/0 * * * *", "60 * * * *", "* 24 * * *", "0 0 31 2 *",
        "* * * * * 60", "@reboot", "@every 5s", "H * * * *", "R * * * *", "h(0-30) * * * *",
        "r(0-30),5 * * * *", "\uff11 * * * *", "* * * * *\x00", "5 " * 200, "a b c d e",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(cron):
    with pytest.raises(InvalidInput, match="cron expression") as caught:
        parse(cron, "UTC")
    assert caught.value.field == "cron"


def test_one_that_never_comes_says_so():
    with pytest.raises(InvalidInput, match="no such date ever comes"):
        parse("0 0 30 2 *", "UTC")


@pytest.mark.parametrize(
    "zone", ["", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "Europe"]
)
def test_a_zone_that_is_not_known_is_refused(zone):
    with pytest.raises(InvalidInput, match="time zone") as caught:
        parse("* * * * *", zone)
    assert caught.value.field == "timezone"
