"""What becomes of due ticks: on time, missed, in the way of each other, and what comes next."""

import pytest

from redflow.cron.decision import ON_TIME, Decision, Rule, Skipped, decide
from redflow.cron.expression import parse

T0 = 1_767_225_600
"""Midnight, in seconds; a tick of every expression below."""
MINUTELY, SECONDLY = parse("* * * * *", "UTC"), parse("* * * * * *", "UTC")


def at_once() -> float:
    return 0.0


def decided(rule: Rule, late: float, *, jitter: float = 0.0, page: int = 1000) -> Decision:
    """Decide `late` seconds after the tick at T0."""
    due = T0 * 1000 + round(jitter * 1000)
    now = T0 * 1000 + round(late * 1000)
    return decide(rule, at=T0, due=due, now=now, random=at_once, page=page)


def minutes(*numbers: int) -> tuple[int, ...]:
    return tuple(T0 + 60 * number for number in numbers)


def test_a_tick_on_time_starts_and_the_next_one_waits():
    assert decided(Rule(MINUTELY), 0.02) == Decision((T0,), (), T0 + 60, (T0 + 60) * 1000)


@pytest.mark.parametrize("catch_up", ["skip", "last", "all"])
def test_a_tick_a_little_late_starts_in_any_case(catch_up):
    rule = Rule(MINUTELY, catch_up=catch_up)
    assert decided(rule, ON_TIME / 1000).fire == (T0,)


@pytest.mark.row(49)
@pytest.mark.parametrize(("catch_up", "started"), [("skip", 0), ("last", 1), ("all", 60)])
def test_after_an_hour_without_a_worker(catch_up, started, measured):
    """The hour's sixty ticks are from T0 to T0 + 59 min; the worker comes half a minute later."""
    decision = decided(Rule(MINUTELY, catch_up=catch_up), 3600 - 30)
    measured(catch_up=catch_up, started=len(decision.fire))
    assert decision.fire == minutes(*range(60 - started, 60))
    left = 60 - started
    missed = (Skipped("missed", T0, T0 + 60 * (left - 1), left),) if left else ()
    assert decision.skipped == missed
    assert decision.next == T0 + 3600


def test_no_more_than_a_hundred_are_caught_up_with():
    decision = decided(Rule(MINUTELY, catch_up="all"), 200 * 60 + 30)
    assert decision.fire == minutes(*range(101, 201))
    assert decision.skipped == (Skipped("missed", T0, T0 + 60 * 101 - 1, None),)


def test_after_a_year_as_little_is_looked_at():
    decision = decided(Rule(SECONDLY, catch_up="last"), 365 * 86_400)
    assert decision.fire == tuple(T0 + 365 * 86_400 - n for n in range(15, -1, -1))
    (skipped,) = decision.skipped
    assert (skipped.first, skipped.last, skipped.count) == (T0, decision.fire[0] - 1, None)


def test_what_is_over_a_page_stays_due():
    decision = decided(Rule(MINUTELY, catch_up="all"), 3600 - 30, page=25)
    assert decision.fire == minutes(*range(25))
    assert (decision.next, decision.due) == (T0 + 25 * 60, (T0 + 25 * 60) * 1000)


@pytest.mark.parametrize("overlap", ["skip", "cancel"])
def test_where_executions_may_not_overlap_only_the_newest_starts(overlap):
    decision = decided(Rule(MINUTELY, overlap=overlap, catch_up="all"), 3600 - 30)
    assert decision.fire == minutes(59)
    assert decision.skipped == (Skipped("overlap", T0, T0 + 58 * 60, 59),)


def test_jitter_puts_a_tick_off_and_the_one_after_it_anew():
    rule = Rule(MINUTELY, jitter=30)
    early = decided(rule, 19.9, jitter=20)
    assert early == Decision((), (), T0, (T0 + 20) * 1000)
    decision = decide(rule, at=T0, due=(T0 + 20) * 1000, now=(T0 + 20) * 1000, random=lambda: 0.5)
    assert decision == Decision((T0,), (), T0 + 60, (T0 + 75) * 1000)


def test_a_tick_that_its_rule_has_not_any_more_starts_nothing():
    hourly = Rule(parse("30 * * * *", "UTC"))
    assert decided(hourly, 1.0) == Decision((), (), T0 + 1800, (T0 + 1800) * 1000)


def test_a_rule_that_has_come_to_its_end_says_so():
    class Ended:
        def after(self, instant):
            return iter(())

        def before(self, instant):
            return iter((T0,))

    assert decided(Rule(Ended()), 0.0) == Decision((T0,), (), 0, 0)
