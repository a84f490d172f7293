"""check_partition: waiting steps, deadlines, timeouts, pauses, sagas; sound ones, and damage."""

from collections.abc import Callable

import pytest

from tests.store.arrange import META, Scene, flow
from tests.store.support import EPOCH, Store

LATER = EPOCH + 900


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return an execution with a timeout; steps sleep, wait for signals, and for a child."""
    scene = Scene(store, flow("a", "b", "c", "d", "e", deadlines={"c": 5.0}))
    scene.execution(active=5, flags="x", timeout="900")
    scene.timer("x:e1", LATER)
    scene.parked("a", LATER)
    scene.waits("b", due=LATER)
    scene.waits("c")
    scene.timer("d:e1:3", LATER)
    scene.nested("d", "e1.d")
    scene.ready("e")
    return scene


def command(*words: str | int) -> Callable[[Scene], object]:
    """A command whose first argument is a key of the partition."""
    return lambda s: s.store.command(words[0], s.store.key(str(words[1])), *words[2:])


# --- sound


def test_waiting_is_sound(scene: Scene) -> None:
    assert scene.problems() == []


@pytest.mark.parametrize("flags", ["p", "w", "pw"])
def test_a_paused_execution_is_sound(store: Store, flags: str) -> None:
    scene = Scene(store, flow("a", "b"))
    scene.execution(active=2, flags=flags)
    scene.held("a")
    scene.claimed("b")
    assert scene.problems() == []


@pytest.mark.parametrize("phase", "rfc")
def test_a_held_step_is_sound_while_its_page_is_due(store: Store, phase: str) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution(phase=phase)
    scene.held("c")
    for number in (3, 1):
        scene.timer(f"k:e1:{number}")
        assert scene.problems() == []
        scene.store.command("ZREM", scene.store.key("timers"), f"k:e1:{number}")


def test_a_scheduled_execution_is_sound(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(phase="s", f0="1 c ", begin=str(LATER))
    scene.timer("f:e1:0", LATER)
    assert scene.problems() == []


def test_a_cancelled_execution_whose_child_ends_is_sound(store: Store) -> None:
    """The deadline of its step may be over: it waits for the child's end."""
    scene = Scene(store, flow("a", deadlines={"a": 5.0}))
    scene.execution(phase="c")
    scene.nested("a", "e1.a")
    scene.execution("e1.a", flags="k", parent="e1 1")
    scene.ready("a", execution="e1.a")
    scene.timer("d:e1.a:1")
    scene.timer("c:e1.a")
    scene.timer("p:e1:1")
    assert scene.problems() == []


def test_a_compensating_execution_is_sound(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c", undo={"a": "started"}))
    scene.execution(phase="u", flags="c", s2="X1", c3="131073")
    scene.done("a")
    scene.undoing("a", left=0)
    scene.ready("a~undo")
    assert scene.problems() == []


def test_a_rerun_counts_what_it_kept(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c"))
    scene.execution(flags="y", c3="131073", origin="e0")
    scene.done("a")
    scene.ready("b")
    assert scene.problems() == []
    scene.set("c3", "0")
    assert scene.problems() == ["e1: join 3 counts 0 instead of 131073"]


def test_a_rerun_that_only_compensates_counts_nothing(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c", "c>z!always", undo={"a": "started"}))
    scene.execution(phase="u", flags="y", origin="e0", s2=f"F{META},8-1\n=\x01")
    scene.done("a")
    scene.undoing("a", left=0)
    scene.ready("a~undo")
    assert scene.problems() == []


@pytest.mark.parametrize(
    "record", ["C0,0,0,default,0,0,0-0\n=\x07", "C0,0,0,default,0,0,0-0|,2,\n@"]
)
def test_what_an_operator_skipped_counts_as_completed(store: Store, record: str) -> None:
    scene = Scene(store, flow("a>b:yes", "a>c:no", "d>b", "d>c"))
    number = scene.plan.numbers
    taken = 1 if "|" in record else 131073
    scene.execution(**{f"s{number['a']}": record, f"c{number['b']}": "131073",
                       f"c{number['c']}": str(taken)})  # fmt: skip
    scene.ready("d")
    assert scene.problems() == []


# --- damage


def fields(**given: str) -> Callable[[Scene], object]:
    """Fields of the execution; PLAN stands for its plan."""

    def write(scene: Scene) -> None:
        for field, value in given.items():
            scene.set(field.replace("_", ":"), value.replace("PLAN", scene.plan.hash))

    return write


def hold_without_a_pause(scene: Scene) -> None:
    scene.held("b")
    scene.store.command("ZREM", scene.store.key("timers"), "w:e1:2")


def hold_and_keep_the_timer(scene: Scene) -> None:
    scene.execution(active=5, flags="px")
    scene.held("a")


def keep_the_deadline_of_a_settled_step(scene: Scene) -> None:
    scene.timer("d:e1:4", LATER)
    scene.set("s4", "Ss")


SABOTAGE: list[tuple[str, Callable[[Scene], object], list[str]]] = [
    ("sleeps without a timer", command("ZREM", "timers", "w:e1:1"),
     ["e1: step 1 waits for a timer that is not set"]),
    ("waits without its timer", command("ZREM", "timers", "w:e1:2"),
     ["e1: step 2 waits for a timer that is not set"]),
    ("stands in no line", fields(w_go=",2,"),
     ["e1: step 3 does not stand in line for signal go"]),
    ("nobody stands in line", fields(w_go=""),
     ["e1: step 2 does not stand in line for signal go",
      "e1: step 3 does not stand in line for signal go"]),
    ("stands in another line", fields(s3="wother,default,1,0,0,0"),
     ["e1: step 3 does not stand in line for signal other"]),
    ("deadline gone", command("ZREM", "timers", "d:e1:3"),
     ["e1: step 3 has a deadline that is not set"]),
    ("timeout gone", command("ZREM", "timers", "x:e1"),
     ["e1: has a timeout that is not set"]),
    ("held without a pause", hold_without_a_pause,
     ["e1: step 2 is held, and nothing is paused"]),
    ("child forgotten", fields(s4="Ss"),
     ["e1: counts 5 live steps instead of 4"]),
    ("deadline of a settled step", keep_the_deadline_of_a_settled_step,
     ["e1: counts 5 live steps instead of 4", "timers: d:e1:4 belongs to nothing"]),
    ("timer of a child's step", lambda scene: scene.timer("w:e1:4"),
     ["timers: w:e1:4 belongs to nothing"]),
    ("timer of a held step", hold_and_keep_the_timer,
     ["timers: w:e1:1 belongs to nothing"]),
    ("timeout nobody knows of", fields(state="r 5 1 PLAN"),
     ["timers: x:e1 belongs to nothing"]),
    ("stops unseen", fields(state="c 5 1 PLAN cx"),
     ["e1: stopping index disagrees with its phase"]),
    ("compensates and stops", fields(state="u 5 1 PLAN sx"),
     ["e1: stopping index disagrees with its phase"]),
    ("order to begin gone", fields(state="s 6 1 PLAN x", f0="1 c "),
     ["e1: edges of step 0 are owed without an order"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sabotage", "problems"), [x[1:] for x in SABOTAGE], ids=[x[0] for x in SABOTAGE]
)
def test_damage_is_seen(
    scene: Scene, sabotage: Callable[[Scene], object], problems: list[str]
) -> None:
    sabotage(scene)
    assert scene.problems() == problems


@pytest.mark.parametrize("phase", "rfcu")
def test_a_page_behind_a_held_step_does_not_excuse_it(store: Store, phase: str) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution(phase=phase)
    scene.held("b")
    scene.timer("k:e1:3")
    assert scene.problems() == ["e1: step 2 is held, and nothing is paused"]
