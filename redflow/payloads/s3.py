"""A payload store in S3, or what speaks like it, by boto3: the extra `s3`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from redflow.errors import InvalidInput
from redflow.extras import extra
from redflow.payloads.store import Kept, missing, read_key

CONNECT, READ, TRIES = 5, 30, 3
"""Seconds to connect and to wait for an answer, and how often boto3 itself tries."""

PAGE = 1000
"""Keys that S3 removes with one call."""

_MISSING = frozenset({"NoSuchKey", "404"})
_GONE = frozenset({"NoSuchKey"})


class S3Store:
    """Keeps each payload as an object `<prefix>/<namespace>/<execution>/<random>` of a bucket.

    `client` is one of boto3, by default one with its own settings: credentials, region and endpoint
    come from the environment, files and roles, as boto3 finds them. The bucket is there already.
    """

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        """Raises Misconfigured without boto3, unless a client is given."""
        if not bucket:
            raise InvalidInput("an S3 bucket needs a name", field="bucket")
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client = client if client is not None else _new_client()

    def put(self, key: str, data: bytes) -> None:
        """Put an object; S3 has it durably when it answers."""
        read_key(key)
        self._client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def get(self, key: str) -> bytes:
        """Get an object; raises PayloadMissing."""
        try:
            found = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except Exception as error:
            if _code_of(error) in _MISSING:
                raise missing(key, str(self)) from None
            raise
        with found["Body"] as body:
            data: bytes = body.read()
        return data

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, many with one call; raises OSError when S3 keeps one."""
        for first in range(0, len(keys), PAGE):
            page = keys[first : first + PAGE]
            reply = self._client.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": [{"Key": self.prefix + key} for key in page], "Quiet": True},
            )
            refused = [one for one in reply.get("Errors", ()) if one.get("Code") not in _GONE]
            if refused:
                why = f"{refused[0].get('Code')}: {refused[0].get('Message')}"
                raise OSError(f"{self} keeps {len(refused)} of {len(page)} objects: {why}")

    def kept(self, namespace: str) -> Iterator[Kept]:
        """Yield the objects of a namespace, a page of 1,000 at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}{namespace}/"
        )
        for page in pages:
            for one in page.get("Contents", ()):
                try:
                    key = str(read_key(one["Key"].removeprefix(self.prefix)))
                except InvalidInput:
                    continue
                yield Kept(key, one["LastModified"].timestamp())

    def __repr__(self) -> str:
        return f"S3Store({self.bucket!r}, {self.prefix!r})"


def _new_client() -> Any:
    boto3 = extra("boto3", "s3", "an S3 payload store")
    config = extra("botocore.config", "s3", "an S3 payload store").Config(
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    return boto3.client("s3", config=config)


def _code_of(error: Exception) -> str:
    """Return the code of an answer that is an error; boto3 makes its classes as it goes."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
