"""The table of keys in lua/README.md says what redflow/store/keys.py says."""

from redflow.store.keys import TABLE
from tests.support.tree import LUA


def test_the_table_of_keys_is_that_of_the_code():
    assert sorted(documented()) == sorted((key.name, key.type, key.lifetime) for key in TABLE)


def documented() -> list[tuple[str, str, str]]:
    """Return name, type and lifetime of each row: the first two cells and the last."""
    known = {key.type for key in TABLE}
    rows = []
    for line in (LUA / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) >= 3 and cells[1] in known:
            rows.append((cells[0].strip("`"), cells[1], cells[-1]))
    return rows
