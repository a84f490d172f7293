"""One step releases 5,000 and one waits for all of them: pages, orders, and a join that counts."""

import pytest

from redflow.model.compiling import compile_plan
from redflow.model.plan_fields import plan_fields
from redflow.model.workflow import Edge, Node, Workflow
from tests.store.arrange import META, Report, Scene, flow
from tests.store.support import EPOCH, Store

WIDTH = 5_000
BATCH = 128


@pytest.fixture
def wide(store: Store) -> Scene:
    """Return a running execution of a > 5,000 steps > z."""
    middle = [f"m{i:04}" for i in range(WIDTH)]
    workflow = Workflow(
        "wf",
        nodes=tuple(Node(one, "function") for one in ["a", *middle, "z"]),
        edges=tuple(edge for one in middle for edge in (Edge("a", one), Edge(one, "z"))),
    )
    scene = Scene(store, workflow)
    scene.execution()
    return scene


def run_orders(scene: Scene, orders: list[str]) -> int:
    """Carry out orders and theirs; answers the calls it took."""
    calls = 0
    while orders:
        words, orders = scene.promote(*orders)
        assert words == ["done"] * len(words)
        calls += 1
    return calls


def test_a_wide_step_is_released_in_pages_of_the_budget(wide: Scene) -> None:
    reply = wide.advance(Report(wide.claimed("a"), "a"))
    assert reply.orders == ["f:e1:1"]
    assert wide.state() == "r 1001 2"
    assert run_orders(wide, reply.orders) == 4
    assert wide.state() == "r 5000 2"
    assert [carried[4] for carried in wide.tokens().values()] == list(range(2, WIDTH + 2))
    assert wide.fields()["f1"] == ""


@pytest.mark.server
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_the_join_of_a_wide_step_runs_once_after_the_last(wide: Scene) -> None:
    orders = wide.advance(Report(wide.claimed("a"), "a"), claims={"default": BATCH}).orders
    run_orders(wide, orders)
    done = 0
    held = [(t, carried[4]) for t, carried in wide.tokens().items()][:BATCH]
    while held:
        done += len(held)
        reports = [Report(token, wide.plan.step(number).id) for token, number in held]
        reply = wide.advance(*reports, claims={"default": BATCH})
        assert set(reply.codes) == {1}
        held = [(claim.token, claim.envelope.step) for claim in reply.claims]
    assert done == WIDTH + 1
    assert wide.fields()[f"c{WIDTH + 2}"] == str(WIDTH + WIDTH * 2**17)
    assert wide.fields()["ended"] == f"{EPOCH} C"


@pytest.mark.server
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_a_wide_failure_skips_all_page_by_page(wide: Scene) -> None:
    """The skipped steps' own edges count against the budget as well."""
    wide.set("s1", "Ss")
    wide.set("f1", "1 s ")
    wide.timer("f:e1:1")
    assert run_orders(wide, ["f:e1:1"]) >= 2 * WIDTH // 1000
    assert wide.record("z") == "Ss"
    assert wide.fields()["ended"] == f"{EPOCH} C"


@pytest.mark.server
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_a_wide_stop_goes_page_by_page(wide: Scene) -> None:
    run_orders(wide, wide.advance(Report(wide.claimed("a"), "a")).orders)
    (claim,) = wide.advance(claims={"default": 1}).claims
    failed = Report(claim.token, "m0000", "f", b"=\x01", meta=META)
    orders = wide.advance(failed).orders
    assert orders == ["k:e1:1"]
    assert run_orders(wide, orders) == 11
    assert wide.tokens() == {}
    assert wide.fields()["ended"] == f"{EPOCH} F"


@pytest.mark.server
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_a_wide_pause_goes_page_by_page_and_back(wide: Scene) -> None:
    run_orders(wide, wide.advance(Report(wide.claimed("a"), "a")).orders)
    assert run_orders(wide, wide.pause()[1]) == 11
    assert wide.tokens() == {}
    assert wide.state() == "r 5000 3 p"
    assert run_orders(wide, wide.pause(on=False)[1]) == 11
    assert len(wide.tokens()) == WIDTH
    assert wide.problems() == []


@pytest.mark.server
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_a_wide_saga_is_undone_one_by_one(store: Store) -> None:
    """A call begins one compensation, however many there are."""
    nodes = [f"m{i:03}" for i in range(300)]
    scene = Scene(store, flow(*nodes, undo=dict.fromkeys(nodes, "started")))
    scene.execution(phase="c")
    scene.done(*nodes[1:])
    scene.undoing(*nodes[1:])
    reply = scene.advance(Report(scene.claimed(nodes[0]), nodes[0]), claims={"default": 9})
    seen = []
    while reply.claims:
        (claim,) = reply.claims
        node = scene.plan.step(claim.envelope.step).id
        seen.append(node)
        reply = scene.advance(Report(claim.token, node), claims={"default": 9})
    assert seen == [f"{node}~undo" for node in [nodes[0], *reversed(nodes[1:])]]
    assert scene.fields()["ended"] == f"{EPOCH} X"


def test_a_plan_with_as_many_edges_is_compiled_in_chunks() -> None:
    nodes = tuple(Node(f"n{i}", "function") for i in range(2_500))
    edges = tuple(Edge("n0", f"n{i}") for i in range(1, 2_500))
    fields = plan_fields(compile_plan(Workflow("wf", nodes=nodes, edges=edges), 1))
    assert [name for name in fields if name.startswith("o1") and name[2:3] in ("", ":")] == [
        "o1", "o1:1", "o1:2",
    ]  # fmt: skip
