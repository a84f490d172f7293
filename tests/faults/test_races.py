"""Two who act at the same time on one step or one execution: rows 33, 34, 41, 42, 45 and 46.

On a real server, by calls of the scripts, thousands of them. Where two clients really race they are
threads; where a race is only an order of calls, every order is made.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest

from redflow.store.steps import Claim
from redflow.store.stopping import pause_execution, stop_execution
from redflow.store.waiting import deliver_signal
from tests.faultkit.many import Many, pages
from tests.store.arrange import QUEUES, flow
from tests.store.support import Store
from tests.support.clients import server_client

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

JOINS = 10_000
ACTS = 10_000
CLAIMS = 20_000
"""Of the 100,000 that the row asks for."""
RACES = 3_000
ABREAST = 2
"""Executions until the two of a race wait for each other."""
SIGNALS = 2_000
LEASE = 30_000
RESUME = msgspec.msgpack.encode(["signal", 7])


@pytest.mark.fault
@pytest.mark.row(41)
def test_a_join_fires_once_whoever_completes_how_often(
    store: Store, measured: Callable[..., Any]
) -> None:
    many, rng = Many(store, flow("a>j", "b>j", "c>j")), Random(41)
    fired: Counter[str] = Counter()
    join, calls = many.plan.numbers["j"], Counter[int]()
    many.start(JOINS)
    while claims := many.claim(600):
        fired.update(claim.envelope.execution for claim in claims if claim.envelope.step == join)
        again = [claim for claim in claims for _ in range(rng.randint(1, 3))]
        rng.shuffle(again)
        calls.update(many.settle(again))
    measured(joins=len(fired), fired_twice=sum(n > 1 for n in fired.values()),
             completions=sum(calls.values()), repeated=calls[2])  # fmt: skip
    assert fired == Counter(many.ids)
    assert calls[1] == 4 * JOINS
    assert set(calls) == {1, 2}
    assert many.ended_twice_or_never() == []


@pytest.mark.fault
@pytest.mark.row(33)
def test_a_sweep_that_was_held_up_overwrites_nothing(
    store: Store, measured: Callable[..., Any]
) -> None:
    """It has read what is silent; meanwhile some complete, some are renewed, some end for good."""
    many, words = Many(store, flow("a")), Counter[str]()
    many.start(ACTS)
    for _ in range(ACTS // 1000):
        claims = many.claim(1000)
        silence(store, claims, 2 * LEASE)
        read = [(claim.token, claim.envelope.execution) for claim in claims]
        many.settle(claims[::2])
        silence(store, claims[1::4], 0)
        before = {one.envelope.execution: recorded(many, one) for one in claims[::2]}
        for page in pages(read):
            words.update(many.reclaim(page).words)
        overwritten = [
            claim for claim in claims[::2]
            if before[claim.envelope.execution] != recorded(many, claim)
        ]  # fmt: skip
        assert overwritten == []
        many.settle(claims[1::4])
    while claims := many.claim(1000):
        many.settle(claims)
    measured(acts=sum(words.values()), overwritten=0, taken_over=words["moved"])
    assert words == {"busy": ACTS * 3 // 4, "moved": ACTS // 4}
    assert many.ended_twice_or_never() == []


def silence(store: Store, claims: Sequence[Claim], milliseconds: int) -> None:
    """Nobody has been heard of for so long."""
    tokens = [claim.token for claim in claims]
    words = ("XCLAIM", store.key("ready:default"), "workers", "w1", 0, *tokens)
    store.command(*words, "IDLE", milliseconds, "JUSTID")


def recorded(many: Many, claim: Claim) -> dict[str, bytes]:
    return many.store.hash(f"execution:{claim.envelope.execution}")


@pytest.mark.fault
@pytest.mark.row(34)
def test_no_sweep_takes_what_is_just_being_claimed(
    store: Store, server_url: str, measured: Callable[..., Any]
) -> None:
    """Eight claim and complete; four take over whatever they find pending, with no rest."""
    many = Many(store, flow("a"))
    many.start(CLAIMS)
    claimed, answers = Counter[str](), Counter[str]()
    over = threading.Event()

    def claim(own: Many, number: int) -> None:
        while claims := own.claim(10, worker=f"w{number}"):
            claimed[f"w{number}"] += len(claims)
            assert set(own.settle(claims)) == {1}

    def sweep(own: Many, number: int) -> None:
        words = Counter[str]()
        while not over.is_set():
            reply = own.store.command(
                "XPENDING", own.store.key("ready:default"), "workers", "-", "+", 100
            )
            read = [(token.decode(), many.ids[0]) for token, *_ in reply]
            if read:
                words.update(own.reclaim(read).words)
        answers.update(words)

    with Together(server_url, many) as sweepers:
        sweepers.begin(sweep, 4)
        with Together(server_url, many) as claimers:
            claimers.begin(claim, 8)
        over.set()
    measured(claims=sum(claimed.values()), sweeps_of_claimed=sum(answers.values()),
             false_sweeps=sum(answers.values()) - answers["busy"])  # fmt: skip
    assert sum(claimed.values()) == CLAIMS
    assert set(answers) == {"busy"}
    assert many.ended_twice_or_never() == []


class Together:
    """Threads with a connection each; leaving waits for them and raises what one of them raised."""

    def __init__(self, url: str, many: Many) -> None:
        self.url, self.many = url, many
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def begin(self, work: Callable[[Many, int], None], count: int) -> None:
        """Have so many do this."""
        for number in range(count):
            thread = threading.Thread(target=self._run, args=(work, number))
            self.threads.append(thread)
            thread.start()

    def _run(self, work: Callable[[Many, int], None], number: int) -> None:
        client = server_client(self.url)
        own = object.__new__(Many)
        vars(own).update(vars(self.many))
        own.store = Store(client, self.many.store.keys.namespace)
        try:
            work(own, number)
        except BaseException as error:
            self.errors.append(error)
        finally:
            client.close()

    def __enter__(self) -> "Together":
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self.threads:
            thread.join(120)
        assert self.errors == []
        assert not any(thread.is_alive() for thread in self.threads)


@pytest.mark.row(42)
def test_a_step_has_one_live_token_at_most(store: Store, measured: Callable[..., Any]) -> None:
    """Its worker gives up at its timeout: the lease, and up to 5 ms off it; all orders of calls."""
    many, most, cases = Many(store, flow("a")), 0, 0
    acts = ("report", "sweep", "timer")
    for late, kind, first, second in product(range(-5, 6), "rlnf", acts, acts):
        (one,) = many.start(1)
        (claim,) = many.claim(1)
        store.silence("default", [claim.token], LEASE + late)
        for act in (first, second, "timer"):
            if act == "report":
                many.settle([claim], kind, detail="" if kind == "f" else "0")
            elif act == "sweep":
                many.reclaim([(claim.token, one)])
            else:
                many.fire_if_set(f"w:{one}:1")
            live = [held for held in many.tokens().values() if held[3] == one]
            timers = [member for member in store.zset("timers") if f":{one}:" in member]
            most, cases = max(most, len(live) + len(timers)), cases + 1
            assert len(live) + len(timers) <= 1, (late, kind, first, second)
        many.settle([claim])
        many.settle(many.claim(9))
    measured(orders_of_calls=cases, most_live_tokens=most)
    assert many.ended_twice_or_never() == []


@pytest.mark.row(45)
def test_a_signal_is_consumed_once(store: Store, measured: Callable[..., Any]) -> None:
    """Sent once to three times, before or after the step waits, and once more when it has ended."""
    many, rng, words = Many(store, flow("a")), Random(45), Counter[str]()
    ids = many.start(SIGNALS)

    def send(execution: str) -> None:
        for _ in range(rng.randint(1, 3)):
            op = deliver_signal(
                store.space, store.partition, execution=execution, plan=many.plan.hash,
                queues=QUEUES, name="go", id=f"s-{execution}", payload=b"\x07",
            )  # fmt: skip
            words[store.run(op)] += 1

    early = set(rng.sample(ids, SIGNALS // 2))
    for one in early:
        send(one)
    while claims := many.claim(500):
        waits = [claim for claim in claims if claim.envelope.resume is None]
        goes = [claim for claim in claims if claim.envelope.resume is not None]
        assert {msgspec.msgpack.encode(claim.envelope.resume) for claim in goes} <= {RESUME}
        words["consumed"] += len(goes)
        many.settle(waits, "s", value=b"go")
        for claim in waits:
            if claim.envelope.execution not in early:
                send(claim.envelope.execution)
        many.settle(goes)
    for one in ids:
        send(one)
    left = [one for one in ids if many.fields(one).get("signals", "0") != "0"]
    measured(signals=SIGNALS, sent=words.total() - words["consumed"], consumed=words["consumed"])
    assert words["consumed"] == words["delivered"] + words["buffered"] == SIGNALS
    assert set(words) == {"consumed", "delivered", "buffered", "dup"}
    assert left == []
    assert many.ended_twice_or_never() == []


@pytest.mark.fault
@pytest.mark.row(46)
def test_an_end_is_final(store: Store, server_url: str, measured: Callable[..., Any]) -> None:
    """One completes the last steps, the other cancels, fails and pauses at the same time."""
    many = Many(store, flow("a>b", undo={"a": "completed"}))
    ids = many.start(RACES)
    claims = []
    while page := many.claim(1000):
        claims += page
    many.settle(claims)
    claims = []
    while page := many.claim(1000):
        claims += page
    answers = Counter[str]()

    line = threading.Barrier(2, timeout=60)

    def complete(own: Many, number: int) -> None:
        for at, claim in enumerate(claims):
            if at % ABREAST == 0:
                line.wait()
            own.settle([claim])

    def stop(own: Many, number: int) -> None:
        for at, claim in enumerate(claims):
            if at % ABREAST == 0:
                line.wait()
            one = claim.envelope.execution
            kind = "cfp"[int(one[1:]) % 3]
            if kind == "p":
                words, orders = own.store.run(act_pause(own, one))
                own.carry_out(orders)
                answers[f"p {words[0]}"] += 1
            else:
                found = own.store.run(act_stop(own, one, kind))
                own.carry_out(found.orders)
                answers[f"{kind} {found.word}"] += 1

    with Together(server_url, many) as racers:
        racers.begin(complete, 1)
        racers.begin(stop, 1)
    for one in ids:
        many.carry_out(many.pause(one, on=False)[1])
    while page := many.claim(500):
        many.settle(page)
    before = {one: store.hash(f"execution:{one}") for one in ids}
    late = Counter(many.settle(claims)) + Counter(
        word for one in ids for word in many.pause(one)[0]
    )  # fmt: skip
    late.update(store.run(act_stop(many, one, "f")).word for one in ids)
    changed = [one for one in ids if before[one] != store.hash(f"execution:{one}")]
    ended = Counter(before[one]["ended"].split()[1].decode() for one in ids)
    measured(races=RACES, ended_as=dict(ended), answers=dict(answers), changed_after=len(changed))
    assert changed == []
    assert min(answers[f"{kind} {word}"] for kind in "cfp" for word in ("ok", "late")) > 0
    assert late["late"] == 2 * RACES
    assert many.ended_twice_or_never() == []
    assert Counter(done_lines(store)) == Counter(ids)


def act_stop(many: Many, execution: str, kind: str) -> Any:
    return stop_execution(
        many.store.space, many.store.partition, kind=kind, body=b"\x80", execution=execution,
        plan=many.plan.hash, queues=QUEUES,
    )  # fmt: skip


def act_pause(many: Many, execution: str) -> Any:
    return pause_execution(
        many.store.space, many.store.partition, executions=[execution], plans=[many.plan.hash],
        queues=QUEUES, on=True, letter="p", note=b"",
    )  # fmt: skip


def done_lines(store: Store) -> list[str]:
    return [
        line.split()[0]
        for _, fields in store.entries("done")
        for line in fields["e"].decode().split("\n")
    ]
