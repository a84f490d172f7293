# GENERATED from redflow/client/_async/secrets.py by tests/tools/unasync.py: change that file.
"""The secrets that Redis keeps for a namespace: sealed here, opened by workers alone."""

from collections.abc import Iterable
from typing import Literal

from redflow.client._sync.namespace import Namespace
from redflow.errors import Conflict, Misconfigured, NotFound
from redflow.model.execution import instant
from redflow.secrets.names import check_hosts, check_secret_name
from redflow.secrets.sealing import seal_secret
from redflow.secrets.values import SecretInfo, SecretValue, check_secret_value
from redflow.store.secrets import delete_secret, list_secrets, put_secret, read_secrets

Kept = Literal["created", "replaced"]
"""What keeping a secret did."""

LISTED = 500  # secrets read in one round trip


class KeptSecrets:
    """Keeps, lists and forgets secrets; never gives a value back."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def put(self, name: str, value: str, hosts: Iterable[str]) -> Kept:
        """Seal a value and keep it; atomic. Raises Misconfigured without a key, Conflict."""
        listed = check_hosts(hosts)
        secret = SecretValue(check_secret_value(value), listed, check_secret_name(name))
        if self._namespace.crypto is None:
            raise Misconfigured(
                "this client has no key to seal a secret with",
                hint="set REDFLOW_CRYPTO_KEYS (redflow key generate makes one), or give crypto=...",
            )
        sealed = seal_secret(self._namespace.crypto, self._namespace.name, secret)
        space = self._namespace.space()
        op = put_secret(space, name, sealed=sealed, hosts=listed)
        word = self._namespace.driver.run(op)
        if word == "full":
            raise Conflict(
                f"namespace {self._namespace.name!r} keeps {space.limits.secrets_cap:,} secrets,"
                f" as many as it may, and {name!r} is none of them",
                hint="remove some: redflow secret list, redflow secret rm",
            )
        return "created" if word == "created" else "replaced"

    def all(self) -> list[SecretInfo]:
        """Return what is shown of all secrets, by name."""
        space = self._namespace.space()
        driver = self._namespace.driver
        names = driver.run(list_secrets(space))
        pages = [
            read_secrets(space, names[first : first + LISTED])
            for first in range(0, len(names), LISTED)
        ]
        return [
            SecretInfo(
                name=one.name,
                hosts=one.hosts,
                created_at=instant(one.created),
                updated_at=instant(one.updated),
            )
            for page in driver.run_many(pages)
            for one in page
        ]

    def delete(self, name: str) -> None:
        """Forget a secret; raises NotFound."""
        check_secret_name(name)
        space = self._namespace.space()
        if not self._namespace.driver.run(delete_secret(space, name)):
            raise NotFound(
                f"secret {name!r} is not kept in Redis for namespace {self._namespace.name!r}",
                hint="redflow secret list shows those that are",
            )
