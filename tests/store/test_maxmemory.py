"""A server at maxmemory: what takes in is refused with nothing left behind, what drains works."""

from collections.abc import Callable, Iterator

import pytest
import redis

from redflow.store import executions, reruns, stopping, waiting, workers, workflows
from redflow.store.executions import Start
from redflow.store.steps import extend_leases
from redflow.store.sweeps import list_due, reclaim_leases
from tests.store.arrange import META, QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store
from tests.support.clients import server_client
from tests.support.server import started_server

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def own_url() -> Iterator[str]:
    """Return the URL of a server of our own: its settings are spoiled."""
    with started_server() as url:
        yield url


@pytest.fixture
def scene(own_url: str, namespace: str) -> Iterator[Scene]:
    """Return a running execution e1: a claimed, b ready, c waits for a signal.

    Beside it e2, which has failed, and e3, which is paused and waits for a signal.
    """
    client = server_client(own_url)
    store = Store(client, namespace)
    scene = Scene(store, flow("a>d", "b", "c", undo={"a": "started"}))
    scene.execution(active=3)
    scene.claimed("a")
    scene.ready("b")
    scene.waits("c", due=EPOCH)
    scene.ended("e2", "F")
    scene.execution("e3", flags="p", s3=f"wgo,default,1,0,0,{EPOCH}", **{"w:go": ",3,"})
    scene.timer("w:e3:3")
    yield scene
    full(scene, on=False)
    store.clear()
    client.close()


def full(scene: Scene, *, on: bool = True) -> None:
    scene.store.command("CONFIG", "SET", "maxmemory", "1" if on else "0")


def first(scene: Scene) -> str:
    return next(iter(scene.tokens()))


# --- intake


def start(scene: Scene, **given: object) -> object:
    op = executions.start_executions(
        scene.store.space, scene.store.partition,
        [Start("e5", 1, 1, b"\x01", "digest", **given)],
        workflows=["wf"], plans=[scene.plan.hash], queues=QUEUES,
    )  # fmt: skip
    return scene.store.run(op)


def start_child(scene: Scene) -> object:
    op = waiting.start_child(
        scene.store.space, scene.store.partition, queues=QUEUES, parent="e1", child="e1.a",
        plans=(scene.plan.hash,) * 2, workflow="wf", token=first(scene), queue=1, step=1,
        meta=META, digest="digest", input=b"\x01",
    )  # fmt: skip
    return scene.store.run(op)


def rerun(scene: Scene) -> object:
    op = reruns.rerun_execution(
        scene.store.space, scene.store.partition, old="e2", new="e2~r1", plan=scene.plan.hash,
        queues=QUEUES, workflow="wf", version=1, digest="digest", input=None, copies=[],
    )  # fmt: skip
    return scene.store.run(op)


def pause_queue(scene: Scene) -> object:
    op = stopping.pause_partition(
        scene.store.space, scene.store.partition, what="queue", name="default", on=True
    )
    return scene.store.run(op)


def put_pause(scene: Scene) -> object:
    return scene.store.run(workers.put_pause(scene.store.space, "default", on=True))


INTAKE: dict[str, Callable[[Scene], object]] = {
    "start": start,
    "scheduled start": lambda scene: start(scene, due="+900"),
    "child": start_child,
    "rerun": rerun,
    "signal": lambda scene: scene.signal(),
    "early signal": lambda scene: scene.signal("other"),
    "signal to a held step": lambda scene: scene.signal(execution="e3"),
    "pause": lambda scene: scene.pause(),
    "pause of a queue": pause_queue,
    "note of a pause": put_pause,
}


@pytest.mark.parametrize("call", INTAKE.values(), ids=INTAKE)
def test_what_takes_in_is_refused_with_nothing_left_behind(
    scene: Scene, call: Callable[[Scene], object]
) -> None:
    before = scene.everything()
    full(scene)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        call(scene)
    assert scene.everything() == before
    full(scene, on=False)
    call(scene)
    assert scene.everything() != before


# --- draining


def reclaim(scene: Scene) -> object:
    token = first(scene)
    scene.store.silence("default", [token])
    op = reclaim_leases(
        scene.store.space, scene.store.partition, lease=30_000, deliveries_limit=5, lost_error=b"x",
        queues=QUEUES, executions=["e1"], plans=[scene.plan.hash], leases=[token, 1, 1],
    )  # fmt: skip
    return scene.store.run(op).words


def purge(scene: Scene) -> object:
    op = reruns.purge_executions(
        scene.store.space, scene.store.partition, executions=[("e2", "")],
        completed_before=EPOCH + 1, others_before=EPOCH + 1,
    )  # fmt: skip
    return scene.store.run(op)


def sweep(scene: Scene) -> object:
    op = list_due(
        scene.store.space, [scene.store.partition], worker="w1", queues=QUEUES, lease=1000,
        sweep_lease=1000, sweep_gap=1000, records_cap=10,
    )  # fmt: skip
    return [one.members for one in scene.store.run(op).partitions]


def beat(scene: Scene) -> object:
    op = extend_leases(
        scene.store.space, scene.store.partition, consumer="w1", queues=QUEUES,
        leases=[first(scene), 1, "e1"],
    )  # fmt: skip
    return scene.store.run(op)


def report(kind: str, detail: str = "") -> Callable[[Scene], object]:
    def call(scene: Scene) -> object:
        value = b"go" if kind == "s" else b"=\x01"
        reply = scene.advance(Report(first(scene), "a", kind, value, detail), claims={"default": 9})
        assert reply.claims
        return reply.codes

    return call


DRAIN: dict[str, tuple[Callable[[Scene], object], object]] = {
    "completed": (report("c"), [1]),
    "failed": (report("f"), [5]),
    "retry": (report("r", "9"), [1]),
    "released": (report("l", "9"), [1]),
    "released unrun": (report("n", "0"), [1]),
    "asleep": (report("t", "+9"), [1]),
    "awaits a signal": (report("s"), [1]),
    "timeout of a signal": (lambda scene: scene.promote("w:e1:3")[0], ["done"]),
    "cancel": (lambda scene: scene.stop("c").word, "ok"),
    "fail": (lambda scene: scene.stop("f").word, "ok"),
    "skip": (lambda scene: scene.skip("a").word, "ok"),
    "reclaim": (reclaim, ["moved"]),
    "purge": (purge, ["purged"]),
    "sweep": (sweep, [["w:e1:3", "w:e3:3"]]),
    "lease": (beat, ["ok"]),
}


@pytest.mark.parametrize(("call", "answer"), DRAIN.values(), ids=DRAIN)
def test_what_drains_works(scene: Scene, call: Callable[[Scene], object], answer: object) -> None:
    full(scene)
    assert call(scene) == answer
    full(scene, on=False)
    assert scene.problems() == []


def test_a_cancelled_execution_ends_and_is_undone(scene: Scene) -> None:
    """From the request to the end without an inch of memory."""
    token = first(scene)
    full(scene)
    scene.sweep(*scene.stop("c").orders)
    reply = scene.advance(Report(token, "a"), claims={"default": 9})
    (claim,) = reply.claims
    assert claim.envelope.step == scene.plan.numbers["a~undo"]
    (end,) = scene.advance(Report(claim.token, "a~undo")).ended
    assert end.letter == "X"


# --- registering


def test_registering_is_refused_with_nothing_left_behind(scene: Scene) -> None:
    store = scene.store
    ops = [
        workflows.put_workflow(
            store.space, "new", content_hash="h", status="ACTIVE", about=b"", document=b"{}",
            queues=["default"],
        ),
        workflows.put_partition(store.space, store.partition, ["new"]),
    ]  # fmt: skip
    before = scene.everything()
    full(scene)
    for op in ops:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            store.run(op)
    assert scene.everything() == before
