"""The benchmark runs, and the gates that noise cannot move are met."""

import json
import subprocess
import sys

import pytest

from bench.gates import GATES
from tests.support.tree import ROOT

NOISY = {"steps/s", "Redis CPU us/step", "worker CPU us/step", "bytes/queued execution"}
"""Of these the machine decides; docs/performance.md tells what was measured."""


@pytest.mark.slow
def test_commands_bytes_and_memory_stay_within_their_gates(server_url: str):
    command = [sys.executable, "-m", "bench", "--redis", server_url, "--json"]
    run = subprocess.run(
        [*command, "--steps", "20000", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    figures = json.loads(run.stdout)["figures"]
    missed = [name for name, gate in GATES.items() if not gate[2](figures[name]["median"])]
    assert set(missed) <= NOISY, figures
