"""Takes the secrets a step used out of what it leaves: outputs, and messages of errors."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

from redflow.model import codec
from redflow.secrets.values import SecretValue

_SHORTEST = 4
"""Characters of a secret that is looked for inside of texts; a shorter one would be in most."""

_SHORTEST_CODED = 6
_SHORTEST_LINE = 8
_DEPTH = 100  # the codec refuses what is nested deeper
_PLAIN = (bool, float, type(None), date, timedelta)
_WRITTEN = (int, Decimal, UUID)
"""What a secret may have become when somebody read it as JSON."""


class Mask:
    """Knows the secrets that one step resolved, and puts ***name*** where one shows.

    Found are the value, each line of it, and its forms in JSON, Python, HTML, URLs, base64 (inside
    of a longer text, too) and hex, in texts, bytes, numbers and keys of maps, at any depth.
    """

    def __init__(self) -> None:
        self._whole: dict[str, str] = {}
        self._forms: list[tuple[str, str]] = []
        self._coded: list[tuple[bytes, bytes]] = []

    def __bool__(self) -> bool:
        return bool(self._whole)

    def add(self, secret: SecretValue) -> None:
        """Learn a secret."""
        if not secret.value or secret.value in self._whole:
            return
        mark = f"***{secret.name}***"
        self._whole[secret.value] = mark
        if len(secret.value) >= _SHORTEST:
            forms = {(form, mark) for form in _forms(secret.value)}
            # The longest first: a short one may be a part of it.
            self._forms = sorted({*self._forms, *forms}, key=lambda one: (-len(one[0]), one))
            self._coded = [(form.encode(), mark.encode()) for form, mark in self._forms]

    def mask(self, value: Any) -> Any:
        """Return a value without the secrets; itself when there is none in it.

        Dataclasses, structs and models become maps, as they do when they are stored.
        """
        return self._value(value, 0) if self else value

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for form, mark in self._forms:
            text = text.replace(form, mark)
        return self._whole.get(text, text)

    def _bytes(self, data: bytes) -> bytes:
        for form, mark in self._coded:
            data = data.replace(form, mark)
        return data

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, _PLAIN) or depth > _DEPTH:
            return value
        if isinstance(value, _WRITTEN):
            return self._whole.get(str(value), value)
        if isinstance(value, dict):
            return {
                self.text(key) if isinstance(key, str) else key: self._value(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._value(item, depth + 1) for item in value]
        return self._value(codec.decode(codec.encode(value)), depth)


def _forms(value: str) -> Iterator[str]:
    yield from _texts(value)
    for line in value.splitlines():
        if len(line) >= _SHORTEST_LINE:
            yield from _texts(line)
    data = value.encode()
    for coded in (*_in_base64(data), data.hex(), data.hex().upper()):
        if len(coded) >= _SHORTEST_CODED:
            yield coded


def _texts(text: str) -> Iterator[str]:
    """Yield a text as it stands in documents, messages and addresses."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield html.escape(text)
    for address in (quote(text), quote(text, safe=""), quote_plus(text)):
        yield address
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), address)


def _in_base64(data: bytes) -> Iterator[str]:
    """Yield what is the same of the bytes in base64, wherever they begin in a longer text."""
    whole = base64.b64encode(data).decode()
    yield from _alphabets(whole)
    yield from _alphabets(whole.rstrip("="))
    for before in range(3):
        coded = base64.b64encode(bytes(before) + data).decode()
        first = -(-before * 8 // 6)  # characters in front of it hold other bytes as well
        last = (before + len(data)) * 8 // 6
        yield from _alphabets(coded[first:last])


def _alphabets(coded: str) -> tuple[str, str]:
    return coded, coded.translate(str.maketrans("+/", "-_"))
