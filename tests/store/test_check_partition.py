"""check_partition: every problem it knows is seen, and a sound partition has none."""

from collections.abc import Callable

import pytest
import redis

from redflow.store.sweeps import check_partition
from tests.store.arrange import META, QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a sound execution: a and b completed, c waits for d, d is ready, e on a timer."""
    scene = Scene(store, flow("a>c", "d>c", "b>e"))
    done = f"C{META},1-1\n=\x01"
    scene.execution(active=2, s1=done, s2=done, c4=str(1 + 2**17))
    scene.ready("d")
    scene.set("s5", f"t{EPOCH},default,2,0,0,r")
    scene.timer("w:e1:5")
    return scene


def check(scene: Scene, tokens: tuple[str, ...] = (), members: tuple[str, ...] = ()) -> list[str]:
    """Check execution e1, tokens of the default queue and timers of e1."""
    return scene.store.run(
        check_partition(
            scene.store.space, scene.store.partition, queues=QUEUES, executions=["e1"],
            plans=[scene.plan.hash], tokens=[word for token in tokens for word in (token, 1, 1)],
            members=[word for member in members for word in (member, 1)],
        )
    )  # fmt: skip


def test_a_sound_partition_has_no_problems(scene: Scene) -> None:
    assert check(scene, tuple(scene.tokens()), tuple(scene.store.zset("timers"))) == []


def test_numbers_are_as_expected(scene: Scene) -> None:
    assert [scene.plan.numbers[node] for node in "abdce"] == [1, 2, 3, 4, 5]


def state(text: str) -> Callable[[Scene], None]:
    return lambda s: s.set("state", text.replace("PLAN", s.plan.hash))


def command(*words: str | int) -> Callable[[Scene], None]:
    """A command whose first argument is a key of the partition."""
    return lambda s: s.store.command(words[0], s.store.key(str(words[1])), *words[2:])


def drop_tokens(scene: Scene) -> None:
    scene.store.command("XDEL", scene.store.key("ready:default"), *scene.tokens())


def swap_token(scene: Scene) -> None:
    """The token of d names another step."""
    scene.set("s3", f"q{scene.ready('a')},default")
    scene.set("s1", f"C{META},1-1\n=\x01")


SABOTAGE: list[tuple[str, Callable[[Scene], None], list[str]]] = [
    ("not live", command("ZREM", "live", "e1"), ["e1: is missing from live"]),
    ("ended too", command("ZADD", "finished:failed", 1, "e1"), ["e1: stands in finished:failed"]),
    ("stops", command("ZADD", "stopping", 1, "e1"), ["e1: stopping index disagrees with"]),
    ("fails unseen", state("f 2 1 PLAN"), ["e1: stopping index disagrees with"]),
    ("ended by phase", state("d 2 1 PLAN"), ["e1: phase and end disagree", "e1: ended with live"]),
    ("one more live", state("r 3 1 PLAN"), ["e1: counts 3 live steps instead of 2"]),
    ("one less live", state("r 1 1 PLAN"), ["e1: counts 1 live steps instead of 2"]),
    ("token gone", drop_tokens, ["e1: step 3 has no token"]),
    ("token of another", swap_token, ["e1: step 3 has no token"]),
    ("timer gone", command("ZREM", "timers", "w:e1:5"), ["e1: step 5 waits for a timer"]),
    ("counter", lambda s: s.set("c4", "1"), ["e1: join 4 counts 1 instead of 131073"]),
    ("counter gone", lambda s: s.set("c4", "0"), ["e1: join 4 counts 0 instead of 131073"]),
    ("order gone", lambda s: s.set("f2", "1 c "), ["e1: edges of step 2 are owed", "e1: counts 2"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sabotage", "problems"), [x[1:] for x in SABOTAGE], ids=[x[0] for x in SABOTAGE]
)
def test_damage_is_seen(
    scene: Scene, sabotage: Callable[[Scene], None], problems: list[str]
) -> None:
    sabotage(scene)
    found = check(scene)
    assert [one[: len(start)] for one, start in zip(found, problems, strict=True)] == problems


def test_a_step_that_nothing_will_move_is_seen(scene: Scene) -> None:
    scene.execution("e2", active=0)
    op = check_partition(
        scene.store.space, scene.store.partition, queues=QUEUES, executions=["e2"],
        plans=[scene.plan.hash],
    )  # fmt: skip
    assert scene.store.run(op) == ["e2: ended with live steps, or nothing will move it"]


def test_tokens_and_timers_of_nothing_are_seen(scene: Scene) -> None:
    (token,) = scene.tokens()
    scene.set("s3", "Ss")
    scene.timer("f:e1:1")
    scene.timer("w:e1:1")
    scene.timer("k:e1:1")
    members = ("f:e1:1", "w:e1:1", "k:e1:1", "w:e1:5", "w:e1:2")
    assert check(scene, (token, "1-1"), members)[-3:] == [
        f"queue default: token {token} belongs to no live step",
        "timers: f:e1:1 belongs to nothing",
        "timers: w:e1:1 belongs to nothing",
    ]


def test_what_stands_for_a_purged_execution_is_seen(scene: Scene) -> None:
    (token,) = scene.tokens()
    scene.store.command("DEL", scene.store.key("execution:e1"))
    assert check(scene, (token,), ("w:e1:5",)) == [
        f"queue default: token {token} belongs to no live step",
        "timers: w:e1:5 belongs to nothing",
    ]


def test_an_ended_execution_is_sound_and_its_counters_are_recounted(scene: Scene) -> None:
    (token,) = scene.tokens()
    scene.advance(claims={"default": 1})
    scene.advance(Report(token, "d"))
    scene.promote("w:e1:5")
    for claim in scene.advance(claims={"default": 5}).claims:
        node = scene.plan.step(claim.envelope.step).id
        scene.advance(Report(claim.token, node, meta=f"{claim.envelope.attempt},0,0,default,1,1"))
    assert scene.state().startswith("d 0")
    assert check(scene) == []
    scene.set("c4", "1")
    assert check(scene) == [f"e1: join 4 counts 1 instead of {2 + 2 * 2**17}"]


def test_it_writes_nothing_and_refuses_what_is_not_declared(scene: Scene) -> None:
    before = (scene.fields(), scene.tokens(), scene.store.zset("timers"))
    check(scene, tuple(scene.tokens()))
    assert (scene.fields(), scene.tokens(), scene.store.zset("timers")) == before
    op = check_partition(
        scene.store.space, scene.store.partition, queues=QUEUES, executions=["e1"], plans=[]
    )
    with pytest.raises(redis.exceptions.ResponseError, match="PLAN"):
        scene.store.run(op)


@pytest.mark.parametrize("state", ["", "r -1 5 hash", "no state at all"])
def test_a_state_that_cannot_be_read_is_refused_by_name(store: Store, state: str) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    scene.set("state", state)
    with pytest.raises(redis.ResponseError, match=r"PLAN \? of execution e1 is not declared"):
        scene.problems()
