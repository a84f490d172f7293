"""One call at least of every script, each made to an execution that gives it something to do."""

from collections.abc import Callable
from typing import Any

from redflow.store import (
    audit,
    executions,
    explaining,
    load,
    reruns,
    steps,
    stopping,
    sweeps,
    waiting,
    workers,
    workflows,
)
from redflow.store.epoch import Server, bump_epoch
from redflow.store.executions import Start
from redflow.store.op import Op
from redflow.store.workflows import Registered
from tests.faultkit.rim_calls import RIM
from tests.faultkit.ticks import SCHEDULES
from tests.faultkit.webhook_calls import WEBHOOKS
from tests.store.arrange import META, QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store

Call = Callable[[Scene], object]
LEASE = 30_000


def arranged(store: Store) -> Scene:
    """Return e1, which runs, with a step in every state, and others that stop, ended or pause.

    Of e1: a runs, b is ready, c waits for a signal, d sleeps, e waits for the child `child`,
    f is the last in line. Silent is the worker of a.
    """
    scene = Scene(
        store,
        flow("a>g", "b", "c", "d", "e", "f", undo={"a": "started"}, deadlines={"a": 9.0},
             queues={"b": "mail"}),
    )  # fmt: skip
    scene.execution(active=6, flags="x", meta=b"\x80", timeout="9")
    scene.claimed("a")
    scene.ready("b", queue="mail")
    scene.waits("c", due=EPOCH)
    scene.parked("d")
    scene.nested("e", "child")
    scene.waits("f", "other")
    for timer in (f"d:e1:{scene.plan.numbers['a']}", "x:e1"):
        scene.timer(timer)
    scene.execution("child", phase="d", active=0, flags="k", parent="e1 5", ended=f"{EPOCH} C")
    scene.execution("nested", flags="k", parent="e1 5", s2="q1-1,mail")
    scene.ended("e2", "F", error=b"=\x01")
    scene.execution("e3", phase="c", active=2, s3="wgo,default,1,0,0,0", **{"w:go": ",3,"})
    scene.execution("e4", phase="s", active=1, f0="1 c ", begin=str(EPOCH))
    scene.execution("e5", flags="p", s3="hdefault,1,0,0")
    for timer in ("f:e4:0", "k:e3:1", "k:e5:1", "c:nested", "p:e1:5"):
        scene.timer(timer)
    store.silence("default", [token(scene)])
    return scene


def token(scene: Scene) -> str:
    """The token of step a."""
    return next(iter(scene.tokens()))


# --- workers


def report(kind: str, value: bytes = b"=\x01", detail: str = "") -> Call:
    """Report of step a, with a claim in both queues."""

    def call(scene: Scene) -> object:
        one = Report(token(scene), "a", kind, value, detail)
        return scene.advance(one, claims={"default": 9, "mail": 9})

    return call


def report_last(scene: Scene) -> object:
    """The end of an execution with nothing else in it."""
    last = scene.ready("g", execution="last")
    scene.execution("last", active=1, s7=f"q{last},default")
    return scene.advance(Report(last, "g", execution="last"))


def extend(scene: Scene) -> object:
    """The heartbeat of a."""
    op = steps.extend_leases(
        scene.store.space, scene.store.partition, consumer="w1", queues=QUEUES,
        leases=[token(scene), 1, "e1"],
    )  # fmt: skip
    return scene.store.run(op)


def reclaim(limit: int, *, stops: bool = False) -> Call:
    """The lost lease of a."""

    def call(scene: Scene) -> object:
        if stops:
            scene.set("state", scene.fields()["state"].replace("r ", "f ", 1) + "s")
        op = sweeps.reclaim_leases(
            scene.store.space, scene.store.partition, lease=LEASE, deliveries_limit=limit,
            lost_error=b"\x80", queues=QUEUES, executions=["e1"], plans=[scene.plan.hash],
            leases=[token(scene), 1, 1],
        )  # fmt: skip
        return scene.store.run(op)

    return call


def list_due(scene: Scene) -> object:
    """A sweep."""
    op = sweeps.list_due(
        scene.store.space, [scene.store.partition], worker="w1", queues=QUEUES, lease=1000,
        sweep_lease=1000, sweep_gap=1000, records_cap=10,
    )  # fmt: skip
    return scene.store.run(op)


def beat(about: bytes) -> Call:
    """A worker lives, or leaves."""

    def call(scene: Scene) -> object:
        op = workers.put_worker(scene.store.space, "w1", queues=QUEUES, about=about, alive=9_000)
        return scene.store.run(op)

    return call


def drain(scene: Scene) -> object:
    """A worker is asked to end."""
    scene.store.run(
        workers.put_worker(scene.store.space, "w1", queues=QUEUES, about=b"x", alive=99)
    )
    return scene.store.run(workers.drain_worker(scene.store.space, "w1"))


def epoch(scene: Scene) -> object:
    """Another history than before."""
    scene.store.command("HSET", scene.store.key("sweeper"), "server", "run history", "epoch", 1)
    space, partition = scene.store.space, scene.store.partition
    return scene.store.run(bump_epoch(space, partition, Server("run2", "other"), lease=LEASE))


# --- producers


def start(**given: Any) -> Call:
    """An execution begins."""

    def call(scene: Scene) -> object:
        op = executions.start_executions(
            scene.store.space, scene.store.partition,
            [Start("new", 1, 1, b"\x01", "digest", **given)],
            workflows=["wf"], plans=[scene.plan.hash], queues=QUEUES,
        )  # fmt: skip
        return scene.store.run(op)

    return call


def start_child(scene: Scene) -> object:
    """Step a starts a child."""
    op = waiting.start_child(
        scene.store.space, scene.store.partition, queues=QUEUES, parent="e1", child="e1.a",
        plans=(scene.plan.hash,) * 2, workflow="wf", token=token(scene), queue=1, step=1,
        meta=META, digest="digest", input=b"\x01",
    )  # fmt: skip
    return scene.store.run(op)


def rerun(**given: Any) -> Call:
    """e2 runs again."""

    def call(scene: Scene) -> object:
        op = reruns.rerun_execution(
            scene.store.space, scene.store.partition, old="e2", new="e2~r1",
            plan=scene.plan.hash, queues=QUEUES, workflow="wf", version=1, digest="digest",
            input=None, copies=[], **given,
        )  # fmt: skip
        return scene.store.run(op)

    return call


def purge(scene: Scene) -> object:
    """e2 is removed."""
    op = reruns.purge_executions(
        scene.store.space, scene.store.partition, executions=[("e2", "")],
        completed_before=EPOCH + 1, others_before=EPOCH + 1,
    )  # fmt: skip
    return scene.store.run(op)


def pause_partition(what: str, name: str) -> Call:
    """A queue, a workflow or all is paused."""

    def call(scene: Scene) -> object:
        op = stopping.pause_partition(
            scene.store.space, scene.store.partition, what=what, name=name, on=True
        )
        return scene.store.run(op)

    return call


def skip(node: str) -> Call:
    """A step is settled by hand."""
    return lambda scene: scene.skip(node)


# --- definitions


def definition(make: Callable[[Scene], Op[Any]]) -> Call:
    """A call that needs nothing but its arguments."""
    return lambda scene: scene.store.run(make(scene))


def put_workflow(scene: Scene) -> Op[Any]:
    return workflows.put_workflow(
        scene.store.space, "new", content_hash="h", status="ACTIVE", about=b"", document=b"{}",
        queues=["default"],
    )  # fmt: skip


def update_workflow(scene: Scene) -> object:
    """A registered workflow takes no more."""
    scene.store.run(put_workflow(scene))
    op = workflows.update_workflow(scene.store.space, "new", version=1, status="INACTIVE")
    return scene.store.run(op)


def read(scene: Scene) -> Op[Any]:
    return executions.read_execution(
        scene.store.space, scene.store.partition, "e1", queues=QUEUES, first=1, last=7
    )


def explain(scene: Scene) -> Op[Any]:
    return explaining.explain_step(
        scene.store.space, scene.store.partition, execution="e1", workflow="wf", queues=QUEUES,
        steps=range(1, 8),
    )  # fmt: skip


def list_live(scene: Scene) -> Op[Any]:
    return executions.list_executions(
        scene.store.space, scene.store.partition, "live", before="+inf", after="", limit=10
    )


def check(scene: Scene) -> Op[Any]:
    return sweeps.check_partition(
        scene.store.space, scene.store.partition, queues=QUEUES, executions=["e1"],
        plans=[scene.plan.hash],
    )  # fmt: skip


def forget(scene: Scene) -> Op[Any]:
    return workers.forget_workers(
        scene.store.space, scene.store.partition, queues=QUEUES, alive=[], idle=0, limit=9
    )  # fmt: skip


def repair(scene: Scene) -> Op[Any]:
    return audit.repair_execution(
        scene.store.space, scene.store.partition, queues=QUEUES,
        executions=["e1", "e2", "e3", "e5"], plans=[scene.plan.hash],
    )  # fmt: skip


CALLS: dict[str, Call] = {
    **WEBHOOKS,
    "completed": report("c"),
    "completed, large": report("c", b"@" + b"x" * 3000),
    "failed": report("f"),
    "retried": report("r", detail="9"),
    "released": report("l", detail="9"),
    "released at once": report("n", detail="0"),
    "asleep": report("t", detail="+9"),
    "waits for a signal": report("s", b"go", "9"),
    "last of all": report_last,
    "lease renewed": extend,
    "lease lost": reclaim(5),
    "lost too often": reclaim(0),
    "lost while stopping": reclaim(5, stops=True),
    "sweep": list_due,
    "timer": lambda scene: scene.sweep("w:e1:4"),
    "timeout of a signal": lambda scene: scene.sweep("w:e1:3"),
    "deadline": lambda scene: scene.sweep("d:e1:1"),
    "execution timeout": lambda scene: scene.sweep("x:e1"),
    "scheduled start": lambda scene: scene.sweep("f:e4:0"),
    "page of a stop": lambda scene: scene.sweep("k:e3:1"),
    "page of a pause": lambda scene: scene.sweep("k:e5:1"),
    "child cancelled": lambda scene: scene.sweep("c:nested"),
    "child ended": lambda scene: scene.sweep("p:e1:5"),
    "epoch": epoch,
    "beat": beat(b"about"),
    "worker leaves": beat(b""),
    "drain": drain,
    "forget": definition(forget),
    "start": start(),
    "start with a timeout": start(timeout=9),
    "start later": start(due="+900"),
    "child": start_child,
    "rerun": rerun(),
    "rerun of a compensation": rerun(undos=[1], compensation=True),
    "purge": purge,
    "signal": lambda scene: scene.signal(),
    "early signal": lambda scene: scene.signal("early"),
    "cancel": lambda scene: scene.stop("c"),
    "fail": lambda scene: scene.stop("f"),
    "cancel before it began": lambda scene: scene.stop("c", execution="e4"),
    "pause": lambda scene: scene.pause(),
    "resume": lambda scene: scene.pause("e5", on=False),
    "pause of a queue": pause_partition("queue", "default"),
    "pause of a workflow": pause_partition("workflow", "wf"),
    "note of a pause": definition(lambda s: workers.put_pause(s.store.space, "default", on=True)),
    "end of a note": definition(lambda s: workers.put_pause(s.store.space, "default", on=False)),
    "skip of what runs": skip("a"),
    "skip of what waits": skip("c"),
    "skip of a child": skip("e"),
    "namespace": definition(lambda s: workflows.put_namespace(s.store.space, 4)),
    "partition": definition(
        lambda s: workflows.put_partition(s.store.space, s.store.partition, [*QUEUES, "new"])
    ),
    "plan": definition(
        lambda s: next(
            iter(workflows.put_plan(s.store.space, s.store.partition, "hash", {"n": "1"}))
        )
    ),
    "registration": definition(put_workflow),
    "update": update_workflow,
    "publication": definition(
        lambda s: workflows.publish_workflow(
            s.store.space, s.store.partition, "wf", Registered(2, 2, 2, "hash"), "ACTIVE"
        )
    ),
    "read": definition(read),
    "explain": definition(explain),
    "list": definition(list_live),
    "load": definition(lambda s: load.read_load(s.store.space, s.store.partition, QUEUES)),
    "check": definition(check),
    "repair": definition(repair),
    **SCHEDULES,
    **RIM,
    "unfinished": definition(
        lambda s: audit.list_unfinished(
            s.store.space, s.store.partition, worker="", queues=QUEUES, limit=9
        )
    ),
}  # fmt: skip
