"""Strategies for workflows: valid ones of every shape, and junk."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow

# A workflow is many draws; a quarter of the examples of a test keeps its time.
few = settings(max_examples=settings().max_examples // 4)

texts = st.text(max_size=4)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts | st.floats(-9e9, 9e9)
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=2)
json_objects = st.dictionaries(texts, json_values, max_size=2)
IDS = ("a", "fetch-user", "__proto__", "C_3")
UNDO = ("undo", "Undo-2")
LABELS = ("yes", "no", "a-1")
retries = st.none() | st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 9),
    initial_interval=st.integers(0, 60),
    jitter=st.sampled_from(["full", "none"]),
    non_retryable=st.lists(st.sampled_from(["ValueError", "a.B"])),
)
whens = st.sampled_from(["started", "completed", "attempted"])
timeouts = st.none() | st.just(DEFAULT) | st.floats(0.001, 1000)


def nodes(node_id):
    return st.builds(
        Node,
        st.just(node_id),
        st.sampled_from(["function", "log"]),
        name=texts,
        config=json_objects,
        retry=retries,
        timeout=timeouts,
        queue=st.sampled_from(["default", "gpu"]),
        join=st.sampled_from(["all", "any_outcome"]),
        labels=st.lists(st.sampled_from(LABELS), unique=True).map(tuple),
        ui=json_objects,
        deadline=st.none() | st.floats(0.001, 1000),
        input=st.just(DEFAULT) | json_values,
    )


def undo_nodes(node_id):
    return st.builds(
        Node, st.just(node_id), st.sampled_from(["function", "log"]), config=json_objects,
        retry=retries, timeout=timeouts, queue=st.sampled_from(["default", "gpu"]),
    )  # fmt: skip


@st.composite
def workflows(draw):
    """Draw a valid workflow: a graph whose edges lead forward, and nodes that undo others."""
    drawn = draw(st.tuples(*map(nodes, IDS[: draw(st.integers(1, len(IDS)))])))
    undoing = UNDO[: draw(st.integers(0, len(UNDO)))]
    drawn = tuple(draw(_compensated(node, undoing)) for node in drawn)
    edges = draw(_edges(drawn))
    undo = draw(st.tuples(*map(undo_nodes, undoing)))
    return Workflow(
        draw(st.sampled_from(["w", "order-7", "_"])),
        name=draw(texts),
        description=draw(texts),
        nodes=tuple(draw(st.permutations((*drawn, *undo)))),
        edges=tuple(edges),
        labels=draw(st.dictionaries(texts, texts, max_size=2)),
        metadata=draw(json_objects),
        status=draw(st.sampled_from(WorkflowStatus)),
        allow_disconnected=True,
        on_cancel=draw(st.sampled_from(["compensate", "abandon"])),
        output=draw(st.just(DEFAULT) | json_values),
    )


def _compensated(node, undoing):
    """The node as it is, or undone by one of these."""
    if not undoing:
        return st.just(node)
    undone = st.builds(
        replace, st.just(node), compensation=st.sampled_from(undoing), compensate_when=whens
    )
    return st.just(node) | undone


def _edges(nodes):
    options = [
        Edge(source.id, target.id, label=label, on=on, when=when)
        for place, source in enumerate(nodes)
        for target in nodes[place + 1 :]
        for label, on, when in [
            *((None, on, None) for on in ("success", "failure", "always")),
            *((label, "success", None) for label in source.labels),
            *((None, "success", when) for when in ("output > 1", "output.a")),
        ]
    ]
    if not options:
        return st.just([])
    return st.lists(st.sampled_from(options), max_size=8, unique=True)


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=3),
    st.text(st.characters(), max_size=6),
    st.sampled_from(["a", "b", "", "success", "log"]),
    st.lists(st.sampled_from(["a", "b", 1, None]), max_size=3),
    st.dictionaries(st.sampled_from(["a", "", 1, None, "node", "on"]), st.integers(), max_size=2),
    st.tuples(st.sampled_from(["a", "yes"])),
    st.sets(st.integers(), max_size=1),
)


def read_or_refused(read):
    """Return the workflow and no problems, or None and the problems it was refused with."""
    try:
        return read(), ()
    except InvalidWorkflow as error:
        str(error).encode()
        return None, error.problems
