"""What happens in a namespace, told to whoever wants to know: handlers, streams, the command line.

The scripts append records to one capped stream per partition; this package only reads them. It may
import `client` (whose connection and plans it uses) and below. `feed.py` is the one blocking read
of a process; `page.py` turns an entry's records into `Event`s, by `mapping.py`; a `Subscription`
walks through pages for one reader. `reader.py` hands them to an `async for`; `bus.py` to handlers,
each with its own `consumer.py`, its checkpoints in Redis, and one process that leads it.
Read first: `event.py`, then `feed.py`, then `consumer.py`.
"""

from redflow.events.bus import EventBus
from redflow.events.cloud import cloud_event
from redflow.events.event import Event
from redflow.events.reader import Following, follow, recent

__all__ = ["Event", "EventBus", "Following", "cloud_event", "follow", "recent"]
