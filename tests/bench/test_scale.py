"""`python -m bench scale` measures and prints; the shapes of W11 are what they are said to be."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.scale.command import WORKLOADS, main, table
from bench.scale.growing import fan
from bench.scale.shapes import Shape, epigenomics, genome
from tests.support.tree import ROOT


@pytest.mark.process
@pytest.mark.parametrize("name", [pytest.param("W9", marks=pytest.mark.slow), "W10", "W11"])
def test_a_workload_prints_a_table_and_writes_json(name: str, tmp_path: Path):
    file = tmp_path / "figures.json"
    words = ["scale", "--only", name, "--scale", "0.001", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tables = json.loads(file.read_text(encoding="utf-8"))["tables"]
    assert list(tables) == [f"{name} {title}" for title in WORKLOADS[name]]
    for title, rows in tables.items():
        assert title in done.stdout
        assert all(row["Redis CPU us/step"] > 0 for row in rows)


def test_an_unknown_workload_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--only", "W7,W99"])
    assert "no workload W99: there are W7" in capsys.readouterr().err


def test_columns_are_as_wide_as_they_need():
    assert table("T", [{"name": "a", "n": 1.0}, {"name": "long", "n": 12345}]).splitlines() == [
        "",
        "T",
        "name       n",
        "   a       1",
        "long  12,345",
    ]


@pytest.mark.parametrize(
    ("shape", "nodes", "edges", "widest", "roots"),
    [(genome(), 248, 324, 25, 156), (epigenomics(), 495, 608, 32, 6)],
    ids=["genome", "epigenomics"],
)
def test_shapes(shape: Shape, nodes: int, edges: int, widest: int, roots: int):
    parents = Counter(map(len, shape))
    assert (len(shape), sum(map(len, shape))) == (nodes, edges)
    assert (max(parents), parents[0]) == (widest, roots)
    assert all(parent < at for at, one in enumerate(shape) for parent in one)


def test_a_fan_waits_for_all():
    workflow = fan("dag", 10)
    assert len(workflow.nodes) == 10
    assert Counter(edge.target for edge in workflow.edges)["n9"] == 8
