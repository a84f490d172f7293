"""A cluster on written nodes: who is asked, what redirects and failures do, what errors say."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError

from redflow.driver import RedisConnector
from redflow.driver.cluster.slots import read_slots, slot_of_key, slot_of_words
from redflow.errors import Misconfigured, StoreError, Unavailable
from redflow.store.epoch import Fence
from redflow.store.keys import Keys
from redflow.store.op import command
from redflow.store.space import Space
from tests.driver.kit import SyncWire, op_of, refusal
from tests.driver.nodes import HIGH, LOW, Nodes, slots
from tests.driver.test_fence import info

MAP, ASK, EVAL = b"CLUSTER", b"ASKING", b"EVALSHA"
CUT = ConnectionError("Connection reset by peer")
BOTH = slots(1, 2)


def moved(port: int, key: str = HIGH, host: str = "h") -> Exception:
    return refusal(f"MOVED {slot_of_key(key)} {host}:{port}")


def ask(port: int) -> Exception:
    return refusal(f"ASK {slot_of_key(HIGH)} h:{port}")


# --- the map


def test_a_map_names_the_owner_of_each_slot():
    found = read_slots(slots(1, 2, replicas=(3, 4)), ("asked", 9))
    assert [found.owner(slot) for slot in (0, 8191, 8192, 16383)] == [
        ("h", 1),
        ("h", 1),
        ("h", 2),
        ("h", 2),
    ]
    assert (found.primaries, found.others) == ((("h", 1), ("h", 2)), (("h", 3), ("h", 4)))


@pytest.mark.parametrize("host", [b"", None, b"?"])
def test_a_node_that_does_not_know_its_host_is_the_one_that_was_asked(host: bytes | None):
    found = read_slots([[0, 9, [host, 7, b"id", []]]], ("asked", 9))
    assert found.owner(9) == ("asked", 7)
    assert found.owner(10) is None


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("HGET", "{x}k", "f"), "x"),
        (("XINFO", "GROUPS", "{x}k"), "x"),
        (("EVALSHA", "sha", 1, "{x}k"), "x"),
        (("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "{x}k", "0"), "x"),
        (("xread", "streams", b"{x}k", "0"), "x"),
        (("INFO",), None),
        (("CONFIG", "GET", "x"), None),
        (("SCAN", 0, "MATCH", "x"), None),
    ],
)
def test_the_slot_of_a_plain_command(words: Any, key: str | None):
    assert slot_of_words(words) == (None if key is None else slot_of_key(key))


# --- whom a question goes to


async def test_a_question_goes_to_the_owner_of_its_slot():
    nodes = Nodes(_1=[BOTH, "low"], _2=["high", b"v"])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", LOW)) == "low"
    assert await cluster.run(op_of("return 1", HIGH)) == "high"
    assert await cluster.run(command("read", "GET", HIGH, parse=bytes.decode)) == "v"
    assert nodes.sent(1) == [MAP, EVAL]
    assert nodes.sent(2) == [EVAL, b"GET"]


async def test_seeds_are_asked_in_turn_for_the_map():
    nodes = Nodes(_3=[slots(3), 1])
    for port in (1, 2):
        nodes.wire(port).refuse.append(CUT)
    assert await nodes.cluster(1, 2, 3).run(op_of("return 1", LOW)) == 1
    assert nodes.made == [1, 2, 3, 3]


async def test_without_any_node_the_question_is_not_asked():
    nodes = Nodes()
    for port in (1, 2):
        nodes.wire(port).refuse += [CUT] * 1000
    with pytest.raises(Unavailable, match="no answer from Redis at here within 5 s") as caught:
        await nodes.cluster(1, 2).run(op_of("return 1", LOW))
    assert not caught.value.ambiguous


async def test_a_server_that_is_no_cluster_says_so():
    nodes = Nodes(_1=[refusal("ERR This instance has cluster support disabled")])
    with pytest.raises(Misconfigured, match=r"is no cluster.*name a single server"):
        await nodes.cluster(1).run(op_of("return 1", LOW))


async def test_a_slot_that_nobody_serves_is_waited_for():
    nodes = Nodes(_1=[[[0, 9, [b"h", 1, b"id"]]], slots(1), 1])
    cluster = nodes.cluster(1)
    with pytest.raises(Unavailable, match=r"no node of Redis at here serves slot \d+"):
        await cluster.run(op_of("return 1", HIGH), deadline=None)
    assert await cluster.run(op_of("return 1", HIGH)) == 1


# --- redirects


@pytest.mark.parametrize("host", ["h", "", "?"])
async def test_moved_is_followed_at_once_and_remembered(host: str):
    nodes = Nodes(_1=[BOTH], _2=[moved(3, host=host)], _3=[slots(1, 3), 1, 2])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", HIGH), deadline=None) == 1
    assert await cluster.run(op_of("return 1", HIGH)) == 2
    assert nodes.sent(3) == [MAP, EVAL, EVAL]
    assert nodes.wire(2).closed == 1, "it owns nothing any more"


async def test_moved_counts_before_the_map_of_a_node_that_has_not_heard():
    nodes = Nodes(_1=[BOTH], _2=[moved(3)], _3=[BOTH, 1, 2])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", HIGH)) == 1
    assert await cluster.run(op_of("return 1", HIGH)) == 2


async def test_ask_is_for_one_question_and_brings_the_script():
    nodes = Nodes(_1=[BOTH], _2=[ask(3), "still here"], _3=[b"sha", b"OK", "there"])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", HIGH), deadline=None) == "there"
    assert nodes.sent(3) == [b"SCRIPT LOAD", ASK, EVAL]
    assert await cluster.run(op_of("return 1", HIGH)) == "still here"
    assert nodes.sent(1) == [MAP], "the map stays as it is"


async def test_ask_of_a_plain_command_and_of_a_blocking_read():
    nodes = Nodes(_1=[BOTH], _2=[ask(3), ask(3)], _3=[b"OK", b"v", b"OK", None])
    cluster = nodes.cluster(1)
    assert await cluster.raw("GET", HIGH) == b"v"
    assert await cluster.read_group([HIGH], group="g", consumer="c", count=1, block_ms=1) == []
    assert nodes.sent(3) == [ASK, b"GET", ASK, b"XREADGROUP"]


async def test_an_error_behind_asking_leaves_no_answer_unread():
    wrong = refusal("WRONGTYPE Operation")
    nodes = Nodes(_1=[BOTH], _2=[ask(3)], _3=[b"sha", b"OK", wrong])
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await nodes.cluster(1).run(op_of("return 1", HIGH))
    assert nodes.wire(3).answers == []


async def test_nodes_that_name_one_another_are_not_followed_for_ever():
    nodes = Nodes(_1=[BOTH], _2=[moved(3), BOTH] * 9, _3=[BOTH, moved(2)] * 9)
    with pytest.raises(Unavailable, match="name one another") as caught:
        await nodes.cluster(1).run(op_of("return 1", HIGH), deadline=None)
    assert not caught.value.ambiguous
    assert nodes.sent(2).count(EVAL) + nodes.sent(3).count(EVAL) == 5


@pytest.mark.parametrize(
    "error",
    [
        refusal("TRYAGAIN Multiple keys request during rehashing of slot"),
        refusal("CLUSTERDOWN Hash slot not served"),
        refusal("LOADING Redis is loading the dataset in memory"),
        refusal("READONLY You can't write against a read only replica."),
        CUT,
    ],
)
async def test_what_ends_by_itself_is_asked_again_with_a_map_of_another_node(error: Exception):
    nodes = Nodes(_1=[BOTH, slots(1, 3)], _2=[error], _3=[7])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", HIGH)) == 7
    assert nodes.sent(1) == [MAP, MAP]
    assert nodes.sent(2) == [EVAL], "the node that failed is the last to be asked for the map"


async def test_the_map_in_doubt_is_kept_when_nobody_tells_another():
    nodes = Nodes(_1=[BOTH, "low"], _2=[CUT, 5])
    nodes.wire(1).answers[1:1] = [CUT]
    nodes.wire(2).answers[1:1] = [CUT]
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", HIGH)) == 5


# --- several questions


async def test_questions_are_grouped_by_node_and_answered_in_order():
    nodes = Nodes(_1=[BOTH, "a", "c"], _2=["b"])
    ops = [op_of("return 1", key) for key in (LOW, HIGH, LOW)]
    assert await nodes.cluster(1).run_many(ops) == ["a", "b", "c"]
    assert await nodes.cluster(1).run_many([]) == []
    assert (nodes.wire(1).connected, nodes.wire(2).connected) == (2, 1)


async def test_all_nodes_are_heard_before_an_error_is_raised():
    nodes = Nodes(_1=[BOTH, CUT], _2=["b"])
    nodes.wire(1).refuse = []
    with pytest.raises(Unavailable) as caught:
        ops = [op_of("return 1", key) for key in (LOW, HIGH)]
        await nodes.cluster(1).run_many(ops, deadline=None)
    assert nodes.wire(2).answers == []
    assert caught.value.ambiguous


async def test_a_part_that_was_done_makes_the_whole_ambiguous():
    nodes = Nodes(_1=[BOTH, "a"])
    nodes.wire(2).refuse.append(CUT)
    ops = [op_of("return 1", key) for key in (LOW, HIGH)]
    with pytest.raises(Unavailable) as caught:
        await nodes.cluster(1).run_many(ops, deadline=None)
    assert caught.value.ambiguous


async def test_each_question_of_a_batch_finds_where_its_slot_went():
    both = [moved(3), moved(3)]
    nodes = Nodes(_1=[BOTH, "a"], _2=both, _3=[slots(1, 3), "b", "c"])
    ops = [op_of("return 1", key) for key in (LOW, HIGH, HIGH)]
    assert await nodes.cluster(1).run_many(ops, deadline=None) == ["a", "b", "c"]


async def test_wait_for_replicas_is_asked_of_the_node_that_wrote():
    nodes = Nodes(_1=[BOTH], _2=["done", 1])
    assert await nodes.cluster(1, replicas=1).run(op_of("redis.call('SET')", HIGH)) == "done"
    assert nodes.sent(2) == [EVAL, b"WAIT"]


# --- what has no slot


async def test_what_needs_no_key_is_asked_of_some_node_or_of_every_primary():
    nodes = Nodes(_1=[slots(1, 2, replicas=(3, 4)), "one"], _2=["some", "two"])
    cluster = nodes.cluster(1)
    assert await cluster.raw("TIME") == "some"
    assert await cluster.everywhere("INFO") == [("h:1", "one"), ("h:2", "two")]


@pytest.mark.parametrize("args", [(), ("GET", LOW)])
async def test_a_script_without_a_key_is_asked_of_some_node(args: tuple[str, ...]):
    """Whatever its arguments look like."""
    nodes = Nodes(_1=[BOTH], _2=["some"])
    assert await nodes.cluster(1).run(op_of("return 1", args=args)) == "some"


def test_each_partition_is_a_group():
    assert Nodes().cluster(1).together(["a", "b"]) == [["a"], ["b"]]
    assert RedisConnector("redis://h").driver().together(["a", "b"]) == [["a", "b"]]


# --- the fence


async def test_a_node_is_asked_about_its_own_partitions_and_anew_when_it_gets_one():
    keys = Keys("ns", 8)
    fence = Fence(Space(keys), 30_000)
    low = [p for p in keys if slot_of_key(p.prefix) < 8192]
    high = [p for p in keys if p not in low]
    same = [b"same", 1]
    nodes = Nodes(_1=[BOTH, *info(), *[same] * len(low), 1], _2=[moved(1)])
    nodes.wire(2).answers[:0] = [*info("r2", "h2"), *[same] * len(high)]
    nodes.wire(1).answers += [slots(1), *info(), *[same] * 8, 2]
    cluster = nodes.cluster(1)
    cluster.guard(fence)
    assert await cluster.run(op_of("return 1", low[0].prefix)) == 1
    asked = [words[3] for words in nodes.wire(1).sent if words[0] == EVAL and words[2] == b"9"]
    assert asked == [p.permanent["events"].encode() for p in low]
    nodes.wire(2).answers[-1] = moved(1, high[0].prefix)
    assert await cluster.run(op_of("return 1", high[0].prefix)) == 2
    asked = [words[3] for words in nodes.wire(1).sent if words[0] == EVAL and words[2] == b"9"]
    assert asked[len(low) :] == [p.permanent["events"].encode() for p in keys]


async def test_a_partition_on_the_move_keeps_no_other_from_being_asked():
    fence = Fence(Space(Keys("ns", 2)), 30_000)
    same, gone = [b"same", 1], refusal("TRYAGAIN Multiple keys request")
    nodes = Nodes(_1=[slots(1), *info(), same, gone, 1, *info(), same, same, 2, 3])
    cluster = nodes.cluster(1)
    cluster.guard(fence)
    for answer in (1, 2, 3):
        assert await cluster.run(op_of("return 1", LOW)) == answer
    assert nodes.sent(1).count(b"INFO") == 4, "asked again until all partitions have heard"


# --- the end


async def test_a_closed_cluster_opens_again():
    nodes = Nodes(_1=[BOTH, 1, BOTH, 2])
    cluster = nodes.cluster(1)
    assert await cluster.run(op_of("return 1", LOW)) == 1
    await cluster.close()
    assert await cluster.run(op_of("return 1", LOW)) == 2


def test_the_synchronous_twin():
    nodes = Nodes(SyncWire, _1=[BOTH, "a"], _2=[moved(3)], _3=[slots(1, 3), "b", "c"])
    cluster = nodes.sync_cluster(1)
    assert cluster.run_many([op_of("return 1", key) for key in (LOW, HIGH)]) == ["a", "b"]
    assert cluster.run(op_of("return 1", HIGH)) == "c"
    cluster.close()
