"""repair_execution: each index damaged in turn is mended, and nothing sound is ever touched."""

from collections.abc import Callable, Sequence

import pytest

from redflow.store.damage import BY_HAND
from tests.store.arrange import META, Report, Scene, flow
from tests.store.auditing import audit, mend
from tests.store.support import EPOCH, Store

Damage = Callable[[Scene], object]


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return an execution on its way: b completed, a is ready, w waits for a signal, r rests,
    h has a deadline and runs, k waits for a child; all but b lead into the join z.
    """
    made = Scene(
        store,
        flow(*(f"{one}>z" for one in "abhrw"), "k", deadlines={"h": 60.0, "w": 60.0}),
    )
    numbers = made.plan.numbers
    made.execution(active=5, flags="x", timeout="90000", **{f"c{numbers['z']}": str(1 + 2**17)})
    made.set(f"s{numbers['b']}", f"C{META},1-1\n=\x01")
    made.ready("a")
    made.ready("h", worker="", attempt=2, deliveries=1)
    made.waits("w", due=EPOCH + 5000)
    made.set(f"s{numbers['r']}", f"t{EPOCH + 7000},default,2,0,0,r")
    made.set(f"s{numbers['k']}", "ke1.k,default,1,0,0")
    for member, due in {
        f"w:e1:{numbers['r']}": 7000,
        f"d:e1:{numbers['h']}": 60_000,
        f"d:e1:{numbers['w']}": 60_000,
        "x:e1": 90_000,
    }.items():
        made.timer(member, EPOCH + due)
    made.execution("e1.k", flags="k", parent=f"e1 {numbers['k']}")
    made.set(f"s{numbers['b']}", "h" + "default,1,0,0", execution="e1.k")
    made.timer(f"k:e1.k:{numbers['a']}")
    return made


def command(*given: str | int) -> Damage:
    """A command whose first argument is a key of the partition."""
    return lambda s: s.store.command(given[0], s.store.key(str(given[1])), *given[2:])


def number(scene: Scene, node: str) -> int:
    return scene.plan.numbers[node]


def without_timer(kind: str, node: str = "", execution: str = "e1") -> Damage:
    def damage(s: Scene) -> None:
        member = f"{kind}:{execution}" + (f":{number(s, node)}" if node else "")
        assert s.store.command("ZREM", s.store.key("timers"), member) == 1

    return damage


def setting(name: str, text: str) -> Damage:
    """Set a field; `%` stands for the number of the node behind it in the name."""

    def damage(s: Scene) -> None:
        field = name if len(name) < 3 or name[1:2] != "." else f"{name[0]}{number(s, name[2:])}"
        s.set(field, text.replace("PLAN", s.plan.hash))

    return damage


def drop_tokens(s: Scene) -> None:
    s.store.command("XDEL", s.store.key("ready:default"), *s.tokens())


def drop_stream(s: Scene) -> None:
    s.store.command("DEL", s.store.key("ready:default"))


def steal_token(s: Scene) -> None:
    """The record of a names the token of h."""
    theirs = s.fields()[f"s{number(s, 'h')}"]
    mine = s.fields()[f"s{number(s, 'a')}"]
    s.store.command("XDEL", s.store.key("ready:default"), mine[1:].partition(",")[0])
    s.set(f"s{number(s, 'a')}", theirs)


def stray_token(s: Scene) -> None:
    """A token of a step that has settled, which a worker holds."""
    done = s.fields()[f"s{number(s, 'b')}"]
    s.ready("b")
    s.set(f"s{number(s, 'b')}", done)


def child_ended(s: Scene) -> None:
    """The child has ended, and the order that tells its parent is lost."""
    s.store.command("ZREM", s.store.key("timers"), f"k:e1.k:{number(s, 'a')}")
    s.store.command("DEL", s.store.key("execution:e1.k"))
    s.ended("e1.k", flags="k", parent=f"e1 {number(s, 'k')}")


def child_gone(s: Scene) -> None:
    s.store.command("ZREM", s.store.key("timers"), f"k:e1.k:{number(s, 'a')}")
    s.store.command("DEL", s.store.key("execution:e1.k"))
    s.store.command("ZREM", s.store.key("live"), "e1.k")


def nothing(s: Scene) -> None:
    """No damage."""


DAMAGE: dict[str, tuple[Damage, Sequence[str]]] = {
    "live": (command("ZREM", "live", "e1"), ["e1: is missing from live"]),
    "live, the key": (
        command("DEL", "live"),
        ["key live: has lost its sentinel", "e1: is missing from live", "e1.k: is missing from"],
    ),
    "ended too": (command("ZADD", "finished:failed", 1, "e1"), ["e1: stands in finished:failed"]),
    "stops": (command("ZADD", "stopping", 1, "e1"), ["e1: stopping index disagrees"]),
    "says it stops": (setting("state", "r 5 1 PLAN sx"), ["e1: stopping index disagrees"]),
    "one more live": (setting("state", "r 6 1 PLAN x"), ["e1: counts 6 live steps instead of 5"]),
    "one less live": (setting("state", "r 4 1 PLAN x"), ["e1: counts 4 live steps instead of 5"]),
    "tokens": (drop_tokens, ["e1: step 1 has no token", "e1: step 3 has no token"]),
    "ready stream": (
        drop_stream,
        ["queue default: has lost its group"],  # behind which nothing can be read
    ),
    "group": (
        lambda s: s.store.command("XGROUP", "DESTROY", s.store.key("ready:default"), "workers"),
        ["queue default: has lost its group"],
    ),
    "token of another": (steal_token, ["e1: step 1 has no token"]),
    "stray token": (stray_token, ["queue default: token"]),
    "timers, the key": (
        command("DEL", "timers"),
        [
            "key timers: has lost its sentinel",
            "e1: step 3 has a deadline",
            "e1: step 5 waits for a timer",
            "e1: step 6 waits for a timer",
            "e1: step 6 has a deadline",
            "e1: has a timeout that is not set",
            "e1.k: step 2 is held",
        ],
    ),
    "retry": (without_timer("w", "r"), ["e1: step 5 waits for a timer"]),
    "signal's timeout": (without_timer("w", "w"), ["e1: step 6 waits for a timer"]),
    "deadline": (without_timer("d", "h"), ["e1: step 3 has a deadline"]),
    "deadline of a wait": (without_timer("d", "w"), ["e1: step 6 has a deadline"]),
    "timeout": (without_timer("x"), ["e1: has a timeout that is not set"]),
    "order to go on": (without_timer("k", "a", "e1.k"), ["e1.k: step 2 is held"]),
    "line": (setting("w:go", ""), ["e1: step 6 does not stand in line"]),
    "counter": (setting("c.z", "0"), ["e1: join 7 counts 0 instead of 131073"]),
    "stray timer": (command("ZADD", "timers", EPOCH, "w:e1:1"), ["timers: w:e1:1 belongs to no"]),
    "timer of nothing": (command("ZADD", "timers", EPOCH, "w:e9:1"), ["timers: w:e9:1 belongs"]),
    "timer of no sense": (command("ZADD", "timers", EPOCH, "rubbish"), ["timers: rubbish belongs"]),
    "index of nothing": (command("ZADD", "live", 1, "e9"), ["e9: stands in live, and is not"]),
    "end of nothing": (
        command("ZADD", "finished:completed", 1, "e9"),
        ["e9: stands in finished:completed, and is not"],
    ),
    "stop of nothing": (command("ZADD", "stopping", 1, "e9"), ["e9: stands in stopping, and is"]),
}  # fmt: skip


def found(report) -> list[str]:
    return sorted({str(one) for one in report.findings})


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_mended_once(scene: Scene, name: str) -> None:
    damage, expected = DAMAGE[name]
    damage(scene)
    before = None if name == "group" else scene.everything()
    seen = found(audit(scene.store))
    if before is not None:
        assert scene.everything() == before, "an audit that does not repair writes nothing"
    assert len(seen) == len(expected), seen
    assert all(any(one.startswith(text) for one in seen) for text in expected), seen
    mended = mend(scene.store)
    assert all(one.repair != BY_HAND for one in mended.findings)
    assert audit(scene.store).findings == []
    after = scene.everything()
    assert mend(scene.store).findings == []
    assert scene.everything() == after, "a second repair has nothing to do"


def test_a_sound_partition_is_left_as_it_is(scene: Scene) -> None:
    before = scene.everything()
    assert mend(scene.store).findings == []
    assert scene.everything() == before


# --- what was damaged runs on to its end


def run_on(scene: Scene) -> list[tuple[str, str, int]]:
    """Let everything be due, and workers run what is ready until nothing is; answers the runs."""
    runs: list[tuple[str, str, int]] = []
    scene.store.now += 50_000
    for _ in range(30):
        due = [one for one, at in scene.store.zset("timers").items() if at <= scene.store.now]
        for member in due:
            scene.promote(member)
        claims = scene.advance(claims={"default": 10}).claims
        if not claims and not due:
            break
        for claim in claims:
            envelope, node = claim.envelope, scene.plan.step(claim.envelope.step).id
            runs.append((envelope.execution, node, envelope.attempt))
            meta = f"{envelope.attempt},{envelope.deliveries},0,default,1,1"
            report = Report(claim.token, node, meta=meta, execution=envelope.execution)
            scene.advance(report)
    return sorted(runs)


def whole(scene: Scene) -> None:
    """Make the child one that can end: every step but its held one has settled."""
    for step in scene.plan.steps:
        if step.id not in ("a", "z"):
            scene.set(f"s{number(scene, step.id)}", f"C{META},1-1\n=\x01", execution="e1.k")
    scene.set(f"s{number(scene, 'b')}", f"C{META},1-1\n=\x01", execution="e1.k")
    scene.set(f"s{number(scene, 'a')}", "hdefault,1,0,0", execution="e1.k")
    scene.set(f"c{number(scene, 'z')}", str(4 + 4 * 2**17), execution="e1.k")


@pytest.mark.row(35)
@pytest.mark.parametrize("name", DAMAGE)
def test_what_was_damaged_runs_to_its_end_and_each_step_once(
    scene: Scene, name: str, measured: Callable[..., None]
) -> None:
    whole(scene)
    assert mend(scene.store).findings == []
    DAMAGE[name][0](scene)
    report = mend(scene.store)
    assert report.findings
    runs = run_on(scene)
    assert scene.signal(name="go") in ("delivered", "dup", "late", "gone")
    runs += run_on(scene)
    nodes = sorted((execution, node) for execution, node, _ in runs)
    assert nodes == sorted([("e1", one) for one in "ahkrwz"] + [("e1.k", "a"), ("e1.k", "z")]), (
        "each step that had not settled, once"
    )
    assert scene.fields()["ended"].endswith("C")
    assert scene.fields("e1.k")["ended"].endswith("C")
    assert audit(scene.store).findings == []
    done = sum(one.repaired for one in report.findings)
    measured(repaired=done, doubled=len(nodes) - len(set(nodes)))
