"""Everything a client consists of, made once and wired together."""

from redflow.client._async.acting import AsyncActing
from redflow.client._async.api_keys import AsyncApiKeys
from redflow.client._async.audit_log import AsyncAuditLog
from redflow.client._async.checking import AsyncChecking
from redflow.client._async.diagnosing import AsyncDiagnosing
from redflow.client._async.explaining import AsyncExplaining
from redflow.client._async.keyring import AsyncKeyring
from redflow.client._async.listing import AsyncLister
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.orders import AsyncOrders
from redflow.client._async.pausing import AsyncPausing
from redflow.client._async.payloads import AsyncPayloads
from redflow.client._async.plans import AsyncPlans
from redflow.client._async.purging import AsyncPurging
from redflow.client._async.queues import AsyncQueues
from redflow.client._async.reading import AsyncReader
from redflow.client._async.registry import AsyncRegistry
from redflow.client._async.rerunning import AsyncRerunning
from redflow.client._async.schedules import AsyncSchedules
from redflow.client._async.secrets import AsyncKeptSecrets
from redflow.client._async.signalling import AsyncSignalling
from redflow.client._async.single import AsyncSingle
from redflow.client._async.skipping import AsyncSkipping
from redflow.client._async.starting import AsyncStarter
from redflow.client._async.stopping import AsyncStopping
from redflow.client._async.waiting import AsyncWaiting
from redflow.client._async.webhooks import AsyncWebhooks
from redflow.client._async.workers import AsyncWorkers
from redflow.client._async.workflows import AsyncWorkflows
from redflow.client.requests import OnStarted


class AsyncRooms:
    """One object for each duty; all talk to one namespace."""

    def __init__(self, namespace: AsyncNamespace, on_started: OnStarted | None) -> None:
        self.door = namespace.door
        self.plans = AsyncPlans(namespace)
        self.registry = AsyncRegistry(namespace, self.plans)
        self.orders = AsyncOrders(namespace, self.plans)
        self.starter = AsyncStarter(namespace, self.plans, self.orders, on_started)
        self.single = AsyncSingle(self.starter)
        self.schedules = AsyncSchedules(namespace, self.starter)
        self.reader = AsyncReader(namespace, self.plans)
        self.lister = AsyncLister(namespace, self.reader)
        self.waiting = AsyncWaiting(namespace)
        self.acting = AsyncActing(namespace, self.plans, self.reader, self.orders)
        self.stopping = AsyncStopping(self.acting, namespace.values)
        self.signalling = AsyncSignalling(self.acting, namespace.values)
        self.skipping = AsyncSkipping(self.acting, namespace.values)
        self.pausing = AsyncPausing(namespace, self.plans, self.acting, self.orders)
        self.rerunning = AsyncRerunning(namespace, self.plans, self.reader, self.acting)
        self.payloads = AsyncPayloads(namespace)
        self.purging = AsyncPurging(namespace)
        self.workflows = AsyncWorkflows(self.registry, self.pausing, self.door)
        self.workers = AsyncWorkers(namespace)
        self.queues = AsyncQueues(namespace, self.pausing, self.workers)
        self.explaining = AsyncExplaining(namespace, self.reader, self.workers)
        self.secrets = AsyncKeptSecrets(namespace)
        self.webhooks = AsyncWebhooks(namespace, self.starter)
        self.keyring = AsyncKeyring(namespace)
        self.api_keys = AsyncApiKeys(namespace)
        self.audit = AsyncAuditLog(namespace)
        self.checking = AsyncChecking(namespace, self.orders)
        self.diagnosing = AsyncDiagnosing(
            namespace, self.plans, self.registry, self.queues, self.workers
        )
