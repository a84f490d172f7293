"""A client of a namespace of its own with few partitions, and workers that run when told to."""

from tests.client.conftest import client, few_partitions, workers  # noqa: F401 - fixtures
