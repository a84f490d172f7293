"""The only way out: every HTTP request of a node goes through `Egress`, which says where to.

May import `errors`, `model.ids`, `version` and `defaults`; knows nothing of nodes, secrets or
Redis. `message.py` is what is asked and answered, `hosts.py` reads a URL, `addresses.py` is the
table of refused ranges, `allow.py` reads allow lists, `policy.py` judges, `backend.py` dials what
was judged, `sending.py` speaks HTTP, and is alone in importing httpx: with the first request, not
before. Read first: `policy.py`, then `client.py`; users read docs/egress.md.
"""

from redflow.egress.client import Egress as Egress
from redflow.egress.errors import EgressDenied as EgressDenied
from redflow.egress.errors import EgressFailed as EgressFailed
from redflow.egress.message import Credential as Credential
from redflow.egress.message import EgressReply as EgressReply
from redflow.egress.message import EgressRequest as EgressRequest
