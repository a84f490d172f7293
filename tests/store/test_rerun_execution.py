"""rerun_execution: what a rerun copies, what it runs, and reruns that only compensate."""

from collections.abc import Sequence

import pytest

from redflow.model.compiling import compile_plan
from redflow.store.reruns import rerun_execution
from redflow.store.space import Limits
from redflow.store.steps import Ended
from redflow.store.stopping import Stopped
from tests.store.arrange import META, QUEUES, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

OLD, NEW = "e1", "e1~r1"
FAILED = f"F{META},9-1\n=\x02"


def ended(store: Store, *texts: str, letter: str = "F", flags: str = "", **given: object) -> Scene:
    """An execution that has ended; its records are the test's."""
    scene = Scene(store, flow(*texts, **given))
    scene.ended(OLD, letter, seq=7, flags=flags, input=b"=" + pack("in"))
    return scene


def rerun(
    scene: Scene, *copies: tuple[int, int, str], new: str = NEW, undos: Sequence[int] = (),
    input: bytes | None = None, digest: str = "digest", version: int = 1, plan: str = "",
    workflow: str = "wf", compensation: bool = False, old: str = OLD,
) -> Stopped:  # fmt: skip
    """Run e1 again."""
    return scene.store.run(
        rerun_execution(
            scene.store.space, scene.store.partition, old=old, new=new,
            plan=plan or scene.plan.hash, queues=QUEUES, workflow=workflow, version=version,
            digest=digest, input=input, copies=copies, undos=undos, compensation=compensation,
        )
    )  # fmt: skip


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return an execution of a > b > c that failed in b."""
    scene = ended(store, "a>b", "b>c")
    scene.set("s1", f"C{META},8-1\n=\xa3out".encode("latin-1"))
    scene.set("s2", FAILED)
    return scene


# --- ok


def test_what_is_kept_is_copied_and_the_rest_runs(scene: Scene) -> None:
    scene.store.now += 5
    assert rerun(scene, (1, 1, "")) == Stopped("ok", [], [])
    ((token, carried),) = scene.tokens().items()
    assert scene.store.hash(f"execution:{NEW}") == {
        "state": f"r 1 1 {scene.plan.hash} y".encode(),
        "start": f"{EPOCH + 5} wf 1 digest".encode(),
        "input": b"=" + pack("in"),
        "origin": OLD.encode(),
        "s1": f"C{META},8-1\n=".encode() + pack("out"),
        "s2": f"q{token},default".encode(),
    }
    assert carried == [1, 0, 0, NEW, 2, scene.plan.hash, ["out"], None, None]
    assert scene.fields()["rerun_as"] == NEW
    assert scene.store.zset("live") == {NEW: EPOCH + 5}
    assert scene.events() == [(1, NEW, 1, None, "wf 1")]
    assert scene.problems() == []


def test_it_ends_like_any_other(scene: Scene) -> None:
    rerun(scene, (1, 1, ""))
    ended_one_by_one = []
    for node in "bc":
        (claim,) = scene.advance(claims={"default": 1}).claims
        reply = scene.advance(Report(claim.token, node, execution=NEW))
        ended_one_by_one.append(reply.ended)
    assert ended_one_by_one == [[], [Ended(NEW, "C", scene.plan.hash)]]
    assert scene.state(NEW) == "d 0 4 y"
    assert scene.problems() == []


def test_nothing_kept_runs_everything_again(scene: Scene) -> None:
    rerun(scene)
    assert [carried[3:7:3] for carried in scene.tokens().values()] == [[NEW, ["in"]]]
    assert [carried[4] for carried in scene.tokens().values()] == [1]


def test_input_metadata_and_headers_come_from_the_old_one(store: Store) -> None:
    scene = ended(store, "a")
    for field, value in {"input": b"@", "big:input": b"\xa5large", "meta": b"\x80",
                         "headers": pack(b"trace"), "timeout": b"900"}.items():  # fmt: skip
        scene.set(field, value)
    rerun(scene)
    found = store.hash(f"execution:{NEW}")
    assert {name: found.get(name) for name in ("input", "big:input", "meta", "headers")} == {
        "input": b"@", "big:input": b"\xa5large", "meta": b"\x80", "headers": pack(b"trace"),
    }  # fmt: skip
    assert "timeout" not in found
    assert [carried[6:8] for carried in scene.tokens().values()] == [[None, b"trace"]]


@pytest.mark.parametrize(("limit", "field"), [(2048, "input"), (1, "big:input")])
def test_it_may_have_an_input_of_its_own(scene: Scene, limit: int, field: str) -> None:
    scene.store.limits = Limits(inline_value=limit)
    rerun(scene, input=pack("other"), digest="d2")
    found = scene.store.hash(f"execution:{NEW}")
    assert found[field].lstrip(b"=") == pack("other")
    assert found["start"].endswith(b" d2")


def test_large_outputs_are_copied(scene: Scene) -> None:
    scene.set("s1", f"C{META},8-1\n@")
    scene.set("big:s1", b"\xa5large")
    rerun(scene, (1, 1, ""))
    found = scene.store.hash(f"execution:{NEW}")
    assert (found["s1"], found["big:s1"]) == (f"C{META},8-1\n@".encode(), b"\xa5large")
    assert [carried[6] for carried in scene.tokens().values()] == [None]


@pytest.mark.parametrize("output", ["\n@", "|,2,\n@", "x|y", "@"])
def test_an_output_that_looks_like_a_record_is_an_output(scene: Scene, output: str) -> None:
    record = f"C{META},8-1\n=".encode() + pack(output)
    scene.set("s1", record)
    rerun(scene, (1, 1, ""))
    assert scene.store.hash(f"execution:{NEW}")["s1"] == record
    assert [carried[6] for carried in scene.tokens().values()] == [[output]]


def test_branches_that_were_not_taken_are_not_taken_again(store: Store) -> None:
    scene = ended(store, "a>b:yes", "a>c:no", "b>d", "c>d")
    scene.set("s1", f"C{META},8-1|,2,\n=\x07")
    scene.set("s3", "Ss")
    rerun(scene, (1, 1, ",2,"), (3, 3, ""))
    assert scene.record("a", NEW) == f"C{META},8-1|,2,\n=\x07"
    assert scene.record("c", NEW) == "Ss"
    assert [carried[4] for carried in scene.tokens().values()] == [2]
    assert scene.fields(NEW)["c4"] == "1"
    assert scene.problems() == []


def test_a_join_of_kept_and_new_waits_for_the_new(store: Store) -> None:
    scene = ended(store, "a>c", "b>c")
    scene.set("s1", f"C{META},8-1\n=\x07")
    rerun(scene, (1, 1, ""))
    assert [carried[4] for carried in scene.tokens().values()] == [2]
    assert scene.problems() == []
    (claim,) = scene.advance(claims={"default": 1}).claims
    scene.advance(Report(claim.token, "b", value=b"=\x08", execution=NEW))
    assert [carried[6] for carried in scene.tokens().values()] == [[7, 8]]
    assert scene.problems() == []


def test_a_kept_step_behind_a_new_one_does_not_run_again(store: Store) -> None:
    """Here one that an operator skipped; the edge that leads there settles and starts nothing."""
    scene = ended(store, "a>b", "b>c")
    scene.set("s2", "C0,0,0,default,0,0,0-0\n=\x07")
    rerun(scene, (2, 2, ""))
    assert [carried[4] for carried in scene.tokens().values()] == [1, 3]
    (claim, _) = scene.advance(claims={"default": 2}).claims
    assert scene.advance(Report(claim.token, "a", execution=NEW)).codes == [1]
    assert scene.record("b", NEW) == "C0,0,0,default,0,0,0-0\n=\x07"
    assert scene.state(NEW) == "r 1 2 y"
    assert scene.problems() == []


def test_a_newer_version_takes_over_by_the_numbers_given(scene: Scene) -> None:
    newer = compile_plan(flow("a>c", "a>b", "_x>a"), 2)
    assert newer.numbers == {"_x": 1, "a": 2, "b": 3, "c": 4}
    scene.store.put_plan(newer)
    assert rerun(scene, (2, 1, ",1,"), plan=newer.hash, version=2).word == "ok"
    assert scene.fields(NEW)["s2"] == f"C{META},8-1|,1,\n=\xa3out"
    assert scene.fields(NEW)["s3"] == "Ss"
    assert sorted(carried[4] for carried in scene.tokens().values()) == [1, 4]


def test_steps_to_undo_are_those_of_the_old_one(store: Store) -> None:
    scene = ended(store, "a", "b", "c", undo={"a": "started", "b": "started"})
    done = f"C{META},8-1\n=\x07"
    scene.set("s1", done)
    scene.set("s2", done)
    rerun(scene, (1, 1, ""), (2, 2, ""), undos=[2, 1])
    found = scene.fields(NEW)
    assert (found["o1"], found["o2"], found["undo"]) == ("2", "1", "2 2")
    (claim,) = scene.advance(claims={"default": 1}).claims
    scene.advance(Report(claim.token, "c", "f", b"=\x02", execution=NEW))
    assert [carried[4] for carried in scene.tokens().values()] == [scene.plan.numbers["a~undo"]]
    assert scene.problems() == []


def test_a_rerun_with_everything_kept_ends_at_once(store: Store) -> None:
    scene = ended(store, "a>b")
    for field in ("s1", "s2"):
        scene.set(field, f"C{META},8-1\n=\x07")
    stopped = rerun(scene, (1, 1, ""), (2, 2, ""))
    assert stopped == Stopped("ok", [], [Ended(NEW, "C", scene.plan.hash)])
    assert scene.fields(NEW)["ended"] == f"{EPOCH} C"
    assert [event[0] for event in scene.events()] == [1, 2]
    assert scene.problems() == []


def test_edges_over_the_budget_become_orders(store: Store) -> None:
    scene = ended(store, "a>b", "a>c", "d>e")
    store.limits = Limits(edge_budget=3)
    done = f"C{META},8-1\n=\x07"
    d = scene.plan.numbers["d"]
    scene.set("s1", done)
    scene.set(f"s{d}", done)
    orders = rerun(scene, (1, 1, ""), (d, d, "")).orders
    assert orders == [f"f:{NEW}:1", f"f:{NEW}:{d}"]
    assert scene.state(NEW) == "r 3 1 y"
    assert scene.problems() == []
    assert scene.promote(*orders) == (["done", "done"], [])
    assert scene.state(NEW) == "r 3 1 y"
    assert scene.problems() == []


def test_a_paused_workflow_runs_nothing_again_yet(scene: Scene) -> None:
    scene.store.command("HSET", scene.store.key("workflow:wf"), "paused", "1")
    rerun(scene, (1, 1, ""))
    assert scene.state(NEW) == "r 1 1 wy"
    assert scene.record("b", NEW) == "hdefault,1,0,0"
    assert scene.problems() == []


# --- compensation: what failed to be undone is undone again


@pytest.mark.parametrize(("letter", "index"), [("F", "failed"), ("X", "cancelled")])
def test_only_what_failed_to_be_undone_is_undone_again(
    store: Store, letter: str, index: str
) -> None:
    flags = "c" if letter == "X" else ""
    scene = ended(store, "a", "b", "c", undo=dict.fromkeys("ab", "started"), letter=letter,
                  flags=flags)  # fmt: skip
    numbers = scene.plan.numbers
    done = f"C{META},8-1\n=\x07"
    records = {1: done, 2: done, 3: FAILED, numbers["b~undo"]: FAILED, numbers["a~undo"]: done}
    for step, record in records.items():
        scene.set(f"s{step}", record)
    for field, value in {"error": b"=\x02", "failed_step": b"3", "cancelled": b"\x80"}.items():
        scene.set(field, value)
    kept = [(step, step, "") for step in (1, 2, 3, numbers["a~undo"])]
    # Its workflow rests; that is nothing to a compensation.
    store.command("HSET", store.key("workflow:wf"), "paused", "1")
    assert rerun(scene, *kept, undos=[2], compensation=True) == Stopped("ok", [], [])
    ((token, carried),) = scene.tokens().items()
    assert carried[3:5] == [NEW, numbers["b~undo"]]
    found = scene.fields(NEW)
    assert found == {
        "state": f"u 1 2 {scene.plan.hash} {flags}y", "origin": OLD, "o1": "2", "undo": "1 0",
        "error": "=\x02", "failed_step": "3", "cancelled": "\x80",
        "s1": done, "s2": done, "s3": FAILED, f"s{numbers['a~undo']}": done,
        f"s{numbers['b~undo']}": f"q{token},default",
    }  # fmt: skip
    assert scene.events() == [(1, NEW, 1, None, "wf 1"), (11, NEW, 2, numbers["b~undo"], 2)]
    assert scene.problems() == []
    scene.advance(claims={"default": 1})
    (end,) = scene.advance(Report(token, "b~undo", execution=NEW)).ended
    assert end == Ended(NEW, letter, scene.plan.hash)
    assert NEW in store.zset(f"finished:{index}")
    assert scene.problems() == []


# --- refused, with nothing written


def test_the_same_again_is_dup_and_changes_nothing(scene: Scene) -> None:
    rerun(scene, (1, 1, ""))
    before = scene.everything()
    assert rerun(scene, (1, 1, "")) == Stopped("dup", [], [])
    assert scene.everything() == before


def test_an_id_that_is_taken_is_a_conflict(scene: Scene) -> None:
    scene.execution("e2")
    scene.execution("e3", origin="e7")
    rerun(scene)
    before = scene.everything()
    words = [
        rerun(scene, new="e2").word,
        rerun(scene, new="e3").word,
        rerun(scene, digest="d2").word,
    ]
    assert words == ["conflict"] * 3
    assert scene.everything() == before


@pytest.mark.parametrize("phase", "srfcu")
def test_what_has_not_ended_is_running(store: Store, phase: str) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(phase=phase)
    before = scene.everything()
    assert rerun(scene).word == "running"
    assert scene.everything() == before


def test_what_may_not_run_again_does_not(scene: Scene) -> None:
    scene.store.publish("resting", scene.plan.hash, 1, status="INACTIVE")
    before = scene.everything()
    words = [
        rerun(scene, old="e9"),
        rerun(scene, workflow="resting"),
        rerun(scene, workflow="nobody"),
    ]
    assert [stopped.word for stopped in words] == ["gone", "inactive", "unknown"]
    assert scene.everything() == before
