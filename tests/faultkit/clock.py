"""A clock of a server that a test sets: libfaketime, steered by a file."""

import os
import tempfile
from pathlib import Path

PLACES = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")
NAMES = ("libfaketimeMT.so.1", "libfaketimeMT.1.dylib")


class ClockMissing(Exception):
    """No libfaketime: an error of the test run, never a reason to skip."""


class FakeClock:
    """Wall clock of every server started with it; the monotonic clock stays the real one."""

    def __init__(self) -> None:
        self._library = _find()
        handle, name = tempfile.mkstemp(prefix="redflow-clock-")
        os.close(handle)
        self._file = Path(name)
        self.set(0)

    def __enter__(self) -> "FakeClock":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.unlink(missing_ok=True)

    def set(self, offset_seconds: float) -> None:
        """Set the clock this far before (-) or after (+) the real time, at once."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset_seconds:+.3f}\n")
        fresh.replace(self._file)  # a server never reads half a line

    def environment(self) -> dict[str, str]:
        """What a server's process needs in its environment."""
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def _find() -> str:
    for place in PLACES:
        for name in NAMES:
            found = sorted(Path(place).glob(f"**/faketime/{name}"))
            if found:
                return str(found[0])
    raise ClockMissing("no libfaketime for a server's clock: apt-get install faketime")
