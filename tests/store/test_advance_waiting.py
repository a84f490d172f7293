"""advance: steps that sleep, await a signal or are given back unrun, and what resumes them."""

import msgspec
import pytest

from redflow.store.space import Limits
from tests.store.arrange import META, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

ERROR = b"=" + pack("boom")
TIMER = pack(["timer"])


@pytest.fixture
def chain(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


def text(data: bytes) -> str:
    return data.decode("latin-1")


# --- t: sleep


@pytest.mark.parametrize("detail", ["+700", f"@{EPOCH + 700}"])
def test_a_sleeping_step_stands_on_a_timer_and_keeps_its_counts(chain: Scene, detail: str) -> None:
    token = chain.claimed("a", attempt=2, deliveries=1, releases=3)
    reply = chain.advance(Report(token, "a", "t", b"", detail, "2,1,3,default,5,7"))
    assert (reply.codes, reply.orders) == ([1], [])
    assert chain.fields() == {
        "state": f"r 1 2 {chain.plan.hash}",
        "s1": f"t{EPOCH + 700},default,2,1,3,s",
    }
    assert chain.store.zset("timers") == {"w:e1:1": EPOCH + 700}
    assert chain.tokens() == {}
    assert chain.events() == [(19, "e1", 2, 1, None)]
    assert chain.problems() == []


@pytest.mark.parametrize("detail", ["+0", f"@{EPOCH}", "@1"])
def test_a_sleep_that_is_over_goes_on_at_once(chain: Scene, detail: str) -> None:
    token = chain.claimed("a", deliveries=1)
    assert chain.advance(Report(token, "a", "t", b"", detail, "1,1,0,default,5,7")).codes == [1]
    ((new, carried),) = chain.tokens().items()
    assert carried == [1, 1, 0, "e1", 1, chain.plan.hash, None, None, ["timer"]]
    assert (chain.record("a"), chain.fields()["r1"]) == (f"q{new},default", text(TIMER))
    assert chain.store.zset("timers") == {}
    assert chain.events() == [(19, "e1", 2, 1, None)]
    assert chain.problems() == []


def test_a_sleep_of_thousands_of_years_is_written_to_the_millisecond(chain: Scene) -> None:
    """The last moment that Python knows; nothing is written with an exponent."""
    last = 253_402_300_799_000
    chain.advance(Report(chain.claimed("a"), "a", "t", b"", f"@{last}"))
    assert chain.record("a") == f"t{last},default,1,0,0,s"
    assert chain.store.zset("timers") == {"w:e1:1": last}


def test_a_sleeping_step_wakes_with_its_reason(chain: Scene) -> None:
    chain.parked("a", counts="2,1,3")
    assert chain.promote("w:e1:1") == (["done"], [])
    ((new, carried),) = chain.tokens().items()
    assert carried == [2, 1, 3, "e1", 1, chain.plan.hash, None, None, ["timer"]]
    assert (chain.record("a"), chain.fields()["r1"]) == (f"q{new},default", text(TIMER))
    assert (chain.state(), chain.events()) == ("r 1 1", [])


# --- s: wait for a signal


def test_a_step_waits_for_a_signal_without_end(chain: Scene) -> None:
    token = chain.claimed("a", attempt=2, releases=3)
    reply = chain.advance(Report(token, "a", "s", b"go", "", "2,0,3,default,5,7"))
    assert reply.codes == [1]
    assert chain.fields() == {
        "state": f"r 1 2 {chain.plan.hash}",
        "s1": "wgo,default,2,0,3,0",
        "w:go": ",1,",
    }
    assert chain.store.zset("timers") == {}
    assert chain.tokens() == {}
    assert chain.events() == [(9, "e1", 2, 1, "go")]
    assert chain.problems() == []


@pytest.mark.parametrize("timeout", [900, 0])
def test_a_step_waits_for_a_signal_until_its_time_is_over(chain: Scene, timeout: int) -> None:
    chain.advance(Report(chain.claimed("a"), "a", "s", b"go", str(timeout)))
    due = EPOCH + timeout
    assert chain.record("a") == f"wgo,default,1,0,0,{due}"
    assert chain.store.zset("timers") == {"w:e1:1": due}
    assert chain.problems() == []


def test_a_timeout_of_thousands_of_years_is_written_to_the_millisecond(chain: Scene) -> None:
    chain.advance(Report(chain.claimed("a"), "a", "s", b"go", str(200_000_000_000_000)))
    assert chain.record("a") == f"wgo,default,1,0,0,{EPOCH + 200_000_000_000_000}"


def test_steps_stand_in_line_as_they_came(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution(active=3)
    a, b, c = (scene.claimed(node) for node in "abc")
    scene.advance(Report(b, "b", "s", b"go"), Report(a, "a", "s", b"go"))
    scene.advance(Report(c, "c", "s", b"other"))
    assert (scene.fields()["w:go"], scene.fields()["w:other"]) == (",2,1,", ",3,")


def test_a_signal_that_came_before_resumes_at_once(chain: Scene) -> None:
    fields = {"b:go": "2 4", "b:go:2": pack({"n": 1}), "b:go:3": b"\x09", "signals": "3"}
    for field, value in fields.items():
        chain.set(field, value)
    chain.advance(Report(chain.claimed("a"), "a", "s", b"go", "900"))
    ((new, carried),) = chain.tokens().items()
    assert carried == [1, 0, 0, "e1", 1, chain.plan.hash, None, None, ["signal", {"n": 1}]]
    assert chain.fields() == {
        "state": f"r 1 3 {chain.plan.hash}",
        "s1": f"q{new},default",
        "r1": text(pack(["signal", {"n": 1}])),
        "b:go": "3 4",
        "b:go:3": "\x09",
        "signals": "2",
    }
    assert chain.store.zset("timers") == {}
    assert chain.events() == [(9, "e1", 2, 1, "go"), (10, "e1", 3, 1, "go")]


def test_an_emptied_buffer_keeps_its_place(chain: Scene) -> None:
    for field, value in {"b:go": "7 8", "b:go:7": b"\x09", "signals": "1"}.items():
        chain.set(field, value)
    chain.advance(Report(chain.claimed("a"), "a", "s", b"go"))
    found = chain.fields()
    assert (found["b:go"], found["signals"], "b:go:7" in found) == ("8 8", "0", False)


def test_one_early_signal_resumes_one_step(store: Store) -> None:
    """Two of a batch find one and the other waits; a buffer of another name is none of theirs."""
    scene = Scene(store, flow("a", "b"))
    scene.execution(active=2, signals="2")
    for field, value in {"b:go": "1 2", "b:go:1": b"\x09", "b:other": "1 2"}.items():
        scene.set(field, value)
    a, b = scene.claimed("a"), scene.claimed("b")
    scene.advance(Report(b, "b", "s", b"go"), Report(a, "a", "s", b"go"))
    assert [(carried[4], carried[8]) for carried in scene.tokens().values()] == [(2, ["signal", 9])]
    assert (scene.record("a"), scene.fields()["w:go"]) == ("wgo,default,1,0,0,0", ",1,")
    assert scene.fields()["signals"] == "1"


@pytest.mark.parametrize(("limit", "travels"), [(10, True), (9, False)])
def test_a_resume_travels_up_to_the_limit_of_a_value(
    chain: Scene, limit: int, travels: bool
) -> None:
    """Beyond it stands nothing, and the worker reads the field."""
    resume = pack(["signal", "x"])
    chain.store.limits = Limits(inline_value=limit)
    assert len(resume) == 10
    for field, value in {"b:go": "1 2", "b:go:1": pack("x"), "signals": "1"}.items():
        chain.set(field, value)
    chain.advance(Report(chain.claimed("a"), "a", "s", b"go"))
    (carried,) = chain.tokens().values()
    assert carried[8] == (["signal", "x"] if travels else msgspec.msgpack.Ext(0, b"\0"))
    assert chain.fields()["r1"] == text(resume)


# --- n and l: given back


@pytest.mark.parametrize("kind", "nl")
@pytest.mark.parametrize("undo", [{}, {"a": "completed"}])
def test_only_a_step_that_had_begun_is_marked_for_its_undo(
    store: Store, kind: str, undo: dict
) -> None:
    scene = Scene(store, flow("a>b", undo=undo))
    scene.execution()
    scene.advance(Report(scene.claimed("a"), "a", kind, b"shutdown", "900"))
    assert scene.record("a") == f"t{EPOCH + 900},default,1,0,1,l"
    assert scene.fields().get("g1") == ("1" if undo and kind == "l" else None)
    assert scene.events() == [(14, "e1", 2, 1, "shutdown")]
    assert scene.problems() == []


def test_a_step_given_back_unrun_without_delay_is_ready_again(chain: Scene) -> None:
    token = chain.claimed("a", releases=4)
    chain.advance(Report(token, "a", "n", b"full", "0", "1,0,4,default,5,7"))
    ((new, carried),) = chain.tokens().items()
    assert new != token
    assert carried == [1, 0, 5, "e1", 1, chain.plan.hash, None, None, None]


# --- what resumed a step stays with it until the next attempt


@pytest.mark.parametrize("kind", "ln")
def test_a_resumed_step_that_is_given_back_resumes_again(chain: Scene, kind: str) -> None:
    chain.set("r1", TIMER)
    chain.advance(Report(chain.claimed("a", resume=TIMER), "a", kind, b"drop", "0"))
    assert [carried[8] for carried in chain.tokens().values()] == [["timer"]]
    assert chain.fields()["r1"] == text(TIMER)


def test_a_resumed_step_on_a_timer_resumes_again(chain: Scene) -> None:
    chain.set("r1", pack(["signal", 4]))
    chain.parked("a", why="l")
    chain.promote("w:e1:1")
    assert [carried[8] for carried in chain.tokens().values()] == [["signal", 4]]


def test_another_attempt_has_not_waited(chain: Scene) -> None:
    chain.set("r1", TIMER)
    chain.advance(Report(chain.claimed("a", resume=TIMER), "a", "r", ERROR, "900"))
    assert chain.fields()["r1"] == ""
    chain.store.now += 900
    chain.promote("w:e1:1")
    assert [carried[8] for carried in chain.tokens().values()] == [None]


def test_an_attempt_that_never_waited_writes_nothing_of_it(chain: Scene) -> None:
    chain.advance(Report(chain.claimed("a"), "a", "r", ERROR, "900"))
    assert "r1" not in chain.fields()


# --- paused: what would be ready is held


@pytest.mark.parametrize("flag", "pw")
@pytest.mark.parametrize(
    ("kind", "value", "detail", "record"),
    [
        ("t", b"", "+0", "hdefault,1,0,0"),
        ("l", b"drop", "0", "hdefault,1,0,1"),
        ("n", b"drop", "0", "hdefault,1,0,1"),
        ("t", b"", "+9", f"t{EPOCH + 9},default,1,0,0,s"),
        ("l", b"drop", "9", f"t{EPOCH + 9},default,1,0,1,l"),
        ("r", ERROR, "9", f"t{EPOCH + 9},default,2,0,0,r"),
        ("s", b"go", "9", "hdefault,1,0,0"),
        ("s", b"other", "", "wother,default,1,0,0,0"),
    ],
)
def test_a_paused_execution_issues_no_token(
    store: Store, flag: str, kind: str, value: bytes, detail: str, record: str
) -> None:
    scene = Scene(store, flow("a>b"))
    scene.execution(flags=flag, signals="1")
    scene.set("b:go", "1 2")
    scene.set("b:go:1", b"\x09")
    scene.advance(Report(scene.claimed("a"), "a", kind, value, detail))
    assert scene.record("a") == record
    assert scene.tokens() == {}
    assert scene.state() == f"r 1 {3 if record[0] == 'h' and kind == 's' else 2} {flag}"
    assert scene.problems() == []


def test_a_step_that_becomes_ready_while_paused_is_held(chain: Scene) -> None:
    chain.execution(flags="p")
    chain.advance(Report(chain.claimed("a"), "a"))
    assert chain.record("b") == "hdefault,1,0,0"
    assert chain.tokens() == {}
    assert chain.state() == "r 1 2 p"
    assert chain.problems() == []


# --- stopping


@pytest.mark.parametrize("phase", "fc")
@pytest.mark.parametrize(("kind", "detail"), [("t", "+900"), ("t", "+0"), ("s", ""), ("s", "900")])
def test_what_would_wait_is_cancelled_while_stopping(
    chain: Scene, phase: str, kind: str, detail: str
) -> None:
    chain.execution(phase=phase, active=2)
    chain.set("b:go", "1 2")
    token = chain.claimed("a")
    assert chain.advance(Report(token, "a", kind, b"go", detail)).codes == [4]
    assert chain.record("a") == f"X{EPOCH},{META},{token}"
    assert (chain.tokens(), chain.store.zset("timers")) == ({}, {})
    assert chain.fields()["b:go"] == "1 2"
    assert chain.events() == [(13, "e1", 2, 1, None)]


@pytest.mark.parametrize(
    ("attempt", "deliveries", "fields", "begun"),
    [
        (1, 0, {}, False), (2, 0, {}, True), (1, 1, {}, True), (1, 0, {"r1": "x"}, True),
        (1, 0, {"r1": ""}, False), (1, 0, {"g1": "1"}, True),
    ],
)  # fmt: skip
def test_what_never_ran_is_cancelled_without_a_trace(
    chain: Scene, attempt: int, deliveries: int, fields: dict[str, str], begun: bool
) -> None:
    """Kind n: this claim did not run; one before it may have."""
    chain.execution(phase="c", active=2, **fields)
    token = chain.claimed("a", attempt=attempt, deliveries=deliveries)
    meta = f"{attempt},{deliveries},0,default,5,7"
    assert chain.advance(Report(token, "a", "n", b"drop", "0", meta)).codes == [4]
    assert chain.record("a") == f"X{EPOCH}" + (f",{meta},{token}" if begun else "")


@pytest.mark.parametrize("phase", "fc")
def test_a_finalizer_may_wait_while_stopping(store: Store, phase: str) -> None:
    scene = Scene(store, flow("a>z!always", "a>y!always"))
    scene.execution(phase=phase, active=2, s1="X1", flags="")
    z, y = scene.claimed("z"), scene.claimed("y")
    reports = [Report(z, "z", "s", b"go"), Report(y, "y", "t", b"", "+9")]
    assert scene.advance(*reports).codes == [5, 5]
    assert (scene.record("z"), scene.record("y")) == (
        "wgo,default,1,0,0,0",
        f"t{EPOCH + 9},default,1,0,0,s",
    )


# --- again, late, gone


@pytest.mark.parametrize(
    ("kind", "value", "detail"),
    [("t", b"", "+9"), ("t", b"", "+0"), ("s", b"go", "9"), ("n", b"drop", "0")],
)
def test_a_repeated_outcome_is_stale_and_changes_nothing(
    chain: Scene, kind: str, value: bytes, detail: str
) -> None:
    report = Report(chain.claimed("a"), "a", kind, value, detail)
    chain.advance(report)
    before = chain.everything()
    assert chain.advance(report).codes == [0]
    assert chain.everything() == before


@pytest.mark.parametrize("kind", "tsn")
def test_an_outcome_of_a_purged_execution_is_gone(chain: Scene, kind: str) -> None:
    token = chain.claimed("a")
    chain.store.command("DEL", chain.store.key("execution:e1"))
    assert chain.advance(Report(token, "a", kind, b"go", "0")).codes == [3]
    assert (chain.tokens(), chain.store.zset("timers"), chain.events()) == ({}, {}, [])
