"""Who asks, and whether they may: identities, providers, roles, API keys, tokens.

It knows neither Redis nor HTTP: the client asks the gate before it does anything, and the HTTP API
asks authenticators who somebody is. It may import `model` and what is below it. Read `provider.py`
first, then `gate.py`.
"""

from redflow.auth.api_keys import ApiKeyAuthenticator, StoredKey
from redflow.auth.authenticator import Authenticator, Credentials
from redflow.auth.gate import AsyncGate, Gate
from redflow.auth.metadata import workflow_metadata
from redflow.auth.principal import Principal, acting_for, current, identity, request_id
from redflow.auth.provider import AuthProvider
from redflow.auth.roles import ROLES, RoleProvider

__all__ = [
    "ROLES",
    "ApiKeyAuthenticator",
    "AsyncGate",
    "AuthProvider",
    "Authenticator",
    "Credentials",
    "Gate",
    "Principal",
    "RoleProvider",
    "StoredKey",
    "acting_for",
    "current",
    "identity",
    "request_id",
    "workflow_metadata",
]
