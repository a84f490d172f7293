"""The programs of docs/api.md print what they say; its routes and figures are the code's."""

import re

import pytest

from redflow import defaults
from redflow.api.app import OWN
from redflow.api.routes import ROUTES
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("api.md")
PROGRAMS = programs_of(GUIDE)


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=["mounted", "errors", "keys"])
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_every_route_is_named():
    """By its last word: the table leaves out what is the same in many."""
    table = GUIDE.partition("## Routes")[2].partition("## Errors")[0]
    words = {one.path.rpartition("/")[2] for one in (*ROUTES, *OWN.endpoints)}
    missing = [word for word in words if word not in table and word not in ("{workflow}",)]
    assert missing == []


def test_figures_are_those_of_the_code():
    assert f"every {defaults.API_KEEP_ALIVE:g} s" in GUIDE
    assert f"anew every {defaults.API_RECHECK:g} s" in GUIDE
    assert f"nothing for {defaults.API_PATIENCE:g} s" in GUIDE
    assert f"keeps {defaults.API_STREAMS:,} streams" in GUIDE
    assert f"over {defaults.API_BODY // 1024**2} MiB" in GUIDE
    assert f"{defaults.API_FAILED_LOGINS} logins from this address" in GUIDE


def test_every_option_of_serve_that_is_named_is_there():
    from redflow.cli.serving import serve

    known = {name for parameter in serve.params for name in parameter.opts}
    named = set(re.findall(r"--[a-z]+[a-z-]*", GUIDE)) - {"--role"}
    assert named <= known
