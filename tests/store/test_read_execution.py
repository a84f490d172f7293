"""read_execution and the plain reads: what is recorded comes back typed."""

import pytest

from redflow.store.executions import read_execution
from redflow.store.records import RawExecution, RawStep
from redflow.store.steps import read_envelope, read_fields, read_pending
from redflow.store.sweeps import read_members, read_plan_hash, read_tokens
from tests.store.arrange import META, QUEUES, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store


def read(
    store: Store, execution: str = "e1", *, first: int = 1, last: int = 0
) -> RawExecution | None:
    """Read an execution and a page of steps."""
    op = read_execution(
        store.space, store.partition, execution, queues=QUEUES, first=first, last=last
    )
    return store.run(op)


def test_no_execution(store: Store) -> None:
    assert read(store) is None


def test_the_execution_itself(store: Store) -> None:
    scene = Scene(store, flow("a>b"))
    scene.execution(phase="f", failed_step="1", error=b"=\x05", meta=b"\x80")
    found = read(store)
    assert found == RawExecution(
        id="e1", phase="f", plan=scene.plan.hash, created=EPOCH, workflow="wf", version=1,
        digest="digest", input=b"\x01", meta=b"\x80", error=b"\x05", failed_step=1, ended=None,
        ended_as=None, flags="s", steps=[],
    )  # fmt: skip


def test_a_large_input_is_fetched(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(input=b"@")
    scene.set("big:input", b"\xa5large")
    found = read(store)
    assert found is not None
    assert found.input == b"\xa5large"


def test_further_pages_do_not_repeat_a_large_input(store: Store) -> None:
    scene = Scene(store, flow("a", "b"))
    scene.execution(input=b"@", s2="Ss")
    scene.set("big:input", b"\xa5large")
    found = read(store, first=2, last=2)
    assert found is not None
    assert (found.input, [step.step for step in found.steps]) == (b"", [2])


def test_how_it_ended(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    scene.advance(Report(scene.claimed("a"), "a"))
    found = read(store)
    assert found is not None
    assert (found.phase, found.ended, found.ended_as) == ("d", EPOCH, "C")


def test_every_kind_of_step(store: Store) -> None:
    scene = Scene(store, flow(*"abcdefghi"))
    scene.execution(active=3)
    running = scene.claimed("a")
    store.silence("default", [running], 70_000)
    ready = scene.ready("b")
    scene.set("s3", f"t{EPOCH + 9},mail,2,1,0,r")
    scene.set("e3", b"=\x05")
    scene.set("s4", f"C{META},8-1|,2,\n=\x07")
    scene.set("s5", f"C{META},8-1\n@")
    scene.set("big:s5", b"\xa5large")
    scene.set("s6", f"F3,1,2,slow-2,5,7,8-1\n={chr(6)}")
    scene.set("s7", "Sb")
    scene.set("s8", f"X{EPOCH}")
    scene.set("s9", f"X{EPOCH},{META},8-1")
    found = read(store, last=9)
    assert found is not None
    a, *rest = found.steps
    assert (a.kind, a.token, a.queue, a.worker) == ("q", running, "default", "w1")
    assert a.silent is not None
    assert a.silent >= 70_000
    assert a.ready_at == int(running.split("-")[0])
    settled = {"queue": "default", "wait": 5, "run": 7, "token": "8-1"}
    assert rest == [
        RawStep(2, "q", token=ready, queue="default"),
        RawStep(3, "t", 2, 1, 0, queue="mail", at=EPOCH + 9, why="r", retry_error=b"\x05"),
        RawStep(4, "C", 1, 0, 0, not_taken=",2,", value=b"\x07", **settled),  # type: ignore[arg-type]
        RawStep(5, "C", 1, 0, 0, value=b"large".join([b"\xa5", b""]), **settled),  # type: ignore[arg-type]
        RawStep(6, "F", 3, 1, 2, value=b"\x06", **{**settled, "queue": "slow-2"}),  # type: ignore[arg-type]
        RawStep(7, "S", why="b"),
        RawStep(8, "X", at=EPOCH),
        RawStep(9, "X", 1, 0, 0, at=EPOCH, **settled),  # type: ignore[arg-type]
    ]


@pytest.mark.row(15)
@pytest.mark.parametrize("how", ["DEL", "XGROUP DESTROY"])
def test_it_is_read_while_its_group_is_gone(store: Store, how: str) -> None:
    """Nobody holds a step then, until a sweep has made the group again."""
    scene = Scene(store, flow("a"))
    scene.execution()
    scene.claimed("a")
    key = store.key("ready:default")
    store.command(*(("DEL", key) if how == "DEL" else ("XGROUP", "DESTROY", key, "workers")))
    found = read(store, last=1)
    assert found is not None
    assert [(step.kind, step.worker) for step in found.steps] == [("q", None)]


def test_every_kind_of_waiting(store: Store) -> None:
    scene = Scene(store, flow(*"abcdef"))
    scene.execution(active=5)
    scene.parked("a", EPOCH + 9, "2,1,3", "s")
    scene.waits("b", due=EPOCH + 9, counts="2,1,3")
    scene.waits("c", "my-signal")
    scene.nested("d", "e1.d~2", "2,1,3")
    scene.set("e4", b"=\x05")
    scene.held("e", "2,1,3")
    scene.set("s6", "C0,0,0,mail,0,0,0-0|,1,\n=\x07")
    found = read(store, last=6)
    assert found is not None
    assert found.steps == [
        RawStep(1, "t", 2, 1, 3, queue="default", at=EPOCH + 9, why="s"),
        RawStep(2, "w", 2, 1, 3, queue="default", at=EPOCH + 9, waiting_for="go"),
        RawStep(3, "w", 1, 0, 0, queue="default", waiting_for="my-signal"),
        RawStep(4, "k", 2, 1, 3, queue="default", waiting_for="e1.d~2", retry_error=b"\x05"),
        RawStep(5, "h", 2, 1, 3, queue="default"),
        RawStep(6, "C", 0, 0, 0, "mail", 0, 0, "0-0", not_taken=",1,", value=b"\x07"),
    ]


def test_where_an_execution_came_from_and_what_became_of_it(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(
        phase="u", flags="cky", begin=str(EPOCH + 1), timeout="900", parent="e0.x 7",
        cancelled=b"\x80", undo="3 1", paused=b"note", origin="e0", rerun_as="e0~r2",
    )  # fmt: skip
    found = read(store)
    assert found is not None
    assert (found.phase, found.flags) == ("u", "cky")
    assert (found.begin, found.timeout) == (EPOCH + 1, 900)
    assert (found.parent, found.parent_step) == ("e0.x", 7)
    assert (found.cancelled, found.paused) == (b"\x80", b"note")
    assert (found.undo_total, found.undo_left) == (3, 1)
    assert (found.origin, found.rerun_as) == ("e0", "e0~r2")


def test_a_pause_that_is_over_left_no_note(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(paused=b"")
    found = read(store)
    assert found is not None
    assert found.paused is None


def test_a_value_that_looks_like_a_record_is_a_value(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    value = pack("x|\n=@\n@")
    scene.advance(Report(scene.claimed("a"), "a", value=b"=" + value))
    found = read(store, last=1)
    assert found is not None
    assert (found.steps[0].value, found.steps[0].not_taken) == (value, "")


def test_a_page_of_steps(store: Store) -> None:
    scene = Scene(store, flow(*"abcd"))
    scene.execution(s1="Ss", s3="Sb", s4="Ss")
    found = read(store, first=2, last=3)
    assert found is not None
    assert [step.step for step in found.steps] == [3]


def test_plain_reads(store: Store) -> None:
    scene = Scene(store, flow("a", "b"))
    scene.execution(s1="Ss")
    first, second = scene.ready("a"), scene.ready("b")
    partition = store.partition
    assert store.run(read_fields(partition, "e1", ["s9", "input"])) == [None, b"=\x01"]
    assert store.run(read_plan_hash(partition, "e1")) == scene.plan.hash
    assert store.run(read_plan_hash(partition, "e9")) is None
    store.command("HSET", partition.execution("e8"), "state", "no state")
    assert store.run(read_plan_hash(partition, "e8")) == ""
    assert store.run(read_members(partition, "live", 0, -1)) == ["e1"]
    tokens = store.run(read_tokens(partition, "default", "", 1))
    assert [(token, read_envelope(entry).step) for token, entry in tokens] == [(first, 1)]
    assert [t for t, _ in store.run(read_tokens(partition, "default", first, 9))] == [second]


def test_a_worker_reads_what_stands_under_its_own_name(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution(active=3)
    a, b = scene.claimed("a"), scene.claimed("b")
    scene.ready("c", worker="w2")

    def pending(after: str, count: int = 9) -> list[tuple[str, int | None]]:
        op = read_pending(store.partition, "default", "w1", after=after, count=count)
        found = store.run(op)
        return [(token, entry and read_envelope(entry).step) for token, entry in found]  # type: ignore[misc]

    assert pending("0") == [(a, 1), (b, 2)]
    assert pending("0", 1) == [(a, 1)]
    assert pending(a) == [(b, 2)]
    store.command("XDEL", store.key("ready:default"), b)
    assert pending(a) == [(b, None)]
    assert pending(b) == []
