"""The default of every setting, in the one place; times are seconds, sizes are bytes."""

from typing import Final

# Retries: a node without a policy runs once.
RETRY_MAX_ATTEMPTS: Final = 3
RETRY_INITIAL_INTERVAL: Final = 1.0
RETRY_BACKOFF_COEFFICIENT: Final = 2.0
RETRY_MAXIMUM_INTERVAL: Final = 60.0

# Attempts and leases.
FUNCTION_TIMEOUT: Final = 600.0
HTTP_TIMEOUT: Final = 30.0
AI_TIMEOUT: Final = 120.0
LEASE: Final = 30.0
BEAT: Final = 10.0
SWEEP: Final = 5.0
MEMORY_WATERMARK: Final = 0.9
DELIVERIES: Final = 5
DRAIN: Final = 25.0
INTERVAL: Final = 4.0

# Sizes of user values.
VALUE_LIMIT: Final = 1024 * 1024
JOIN_LIMIT: Final = 4 * 1024 * 1024
INLINE_VALUE: Final = 2048
INLINE_TOTAL: Final = 8192
INLINE_COUNT: Final = 64

# Values in a payload store, where there is one.
PAYLOAD_THRESHOLD: Final = 64 * 1024
PAYLOAD_LIMIT: Final = 64 * 1024 * 1024
PAYLOAD_PATIENCE: Final = 60.0
PAYLOAD_GRACE: Final = 3600.0

# Shape of a namespace and of a workflow.
PARTITIONS: Final = 16
NODES: Final = 10_000
DEPTH: Final = 8
SIGNALS_CAP: Final = 100
EVENTS_CAP: Final = 100_000
DONE_CAP: Final = 10_000

# Handlers of events.
EVENTS_LEASE: Final = 15.0

# Schedules: ticks of one schedule that start at once after a time without any worker.
CATCH_UP: Final = 100

# Secrets.
SECRETS: Final = 1000
SECRET_BYTES: Final = 65_536
SECRET_CACHE: Final = 10.0

# Webhooks: deliveries a minute, bytes of a body, seconds a signed time may be off, seconds for
# which a delivery is not taken twice, seconds that a body may take to come.
WEBHOOKS: Final = 1000
WEBHOOK_RATE: Final = 600
WEBHOOK_BYTES: Final = 1024 * 1024
WEBHOOK_SKEW: Final = 300.0
WEBHOOK_REPLAY: Final = 86_400.0
WEBHOOK_PATIENCE: Final = 30.0

# Access.
AUTH_PATIENCE: Final = 2.0
API_KEYS: Final = 1000
API_KEY_TOUCH: Final = 60.0
AUDIT_CAP: Final = 100_000

# The HTTP API: bytes and nesting of a body, failed logins a minute, event streams of a process;
# seconds a client may take nothing, between comments, and until its rights are judged anew.
API_BODY: Final = 1024 * 1024
API_DEPTH: Final = 64
API_FAILED_LOGINS: Final = 10
API_STREAMS: Final = 1000
API_PATIENCE: Final = 10.0
API_KEEP_ALIVE: Final = 15.0
API_RECHECK: Final = 10.0

# How long ended executions are kept.
RETENTION_COMPLETED: Final = 86_400.0
RETENTION_OTHERS: Final = 604_800.0

# A worker and the work of one call.
AUDIT: Final = 1000
SLOTS: Final = 100
THREADS: Final = 8
BATCH: Final = 128
EDGE_BUDGET: Final = 1000
PAGE: Final = 500
