"""reclaim_leases: every word, and what becomes of a step whose worker fell silent."""

import msgspec
import pytest

from redflow.store.space import Limits
from redflow.store.sweeps import reclaim_leases
from tests.store.arrange import QUEUES, Report, Scene, envelope_of, flow, pack
from tests.store.support import EPOCH, Store

LEASE = 30_000
LOST = pack({"reason": "worker_lost"})


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


def reclaim(scene: Scene, *tokens: str, limit: int = 5, lease: int = LEASE) -> list[str]:
    """Reclaim tokens of the default queue; answers the words."""
    op = reclaim_leases(
        scene.store.space, scene.store.partition, lease=lease, deliveries_limit=limit,
        lost_error=LOST, queues=QUEUES, executions=["e1"], plans=[scene.plan.hash],
        leases=[word for token in tokens for word in (token, 1, 1)],
    )  # fmt: skip
    return scene.store.run(op)[0]


def silent(scene: Scene, node: str, **given: int) -> str:
    """A step whose worker has not been heard of for longer than a lease."""
    token = scene.claimed(node, **given)
    scene.store.silence("default", [token], LEASE)
    return token


def test_a_moved_step_has_a_new_token_that_counts_the_lost_one(scene: Scene) -> None:
    old = silent(scene, "a", attempt=300, deliveries=1, releases=2)
    ((_, before),) = scene.store.entries("ready:default")
    assert reclaim(scene, old) == ["moved"]
    ((new, after),) = scene.store.entries("ready:default")
    assert new != old
    changed = [i for i, (x, y) in enumerate(zip(before["e"], after["e"], strict=True)) if x != y]
    assert changed == [4]
    assert scene.tokens()[new][:3] == [300, 2, 2]
    assert scene.store.pending("default") == {}
    assert scene.record("a") == f"q{new},default"
    assert scene.events() == [(15, "e1", 2, 1, "300,2,2,default,0,0")]
    assert scene.state() == "r 1 2"


def test_values_that_travelled_travel_again(scene: Scene) -> None:
    text = envelope_of("e1", 2, scene.plan.hash, data=pack([{"a": "v" * 300}]), headers=pack(b"h"))
    key = scene.store.key("ready:default")
    token = scene.store.command("XADD", key, "*", "e", text).decode()
    scene.set("s2", f"q{token},default")
    scene.store.command("XREADGROUP", "GROUP", "workers", "w1", "STREAMS", key, ">")
    scene.store.silence("default", [token], LEASE)
    assert reclaim(scene, token) == ["moved"]
    ((_, entry),) = scene.store.entries("ready:default")
    assert entry["e"] == text[:4] + b"\x01" + text[5:]


@pytest.mark.parametrize("number", [127, 128, 255, 256, 300])
def test_a_step_of_any_number_is_found_in_its_envelope(store: Store, number: int) -> None:
    nodes = [f"n{place:03}" for place in range(1, 301)]
    scene = Scene(store, flow(*nodes))
    scene.execution()
    node = nodes[number - 1]
    assert scene.plan.numbers[node] == number
    assert reclaim(scene, silent(scene, node)) == ["moved"]
    ((token, carried),) = scene.tokens().items()
    assert (scene.record(node), carried[4]) == (f"q{token},default", number)


@pytest.mark.parametrize(("deliveries", "word"), [(4, "moved"), (5, "lost")])
def test_leases_are_lost_so_often_and_no_more(scene: Scene, deliveries: int, word: str) -> None:
    assert reclaim(scene, silent(scene, "a", deliveries=deliveries)) == [word]


def test_a_step_lost_too_often_fails(scene: Scene) -> None:
    token = silent(scene, "a", deliveries=5)
    assert reclaim(scene, token) == ["lost"]
    body = "=" + LOST.decode("latin-1")
    assert scene.fields() == {
        "state": f"d 0 3 {scene.plan.hash}",
        "s1": f"F1,6,0,default,0,0,{token}\n{body}",
        "error": body,
        "failed_step": "1",
        "ended": f"{EPOCH} F",
    }
    assert scene.tokens() == {}
    assert [event[0] for event in scene.events()] == [7, 3]


def test_a_handler_takes_over_from_a_lost_step(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c!failure"))
    store.limits = Limits(edge_budget=1)
    scene.execution()
    op_orders = reclaim(scene, silent(scene, "a", deliveries=5))
    assert op_orders == ["lost"]
    assert store.zset("timers") == {"f:e1:1": EPOCH}
    assert scene.promote("f:e1:1")[0] == ["done"]
    assert [carried[4] for carried in scene.tokens().values()] == [3]


@pytest.mark.parametrize("phase", "fc")
def test_a_stopping_execution_cancels_instead(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase, active=2)
    token = silent(scene, "a")
    assert reclaim(scene, token) == ["cancelled"]
    assert scene.record("a") == f"X{EPOCH},1,1,0,default,0,0,{token}"
    assert scene.state() == f"{phase} 1 2 {'cs' if phase == 'c' else 's'}"
    assert scene.tokens() == {}


def test_the_last_cancelled_step_ends_the_execution(scene: Scene) -> None:
    scene.execution(phase="f", active=1, failed_step="2", error=b"=\x01")
    reclaim(scene, silent(scene, "a"))
    assert scene.fields()["ended"] == f"{EPOCH} F"
    assert scene.store.zset("stopping") == {}


@pytest.mark.parametrize("flags", ["p", "w"])
def test_a_paused_execution_holds_the_step(scene: Scene, flags: str) -> None:
    """The lost lease is counted all the same."""
    scene.execution(flags=flags)
    token = silent(scene, "a", attempt=2, deliveries=1, releases=3)
    assert reclaim(scene, token) == ["moved"]
    assert scene.record("a") == "hdefault,2,2,3"
    assert (scene.tokens(), scene.store.pending("default")) == ({}, {})
    assert scene.events() == [(15, "e1", 2, 1, "2,2,3,default,0,0")]
    assert scene.problems() == []


def test_what_resumed_a_step_goes_with_it(scene: Scene) -> None:
    token = scene.claimed("a", resume=pack(["signal", 4]))
    scene.store.silence("default", [token], LEASE)
    reclaim(scene, token)
    assert [carried[8] for carried in scene.tokens().values()] == [["signal", 4]]


def test_a_finalizer_moves_while_stopping(store: Store) -> None:
    scene = Scene(store, flow("a>z!always"))
    scene.execution(phase="c", s1="X1")
    assert reclaim(scene, silent(scene, "z")) == ["moved"]


@pytest.mark.parametrize(("deliveries", "left"), [(0, ["d:e1:1"]), (5, [])])
def test_a_moved_step_keeps_its_deadline(store: Store, deliveries: int, left: list[str]) -> None:
    scene = Scene(store, flow("a", deadlines={"a": 5.0}))
    scene.execution()
    scene.timer("d:e1:1", EPOCH + 5000)
    reclaim(scene, silent(scene, "a", deliveries=deliveries))
    assert list(store.zset("timers")) == left


@pytest.mark.parametrize("way", ["purged", "entry gone"])
def test_what_is_gone_is_only_taken_off(scene: Scene, way: str) -> None:
    token = silent(scene, "a")
    if way == "purged":
        scene.store.command("DEL", scene.store.key("execution:e1"))
    else:
        scene.store.command("XDEL", scene.store.key("ready:default"), token)
    assert reclaim(scene, token) == ["gone"]
    assert scene.store.pending("default") == {}
    assert scene.tokens() == {}


@pytest.mark.parametrize("way", ["renewed", "settled", "undelivered"])
def test_what_is_not_silent_any_more_is_left_alone(scene: Scene, way: str) -> None:
    if way == "undelivered":
        token = scene.ready("a")
    else:
        token = silent(scene, "a")
        scene.store.silence("default", [token], LEASE - 20_000)
    if way == "settled":
        scene.store.command("XACK", scene.store.key("ready:default"), "workers", token)
    before = (scene.fields(), scene.tokens(), scene.store.pending("default"))
    assert reclaim(scene, token) == ["busy"]
    assert (scene.fields(), scene.tokens(), scene.store.pending("default")) == before
    assert scene.events() == []


def test_a_second_sweep_finds_nothing_to_do(scene: Scene) -> None:
    token = silent(scene, "a")
    assert reclaim(scene, token, token) == ["moved", "busy"]
    assert reclaim(scene, token) == ["busy"]


@pytest.mark.parametrize(("ahead", "word"), [(1, "held"), (0, "moved")])
def test_the_outage_guard_holds_until_its_time(scene: Scene, ahead: int, word: str) -> None:
    scene.store.command("HSET", scene.store.key("sweeper"), "hold", EPOCH + ahead)
    token = silent(scene, "a")
    assert reclaim(scene, token) == [word]
    assert (token in scene.tokens()) == (word == "held")


def test_silence_is_what_the_server_measured(scene: Scene) -> None:
    """No idle time is set here: a lease of one millisecond runs out while the test asks."""
    token = scene.claimed("a")
    assert any(reclaim(scene, token, lease=1) == ["moved"] for _ in range(10_000))


def test_a_worker_that_reports_after_the_move_is_stale(scene: Scene) -> None:
    token = silent(scene, "a")
    reclaim(scene, token)
    assert scene.advance(Report(token, "a")).codes == [0]
    assert len(scene.tokens()) == 1


def test_the_error_reaches_the_record_as_it_was_given(scene: Scene) -> None:
    token = silent(scene, "a", deliveries=5)
    reclaim(scene, token)
    record = scene.store.hash("execution:e1")["s1"]
    assert msgspec.msgpack.decode(record.split(b"\n=", 1)[1]) == {"reason": "worker_lost"}
