"""The programs of docs/webhooks.md print what stands under them, and its figures are the code's."""

import re

import pytest

from redflow import defaults
from redflow.cli.webhooks import SCHEMES
from redflow.model.webhook import WebhookScheme
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("webhooks.md")
PROGRAMS = programs_of(GUIDE)
NAMES = ["signed", "served"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_are_those_of_the_code():
    assert f"at most {defaults.WEBHOOKS:,} webhooks" in GUIDE
    assert f"±{defaults.WEBHOOK_SKEW:.0f} s" in GUIDE
    assert f"at once as many; {defaults.WEBHOOK_RATE}," in GUIDE
    assert f"up to {defaults.WEBHOOK_BYTES // 2**20} MiB" in GUIDE
    assert f"for {defaults.WEBHOOK_PATIENCE:.0f} seconds" in GUIDE
    assert f"refuses it for {defaults.WEBHOOK_REPLAY / 3600:.0f} hours" in GUIDE
    assert f"may be {defaults.SECRET_CACHE:.0f} seconds old" in GUIDE


def test_every_scheme_is_told():
    assert set(re.findall(r"^\| `(\w+)` \| ", GUIDE, re.MULTILINE)) >= set(WebhookScheme)
    assert set(SCHEMES) == set(WebhookScheme)
