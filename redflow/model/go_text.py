"""Go's texts in redflow's: `{{.field}}` becomes `${input.field}`, `1h30m` becomes `90m`."""

import keyword
import re
from collections.abc import Iterator

from redflow.model.checks import shown

_TRIM_BEFORE = re.compile(r"-\s")
_TRIM_AFTER = re.compile(r"\s-")
_PATH = re.compile(r"\$?\.(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")
_INDEX = re.compile(r'index\s+(\$?\.[\w.]*)((?:\s+"[^"\\]*")+)')
_COMMENT = re.compile(r"/\*.*\*/", re.DOTALL)
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zµμ]+)[\s,]*", re.IGNORECASE)
_NANOSECONDS = {
    name: value
    for value, names in {
        1: "ns nanosecond nanoseconds",
        1_000: "us µs μs microsecond microseconds",
        1_000_000: "ms millisecond milliseconds",
        1_000_000_000: "s sec secs second seconds",
        60_000_000_000: "m min mins minute minutes",
        3_600_000_000_000: "h hr hrs hour hours",
        86_400_000_000_000: "d day days",
        604_800_000_000_000: "w week weeks",
    }.items()
    for name in names.split()
}
_LONGEST = 100
_WRITTEN = {"d": 86_400_000_000_000, "h": 3_600_000_000_000, "m": 60_000_000_000}


class Untranslatable(ValueError):
    """A text of Go that means nothing here; the message says what and what to write."""


def translate(text: str) -> str:
    """Return a template of Go as one of redflow; raise Untranslatable."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    trims = False
    end = 0
    while (start := text.find("{{", end)) >= 0:
        close = text.find("}}", start)
        if close < 0:
            raise Untranslatable("a template begins with {{ and does not end")
        action = text[start + 2 : close]
        trims_before = bool(_TRIM_BEFORE.match(action))
        yield _literal(text[end:start], before=trims, after=trims_before)
        trims = bool(_TRIM_AFTER.fullmatch(action[-2:]))
        inner = action[trims_before : len(action) - trims].strip()
        if not _COMMENT.fullmatch(inner):
            yield f"${{{_expression(inner)}}}"
        end = close + 2
    yield _literal(text[end:], before=trims, after=False)


def _literal(text: str, *, before: bool, after: bool) -> str:
    """Return what stands between templates, trimmed as they ask; `${` would begin one here."""
    text = text.lstrip() if before else text
    return (text.rstrip() if after else text).replace("${", "$${")


def _expression(action: str) -> str:
    if _PATH.fullmatch(action):
        return _path(action)
    index = _INDEX.fullmatch(action)
    if index and _PATH.fullmatch(index[1]):
        keys = re.findall(r'"([^"]*)"', index[2])
        return _path(index[1]) + "".join(f"[{_quoted(key)}]" for key in keys)
    raise Untranslatable(f"the template {shown('{{' + action + '}}')} is more than a field")


def _path(path: str) -> str:
    return "input" + "".join(field(name) for name in path.lstrip("$").split(".") if name)


def field(name: str) -> str:
    """Return the access to one field: .name, or ["name"] where a dot could not stand."""
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return f".{name}" if plain else f"[{_quoted(name)}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def duration(value: object) -> str:
    """Return a duration of Go, a number of nanoseconds or a text, as redflow writes it.

    Raises Untranslatable, also for what is no duration.
    """
    nanoseconds = _nanoseconds(value)
    if 0 < nanoseconds < 1_000_000:
        raise Untranslatable(
            f"{shown(value)} is {nanoseconds:g} nanoseconds, less than a timer can tell;"
            ' write it with a unit, as "5s"'
        )
    for unit, size in _WRITTEN.items():
        if nanoseconds and nanoseconds % size == 0:
            return f"{int(nanoseconds // size)}{unit}"
    if nanoseconds % 1_000_000_000 and nanoseconds < 1_000_000_000:
        return f"{_number(nanoseconds / 1_000_000)}ms"
    return f"{_number(nanoseconds / 1_000_000_000)}s"


def _number(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _nanoseconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 <= value < 1e19:
            raise Untranslatable(f"{shown(value)} is no duration")
        return value
    if not isinstance(value, str):
        raise Untranslatable(f"it is a {type(value).__name__}, not a duration")
    text = value.strip().removeprefix("+")
    if len(text) > _LONGEST:
        raise Untranslatable("it is no duration")
    parts = _PART.findall(text)
    units = [unit.lower() for _, unit in parts]
    whole = "".join(_PART.sub("", text).split())
    if text == "0":
        return 0
    if not parts or whole or any(unit not in _NANOSECONDS for unit in units):
        raise Untranslatable(f'{shown(value)} is no duration; write it as "90s", "5m" or "14d"')
    total = sum(float(number) * _NANOSECONDS[unit.lower()] for number, unit in parts)
    if total > 1e19:
        raise Untranslatable(f"{shown(value)} is longer than ten years")
    return total
