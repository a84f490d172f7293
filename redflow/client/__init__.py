"""What producers and operators use: registers workflows, starts executions, asks about them.

May import redflow.driver and what is below it; knows nothing of workers. `AsyncClient` lives in
`_async/`, `Client` in `_sync/`, which is generated from it (tests/tools/unasync.py); the modules
here are what both share and never wait. Read first: `_async/client.py`, then `requests.py`
(what is asked), `answers.py`, `refusals.py`, `views.py` (what is shown), `evidence.py` (what an
explanation follows from).
"""

from redflow.client._async.client import AsyncClient
from redflow.client._async.handle import AsyncHandle
from redflow.client._sync.client import Client
from redflow.client._sync.handle import Handle

__all__ = ["AsyncClient", "AsyncHandle", "Client", "Handle"]
