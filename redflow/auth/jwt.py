"""JSON web tokens of one issuer, verified by its published keys; needs the extra `jwt`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redflow.auth.authenticator import Credentials, bearer_of, not_recognised
from redflow.auth.jwks import Fetch, KeySet
from redflow.auth.principal import Principal
from redflow.errors import InvalidInput, Unauthenticated
from redflow.extras import extra

LEEWAY = 30.0
"""Seconds by which clocks may differ."""
KNOWN = frozenset(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA".split()  # public keys, all
)
_LONGEST_ID = 256
_PARTS = 3


class JwtAuthenticator:
    """Recognises tokens that name this issuer and audience and are signed by its keys.

    `exp`, `iss`, `aud`, `sub` and the tenant must be there. Keys come from the address that is
    given here and from nowhere else: what a token's header says of addresses and keys is not read.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        fetch: Fetch,
        tenant_claim: str,
        namespaces_claim: str = "namespaces",
        roles_claim: str = "roles",
        keep: Sequence[str] = (),
        algorithms: Sequence[str] = ("RS256", "ES256"),
        keys: KeySet | None = None,
    ) -> None:
        """`fetch` reads the address; `keep` names claims that the principal has as well.

        Raises InvalidInput for an algorithm that is not one of public keys; Misconfigured where the
        extra is missing.
        """
        wrong = [one for one in algorithms if one not in KNOWN]
        if wrong or not algorithms:
            raise InvalidInput(
                f"algorithms {list(algorithms)!r} are not those of public keys",
                field="algorithms",
                hint=f"choose from {', '.join(sorted(KNOWN))}",
            )
        if not (issuer and audience and tenant_claim):
            raise InvalidInput("issuer, audience and tenant_claim have no default", field="issuer")
        self._jwt = extra("jwt", "jwt", "verifying tokens")
        self._issuer, self._audience = issuer, audience
        self._tenant, self._namespaces, self._roles = tenant_claim, namespaces_claim, roles_claim
        self._keep = tuple(keep)
        self._algorithms = list(algorithms)
        self._keys = keys or KeySet(jwks_url, fetch)

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return whom a token stands for, None where there is none.

        Raises Unauthenticated; Unavailable when the keys cannot be read.
        """
        token = bearer_of(credentials)
        if token is None or token.count(".") != _PARTS - 1:
            return None
        key = await self._keys.find(self._key_id(token))
        if key is None:
            raise not_recognised("token")
        try:
            claims = self._jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (self._jwt.PyJWTError, ValueError, TypeError) as error:
            raise not_recognised("token") from error
        return self._principal(claims)

    def _key_id(self, token: str) -> str:
        """Return the id of the key, which is only ever compared; raises Unauthenticated."""
        try:
            header = self._jwt.get_unverified_header(token)
        except (self._jwt.PyJWTError, ValueError) as error:
            raise not_recognised("token") from error
        id = header.get("kid")
        known = isinstance(id, str) and 0 < len(id) <= _LONGEST_ID
        if not known or header.get("alg") not in self._algorithms:
            raise not_recognised("token")
        return str(id)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject, tenant = claims.get("sub"), claims.get(self._tenant)
        if not (isinstance(subject, str) and subject and isinstance(tenant, str) and tenant):
            raise Unauthenticated(
                f"the token names no subject, or no tenant in {self._tenant!r}",
                hint="ask whoever issues it",
            )
        kept = {name: claims[name] for name in self._keep if name in claims}
        return Principal(
            subject,
            tenant,
            _texts(claims.get(self._namespaces)),
            _texts(claims.get(self._roles)),
            method="jwt",
            claims={**kept, "expires": float(claims["exp"]) + LEEWAY},
        )


def _texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list, or of one that is written with spaces as OAuth scopes are."""
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list):
        return tuple(one for one in value if isinstance(one, str))
    return ()
