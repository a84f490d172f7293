"""Ids: what is let in, what is made, and where an execution lives."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model import ids

WORDS = string.ascii_letters + string.digits + "_-"
CHECKS = {
    ids.check_execution_id: (WORDS, 128),
    ids.check_workflow_id: (WORDS, 128),
    ids.check_queue: (WORDS, 63),
    ids.check_label: (WORDS, 63),
    ids.check_node_id: (WORDS, 64),
    ids.check_namespace: (string.ascii_lowercase + string.digits + "-", 63),
}
TAKEN = {
    ids.check_label: ids.RESERVED_LABELS,
    ids.check_namespace: {"v1", "api", "health", "metrics", "webhooks", "ui"},
}
HOSTILE = [
    "",
    " ",
    "a b",
    "a" * 129,
    "{a}",
    "a:b",
    "a.b",
    "a~1",
    "..",
    "a/b",
    "%00",
    "a\x00",
    "a\n",
    "\na",
    "\u202ea",
    "é",
    "e\u0301",
    "😀",
    "\u0663",
    "a\ud800",
    "*",
    "$",
    "'",
    None,
    1,
    1.5,
    True,
    b"a",
    bytearray(b"a"),
    ["a"],
    {"a": 1},
    range(3),
]


def allowed(check, text):
    characters, longest = CHECKS[check]
    if check is ids.check_node_id and text[:1] in set(string.digits + "-"):
        return False
    fits = 1 <= len(text) <= longest and set(text) <= set(characters)
    return fits and text not in TAKEN.get(check, ())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_hostile_ids_are_refused_by_name(check, value):
    with pytest.raises(InvalidInput) as caught:
        check(value, field="the field")
    assert caught.value.field == "the field"
    assert str(caught.value).startswith("the field ")
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("check", CHECKS)
@given(text=st.text(max_size=140) | st.text(WORDS, max_size=140))
def test_an_id_is_let_in_exactly_when_the_rule_says_so(check, text):
    if allowed(check, text):
        assert check(text) is text
    else:
        with pytest.raises(InvalidInput):
            check(text)


@pytest.mark.parametrize("check", CHECKS)
def test_the_longest_id_fits_and_one_more_does_not(check):
    longest = CHECKS[check][1]
    assert check("a" * longest)
    with pytest.raises(InvalidInput):
        check("a" * (longest + 1))


@pytest.mark.parametrize(
    ("check", "name"), [(check, name) for check, names in TAKEN.items() for name in sorted(names)]
)
def test_reserved_names_are_refused(check, name):
    with pytest.raises(InvalidInput, match="reserved"):
        check(name)


def test_a_node_id_begins_with_a_letter_or_underscore():
    assert ids.check_node_id("__proto__") == "__proto__"
    for text in ("1a", "-a"):
        with pytest.raises(InvalidInput):
            ids.check_node_id(text)


def test_a_new_id_is_a_ulid_and_never_made_twice():
    made = [ids.new_execution_id() for _ in range(1000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", one) for one in made)
    assert [one[:10] for one in made] == sorted(one[:10] for one in made)
    assert ids.check_execution_id(made[0]) == made[0]


keys = st.text(min_size=1, max_size=60).filter(lambda text: len(text.encode()) <= 255)


@given(keys, keys, keys)
def test_an_id_from_a_key_is_stable_and_allowed(namespace, workflow, key):
    made = ids.id_from_key(namespace, workflow, key)
    assert made == ids.id_from_key(namespace, workflow, key)
    assert re.fullmatch(r"k-[a-z2-7]{26}", ids.check_execution_id(made))


@given(st.tuples(keys, keys, keys), st.tuples(keys, keys, keys))
def test_different_keys_never_share_an_id(one, other):
    assert (ids.id_from_key(*one) == ids.id_from_key(*other)) == (one == other)


def test_the_parts_of_a_key_cannot_flow_into_each_other():
    made = {
        ids.id_from_key(*parts) for parts in [("a", "b", "c"), ("ab", "c", "c"), ("a", "bc", "c")]
    }
    assert len(made) == 3


def test_a_key_id_never_changes():
    assert ids.id_from_key("default", "order", "invoice 7") == "k-ylr4y3oib5jst2nvjbd6wu4e6q"


@pytest.mark.parametrize("key", ["", "a" * 256, "é" * 128, "\ud800", None, 1, b"a"], ids=ascii)
def test_bad_keys_are_refused(key):
    with pytest.raises(InvalidInput, match="idempotency key") as caught:
        ids.id_from_key("default", "order", key)
    assert caught.value.field == "idempotency_key"


def test_the_longest_key_fits():
    assert ids.id_from_key("default", "order", "a" * 255)


@pytest.mark.parametrize(
    ("execution", "root"),
    [
        ("a", "a"),
        ("a.b", "a"),
        ("a.b.c~2", "a"),
        ("a~r1", "a"),
        ("a~r1.b", "a"),
        ("k-x.y~1", "k-x"),
    ],
)
def test_the_root_stands_before_the_first_dot_or_tilde(execution, root):
    assert ids.root_of(execution) == root


@given(st.text(WORDS, min_size=1, max_size=128), st.text(WORDS + ".~", max_size=60))
def test_a_tree_lives_in_one_partition(root, rest):
    assert 0 <= ids.partition_of(root, 16) < 16
    assert ids.partition_of(f"{root}.{rest}", 16) == ids.partition_of(root, 16)
    assert ids.partition_of(f"{root}~{rest}", 16) == ids.partition_of(root, 16)


def test_the_partition_is_the_hash_slot_of_redis():
    # CLUSTER KEYSLOT 123456789 answers 12739 of 16,384 slots.
    assert ids.partition_of("123456789", 16384) == 12739


@pytest.mark.parametrize(
    ("parent", "attempt", "made"),
    [
        ("a", 1, "a.pay"),
        ("a", 2, "a.pay~2"),
        ("a.b~3", 1, "a.b~3.pay"),
        ("a~r1", 12, "a~r1.pay~12"),
    ],
)
def test_the_id_of_a_child_names_its_parent_node_and_attempt(parent, attempt, made):
    assert ids.child_id(parent, "pay", attempt) == made


@given(
    st.text(WORDS, min_size=1, max_size=128),
    st.lists(st.tuples(st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", fullmatch=True),
                       st.integers(1, 65_535)), min_size=1, max_size=8),
)  # fmt: skip
def test_ids_of_children_stay_short_and_in_their_tree(root, path):
    made = root
    for node, attempt in path:
        made = ids.child_id(made, node, attempt)
        assert len(made) <= 200
        assert ids.root_of(made) == root


def test_long_ids_of_children_differ_by_attempt():
    parent = "a" * 128 + "." + "b" * 64
    made = {ids.child_id(parent, "c" * 64, attempt) for attempt in (1, 2, 3)}
    assert len(made) == 3
    assert ids.child_id(parent, "c" * 64, 1) == "a" * 128 + ".o66ar7sexpozvyzrfafbqceivs"


def test_reruns_are_numbered_by_tree():
    assert ids.rerun_id("a", 1) == "a~r1"
    assert ids.rerun_id("a.b~2", 3) == ids.rerun_id("a~r2", 3) == "a~r3"


def test_the_id_of_an_undo_step_is_no_node_id():
    with pytest.raises(InvalidInput):
        ids.check_node_id(ids.undo_id("pay"))


def test_a_signal_has_a_name_like_a_node_and_any_id():
    assert ids.check_signal_name("approve") == "approve"
    for wrong in ("", "a b", "1", "a" * 65, None, "a:b", "a,b"):
        with pytest.raises(InvalidInput, match="signal name"):
            ids.check_signal_name(wrong)
    for allowed in ("x", "é" * 127, "a:b c"):
        assert ids.check_signal_id(allowed) == allowed
    for refused in ("", "a" * 256, "é" * 128, "\ud800", None, 5):
        with pytest.raises(InvalidInput, match="signal id"):
            ids.check_signal_id(refused)
