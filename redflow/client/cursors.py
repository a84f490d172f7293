"""Pages over many partitions: where one ended, and the newest-first merge of their indexes."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redflow.errors import InvalidInput

_TEXT = re.compile(rb"1:(\d{1,16}):([A-Za-z0-9_.~-]{1,200})")
_CHARS = 400


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in an index: score in milliseconds, then id; a greater one is newer."""

    score: int
    id: str


def cursor_of(place: Place) -> str:
    """Return the text that continues behind a place."""
    return urlsafe_b64encode(f"1:{place.score}:{place.id}".encode()).rstrip(b"=").decode()


def place_of(cursor: object) -> Place:
    """Read what `cursor_of` wrote; raise InvalidInput for any other value."""
    if not isinstance(cursor, str):
        raise _refused(f"is a {type(cursor).__name__}, not text")
    if len(cursor) > _CHARS or not cursor.isascii():
        raise _refused("was not made by this list")
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _refused("was not made by this list") from None
    match = _TEXT.fullmatch(text)
    if match is None:
        raise _refused("was not made by this list")
    return Place(int(match[1]), match[2].decode())


def _refused(cause: str) -> InvalidInput:
    return InvalidInput(
        f"cursor {cause}", field="cursor", hint="pass the cursor of a page as it is, or None"
    )


@dataclass(slots=True)
class Source:
    """One index of one partition: what was read of it and not yet taken."""

    partition: int
    index: str
    behind: Place | None
    found: deque[Place] = field(default_factory=deque)
    exhausted: bool = False

    def add(self, places: Sequence[Place], asked: int) -> None:
        """Take in a page of which `asked` entries were wanted."""
        self.found += places
        self.exhausted = len(places) < asked
        if places:
            self.behind = places[-1]


class Merge:
    """Entries of several sources, newest first; taking stops where a source must be read on."""

    def __init__(self, sources: Iterable[Source], *, oldest: int) -> None:
        """`oldest` is the score below which nothing is taken."""
        self._sources = list(sources)
        self._oldest = oldest

    def unread(self) -> list[Source]:
        """Return the sources to be read before anything can be taken."""
        return [one for one in self._sources if not one.found and not one.exhausted]

    def take(self, limit: int) -> list[Place]:
        """Take up to `limit` entries, fewer when a source ran out of read ones."""
        taken: list[Place] = []
        while len(taken) < limit and not self.unread():
            newest = max((one for one in self._sources if one.found), key=_head, default=None)
            if newest is None or newest.found[0].score < self._oldest:
                self._sources.clear()
                break
            taken.append(newest.found.popleft())
        return taken

    @property
    def over(self) -> bool:
        """Whether nothing is left to take."""
        return not any(one.found or not one.exhausted for one in self._sources)


def _head(source: Source) -> Place:
    return source.found[0]
