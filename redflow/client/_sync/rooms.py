# GENERATED from redflow/client/_async/rooms.py by tests/tools/unasync.py: change that file.
"""Everything a client consists of, made once and wired together."""

from redflow.client._sync.acting import Acting
from redflow.client._sync.api_keys import ApiKeys
from redflow.client._sync.audit_log import AuditLog
from redflow.client._sync.checking import Checking
from redflow.client._sync.diagnosing import Diagnosing
from redflow.client._sync.explaining import Explaining
from redflow.client._sync.keyring import Keyring
from redflow.client._sync.listing import Lister
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.orders import Orders
from redflow.client._sync.pausing import Pausing
from redflow.client._sync.payloads import Payloads
from redflow.client._sync.plans import Plans
from redflow.client._sync.purging import Purging
from redflow.client._sync.queues import Queues
from redflow.client._sync.reading import Reader
from redflow.client._sync.registry import Registry
from redflow.client._sync.rerunning import Rerunning
from redflow.client._sync.schedules import Schedules
from redflow.client._sync.secrets import KeptSecrets
from redflow.client._sync.signalling import Signalling
from redflow.client._sync.single import Single
from redflow.client._sync.skipping import Skipping
from redflow.client._sync.starting import Starter
from redflow.client._sync.stopping import Stopping
from redflow.client._sync.waiting import Waiting
from redflow.client._sync.webhooks import Webhooks
from redflow.client._sync.workers import Workers
from redflow.client._sync.workflows import Workflows
from redflow.client.requests import OnStarted


class Rooms:
    """One object for each duty; all talk to one namespace."""

    def __init__(self, namespace: Namespace, on_started: OnStarted | None) -> None:
        self.door = namespace.door
        self.plans = Plans(namespace)
        self.registry = Registry(namespace, self.plans)
        self.orders = Orders(namespace, self.plans)
        self.starter = Starter(namespace, self.plans, self.orders, on_started)
        self.single = Single(self.starter)
        self.schedules = Schedules(namespace, self.starter)
        self.reader = Reader(namespace, self.plans)
        self.lister = Lister(namespace, self.reader)
        self.waiting = Waiting(namespace)
        self.acting = Acting(namespace, self.plans, self.reader, self.orders)
        self.stopping = Stopping(self.acting, namespace.values)
        self.signalling = Signalling(self.acting, namespace.values)
        self.skipping = Skipping(self.acting, namespace.values)
        self.pausing = Pausing(namespace, self.plans, self.acting, self.orders)
        self.rerunning = Rerunning(namespace, self.plans, self.reader, self.acting)
        self.payloads = Payloads(namespace)
        self.purging = Purging(namespace)
        self.workflows = Workflows(self.registry, self.pausing, self.door)
        self.workers = Workers(namespace)
        self.queues = Queues(namespace, self.pausing, self.workers)
        self.explaining = Explaining(namespace, self.reader, self.workers)
        self.secrets = KeptSecrets(namespace)
        self.webhooks = Webhooks(namespace, self.starter)
        self.keyring = Keyring(namespace)
        self.api_keys = ApiKeys(namespace)
        self.audit = AuditLog(namespace)
        self.checking = Checking(namespace, self.orders)
        self.diagnosing = Diagnosing(
            namespace, self.plans, self.registry, self.queues, self.workers
        )
