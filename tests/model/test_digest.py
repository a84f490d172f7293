"""Digests tell inputs apart, whatever the order of their keys."""

from redflow.model import codec
from redflow.model.digest import digest_of


def test_equal_maps_have_one_digest_whatever_their_order():
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert digest_of(codec.encode(one)) == digest_of(codec.encode(other))


def test_other_values_have_other_digests():
    values = [None, 0, 1, 1.5, "1", b"1", [1], {"a": 1}, {"a": 2}, [1, 2], [2, 1]]
    assert len({digest_of(codec.encode(value)) for value in values}) == len(values)


def test_a_digest_never_changes():
    """It is stored: a start that is repeated after an upgrade is still the same."""
    assert digest_of(codec.encode({"a": 1, "b": [2]})) == "hseemlzchduog"
