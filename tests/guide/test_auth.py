"""The programs of docs/auth.md print what stands under them; its figures are the code's."""

import pytest

from redflow import defaults
from redflow.auth import jwks, jwt
from redflow.auth.roles import ROLES
from redflow.model.headers import HEADERS_LIMIT
from tests.guide.programs import check, programs_of, read_guide
from tests.tools import auth_table

GUIDE = read_guide("auth.md")
PROGRAMS = programs_of(GUIDE)
NAMES = ["provider", "identity", "metadata", "keys", "audit"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_the_table_of_calls_is_that_of_the_code():
    assert auth_table.main(["--check"]) == 0


def test_figures_are_those_of_the_code():
    assert f"more than {defaults.AUTH_PATIENCE:.0f} seconds" in GUIDE
    assert f"at most {HEADERS_LIMIT // 1024} KiB" in GUIDE
    assert f"at most {defaults.API_KEYS:,}" in GUIDE
    assert f"About {defaults.AUDIT_CAP:,} are kept" in GUIDE
    assert f"kept for {jwks.KEPT / 60:.0f} minutes" in GUIDE
    assert f"every {jwks.BETWEEN:.0f} seconds" in GUIDE
    assert f"differ by {jwt.LEEWAY:.0f} seconds" in GUIDE
    assert all(f"| `{role}` |" in GUIDE for role in ROLES)
