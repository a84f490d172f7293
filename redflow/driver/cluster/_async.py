"""Asks a cluster: each question goes to the node that owns its slot, whoever that is by then."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from redflow.driver._async import AsyncDriver
from redflow.driver.cluster.node._async import AsyncNode
from redflow.driver.cluster.question import Question
from redflow.driver.cluster.slots import (
    SlotMap,
    known_place,
    read_slots,
    slot_of,
    slot_of_key,
    slot_of_words,
)
from redflow.driver.each import async_each
from redflow.driver.failures import Redirected, closed_while
from redflow.driver.packing import Entries, entries_of, pack, pack_read_group, pack_read_streams
from redflow.driver.timer import AsyncLock, AsyncTimer
from redflow.driver.urls import Place, shown
from redflow.errors import StoreError, Unavailable
from redflow.store.epoch import Fence
from redflow.store.op import Op, Word

LOGGER = logging.getLogger("redflow.driver")

T = TypeVar("T")

REDIRECTS = 5  # followed in one try


class AsyncCluster(AsyncDriver):
    """Asks the nodes of a cluster.

    MOVED and ASK are followed at once. Whatever else goes wrong at a node, the next call first asks
    another node for the map: that is how a failover is noticed.
    """

    def __init__(
        self,
        make_node: Callable[[Place], AsyncNode],
        seeds: Sequence[Place],
        *,
        where: str,
        timer: AsyncTimer | None = None,
    ) -> None:
        super().__init__(where=where, timer=timer)
        self._make_node = make_node
        self._seeds = tuple(seeds)
        self._nodes: dict[Place, AsyncNode] = {}
        self._leaving: list[AsyncNode] = []  # own no slot any more, or closing did not end
        self._slots: SlotMap | None = None
        self._stale = False
        self._ill: set[Place] = set()  # did not answer since the map was read
        self._fence: Fence | None = None
        self._refreshing = AsyncLock()

    def guard(self, fence: Fence) -> None:
        if fence != self._fence:
            self._fence = fence
            self._guard_nodes()

    def together(self, partitions: Sequence[T]) -> list[Sequence[T]]:
        return [[partition] for partition in partitions]

    async def ask_once(self, op: Op[Any], packed: bytes) -> Any:
        return await self._follow(Question(op.name, packed, op.script), slot_of(op))

    async def ask_all_once(self, ops: Sequence[Op[Any]], packed: list[bytes]) -> list[Any]:
        life = self._life
        slots = await self._map()
        parts: dict[Place, list[int]] = {}
        for at, op in enumerate(ops):
            parts.setdefault(self._owner(slots, slot_of(op), op.name), []).append(at)
        calls = []
        for place, some in parts.items():
            some_ops, some_packed = [ops[at] for at in some], [packed[at] for at in some]
            calls.append(partial(self._ask_part, place, some_ops, some_packed, life))
        outcomes = await async_each(calls)
        answers: list[Any] = [None] * len(ops)
        failed: list[StoreError] = []
        for some, outcome in zip(parts.values(), outcomes, strict=True):
            if isinstance(outcome, StoreError):
                failed.append(outcome)
            else:
                for at, reply in zip(some, outcome, strict=True):
                    answers[at] = reply
        if failed:
            if isinstance(failed[0], Unavailable) and len(failed) < len(outcomes):
                failed[0].ambiguous = True  # the parts of other nodes were done
            raise failed[0]
        return answers

    async def raw(self, *words: Word) -> Any:
        return await self._follow(Question(str(words[0]), pack(*words)), slot_of_words(words))

    async def everywhere_once(self, *words: Word) -> list[tuple[str, Any]]:
        question, life = Question(str(words[0]), pack(*words)), self._life
        slots = await self._map()
        return [(shown(place), await self._at(place, question, life)) for place in slots.primaries]

    async def read_group(
        self, streams: Sequence[str], *, group: str, consumer: str, count: int, block_ms: int
    ) -> Entries:
        packed = pack_read_group(streams, group, consumer, count=count, block_ms=block_ms)
        question = Question("XREADGROUP", packed, block_ms=block_ms)
        return entries_of(await self._follow(question, slot_of_key(streams[0])))

    async def read_streams(
        self, streams: Mapping[str, str], *, count: int, block_ms: int
    ) -> Entries:
        packed = pack_read_streams(streams, count=count, block_ms=block_ms)
        question = Question("XREAD", packed, block_ms=block_ms)
        return entries_of(await self._follow(question, slot_of_key(next(iter(streams)))))

    async def listen(
        self,
        channels: Sequence[str],
        hear: Callable[[bytes], None],
        ready: Callable[[], None],
    ) -> None:
        # At any node: what is published at one is heard at all of them.
        life = self._life
        place = self._owner(await self._map(), None, "SUBSCRIBE")
        try:
            await self._node(place, "SUBSCRIBE", life).listen(channels, hear, ready)
        except Unavailable:
            self._doubt(place)
            raise

    async def renew_reading(self) -> None:
        for node in list(self._nodes.values()):
            await node.renew_reading()

    async def close(self) -> None:
        self._life = object()
        self._leaving += self._nodes.values()
        self._nodes, self._slots = {}, None
        self._refreshing = AsyncLock()  # the next use may be in another event loop
        await self._close_leaving()

    # Whom to ask

    async def _follow(
        self, question: Question, slot: int | None, life: object | None = None
    ) -> Any:
        """Ask the owner of a slot, or whom it names, once; `life` is that of a call under way."""
        life = life or self._life
        place, asking = self._owner(await self._map(), slot, question.name), False
        for _ in range(REDIRECTS):
            try:
                return await self._at(place, question, life, asking=asking)
            except Redirected as other:
                place, asking = known_place(other.address, place), other.asking
                if not asking:
                    await self._take_over(other.slot, place)
        self._doubt(place)
        raise Unavailable(
            f"{question.name}: the nodes of Redis at {self._where} name one another",
            hint="it was not done: they do not agree yet who owns a slot",
        )

    async def _at(
        self, place: Place, question: Question, life: object, *, asking: bool = False
    ) -> Any:
        try:
            return await self._node(place, question.name, life).answer(question, asking=asking)
        except Unavailable:
            self._doubt(place)
            raise

    async def _ask_part(
        self, place: Place, ops: list[Op[Any]], packed: list[bytes], life: object
    ) -> list[Any]:
        """Ask one node its part of many questions; when one has moved, each finds its own way."""
        try:
            return await self._node(place, ops[0].name, life).ask_all_once(ops, packed)
        except Redirected as other:
            if not other.asking:
                await self._take_over(other.slot, known_place(other.address, place))
            questions = [
                Question(op.name, one, op.script) for op, one in zip(ops, packed, strict=True)
            ]
            pairs = zip(ops, questions, strict=True)
            return [await self._follow(one, slot_of(op), life) for op, one in pairs]
        except Unavailable:
            self._doubt(place)
            raise

    def _owner(self, slots: SlotMap, slot: int | None, name: str) -> Place:
        if slot is None:
            return slots.primaries[int(self._timer.random() * len(slots.primaries))]
        owner = slots.owner(slot)
        if owner is None:
            self._stale = True
            raise Unavailable(
                f"{name}: no node of Redis at {self._where} serves slot {slot}",
                hint="it was not done: wait for a failover, or run redis-cli --cluster fix",
            )
        return owner

    def _node(self, place: Place, name: str, life: object) -> AsyncNode:
        """Return a node; for a call that began before the driver was closed none is made anew."""
        if life is not self._life:
            raise closed_while(name, self._where, ambiguous=False)
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes.setdefault(place, self._make_node(place))
            self._guard_nodes()
        return node

    def _guard_nodes(self) -> None:
        """Give each node the fence for the partitions it owns; what it got anew, it is asked."""
        slots, fence = self._slots, self._fence
        if slots is None or fence is None:
            return
        numbers: dict[Place | None, list[int]] = {}
        for partition in fence.space.keys:
            owner = slots.owner(slot_of_key(partition.prefix))
            numbers.setdefault(owner, []).append(partition.number)
        for place, node in self._nodes.items():
            node.guard(replace(fence, numbers=tuple(numbers.get(place, ()))))

    # The map

    async def _map(self) -> SlotMap:
        slots = self._slots
        if slots is None or self._stale:
            return await self._refresh(slots)
        return slots

    def _doubt(self, place: Place) -> None:
        """Have the map asked for before the next question, and this node the last for it."""
        self._ill.add(place)
        self._stale = True

    async def _take_over(self, slot: int, place: Place) -> None:
        """Ask the new owner of a slot for the map; it knows best of its own slot."""
        slots = await self._refresh(self._slots, first=place)
        slots.move(slot, place)
        self._guard_nodes()

    async def _refresh(self, seen: SlotMap | None, *, first: Place | None = None) -> SlotMap:
        """Read the map from whichever node tells it; callers at once share one reading."""
        async with self._refreshing:
            if self._slots is not None and self._slots is not seen:
                return self._slots
            last: StoreError | None = None
            for place in self._candidates(first):
                try:
                    found = read_slots(await self._make_node(place).slots(), place)
                except StoreError as error:
                    self._ill.add(place)
                    last = error
                    continue
                if found.primaries:
                    await self._know(found)
                    return found
            if self._slots is not None:
                return self._slots  # better than none; it stays in doubt
            raise last or Unavailable(
                f"no node of Redis at {self._where} knows an owner of a slot",
                hint="create the cluster with redis-cli --cluster create",
            )

    def _candidates(self, first: Place | None) -> list[Place]:
        known = self._slots
        places = [*known.primaries, *known.others] if known is not None else []
        # In any order, so that a node which is cut off from the others misleads nobody for long.
        places.sort(key=lambda place: (place in self._ill, self._timer.random()))
        return list(dict.fromkeys([*([first] if first else []), *places, *self._seeds]))

    async def _know(self, slots: SlotMap) -> None:
        self._slots, self._stale = slots, False
        self._ill.clear()
        gone = [place for place in self._nodes if place not in slots.primaries]
        self._leaving += [self._nodes.pop(place) for place in gone]
        self._guard_nodes()
        await self._close_leaving()

    async def _close_leaving(self) -> None:
        for node in list(self._leaving):  # what a cancelled close leaves, the next one closes
            await node.close()
            self._leaving = [other for other in self._leaving if other is not node]
