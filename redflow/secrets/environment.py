"""Secrets in environment variables: REDFLOW_SECRET__<NAMESPACE>__<NAME>, and __HOSTS behind it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from redflow.errors import Misconfigured
from redflow.secrets.names import check_secret_name, read_hosts
from redflow.secrets.values import SecretValue

PREFIX = "REDFLOW_SECRET__"
HOSTS = "__HOSTS"
_BETWEEN = "__"


class EnvSecrets:
    """Reads variables when asked, so that what a test or an application changes is seen.

    Letters of any case are the same, and `-` is `_`: `stripe-key` of the namespace `shop` is
    REDFLOW_SECRET__SHOP__STRIPE_KEY. Names that would leave open where the namespace ends are never
    read here. An empty variable is none.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """`environ` stands for os.environ."""
        self._environ = os.environ if environ is None else environ

    def get(self, namespace: str, name: str) -> SecretValue | None:
        """Return a secret; raises Misconfigured when two variables stand for it."""
        variable = variable_of(namespace, check_secret_name(name))
        value = self._read(variable) if variable else ""
        if not value:
            return None
        hosts = self._read(f"{variable}{HOSTS}")
        return SecretValue(value, read_hosts(hosts, field=f"{variable}{HOSTS}"), name)

    def where(self, namespace: str, name: str) -> str:
        """Say which variable was looked for."""
        variable = variable_of(namespace, name)
        if variable is None:
            return f"the environment: no, {namespace}/{name} would be ambiguous there"
        return f"the environment ({variable})"

    def _read(self, variable: str) -> str:
        found = [key for key in self._environ if _plain(key) == variable]
        if len(found) > 1:
            raise Misconfigured(
                f"{len(found)} environment variables stand for one secret: {', '.join(found)}",
                hint=f"keep {variable} and remove the others",
            )
        return self._environ[found[0]] if found else ""


def variable_of(namespace: str, name: str) -> str | None:
    """Return the variable of a secret; None when it could be that of another one as well."""
    parts = _plain(namespace), _plain(name)
    if any(_BETWEEN in part or part.strip("_") != part for part in parts):
        return None
    return f"{PREFIX}{parts[0]}{_BETWEEN}{parts[1]}"


def _plain(text: str) -> str:
    return text.upper().replace("-", "_")
