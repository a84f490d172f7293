"""Goes through every key of a namespace: executions in no index, and keys of somebody else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from redflow.store.audit import pattern_of, read_keys, read_type
from redflow.store.auditor import Auditor
from redflow.store.damage import Damage
from redflow.store.keys import TABLE, Keys
from redflow.store.questions import Questions, Refused, each

PAGE = 1000
"""Keys that one call looks at."""


def _families(scope: str) -> list[tuple[re.Pattern[str], str]]:
    found = []
    for key in TABLE:
        if key.scope == scope:
            parts = re.split(r"(<\w+>)", key.name)
            text = "".join(".+" if one.startswith("<") else re.escape(one) for one in parts)
            found.append((re.compile(text, re.DOTALL), key.type))
    return found


_TYPES = {scope: _families(scope) for scope in ("partition", "namespace")}
EXECUTION = "execution:"


class Census:
    """Reads all keys of a namespace; auditors of its partitions check what no index names."""

    def __init__(self, keys: Keys, auditors: Mapping[int, Auditor]) -> None:
        self._keys = keys
        self._auditors = auditors
        tag = re.escape(f"{keys.prefix}{{{keys.namespace}")
        self._name = re.compile(tag + r"(?::(\d+))?\}:(.*)", re.DOTALL)
        self.findings: list[Damage] = []

    def walk(self, partition: int | None = None) -> Questions:
        """Go through the keys of the namespace, or of one partition."""
        pattern, cursor = pattern_of(self._keys, partition), 0
        while True:
            (page,) = yield from each([read_keys(pattern, cursor, PAGE)])
            if isinstance(page, Refused):
                self.skip(str(page))
                return
            cursor, names = page
            yield from self._page(names)
            if not cursor:
                return

    def skip(self, reason: str) -> None:
        """Note that keys were not listed, and why."""
        text = f"its keys were not listed, so what no index names was not looked for: {reason}"
        self.findings.append(Damage(None, "namespace", text, note=True))

    def _page(self, names: Sequence[str]) -> Questions:
        executions: dict[int, list[str]] = {}
        others: list[tuple[str, int | None, str]] = []
        for name in dict.fromkeys(names):
            found = self._name.fullmatch(name)
            number = int(found[1]) if found and found[1] else None
            rest = found[2] if found else ""
            if number is not None and number not in self._auditors:
                if not 0 <= number < self._keys.partitions:
                    self._say(number, name, "is of a partition that is not there")
            elif number is not None and rest.startswith(EXECUTION):
                self._execution(name, number, rest.removeprefix(EXECUTION), executions)
            else:
                others.append((name, number, rest))
        yield from self._others(others)
        for number, ids in executions.items():
            yield from self._auditors[number].unlisted(ids)

    def _execution(
        self, name: str, number: int, execution: str, executions: dict[int, list[str]]
    ) -> None:
        if self._keys.partition_of(execution).number == number:
            executions.setdefault(number, []).append(execution)
        else:
            self._say(number, name, "lives in a partition where nobody looks for it")

    def _others(self, others: Sequence[tuple[str, int | None, str]]) -> Questions:
        types = yield from each([read_type(name) for name, *_ in others])
        for (name, number, rest), type_ in zip(others, types, strict=True):
            scope = "namespace" if number is None else "partition"
            wanted = {kind for family, kind in _TYPES[scope] if family.fullmatch(rest)}
            if not wanted:
                self._say(number, name, "is no key of redflow's", note=True)
            elif type_ not in wanted and type_ != "none":
                self._say(number, name, f"is a {type_}, not a {' or '.join(sorted(wanted))}")

    def _say(self, partition: int | None, key: str, what: str, *, note: bool = False) -> None:
        self.findings.append(Damage(partition, f"key {key}", what, note=note))
