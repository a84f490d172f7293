"""The comparison with peers: its tables and ratios, its peers, and redflow's own part of it."""

import json
import struct
import subprocess
import sys
import threading

import pytest

from bench.compare import command, installing, limits, stamps
from bench.compare.peers import NAMES, OURS, kind_of
from bench.compare.peers.base import EVERY_MODE, hand_on
from bench.compare.processes import Site
from bench.compare.server import own_server
from bench.compare.shapes import DIAMOND, SINGLE, Shape, chain, fan
from bench.compare.table import Figure, Results, ratio, spread
from bench.compare.workloads import WORKLOADS, Run, Sizes, percentile, rate_of
from tests.support.tree import ROOT

RATE = Figure("steps/s", more=True, limits=("the best limit", "limit"))
TIME = Figure("ms", limits=("trip",))
PEERS = [name for name in NAMES if name != OURS]


@pytest.fixture
def results():
    found = Results("W0 made up", (RATE, TIME))
    for run, (ours, saq, arq, bullmq) in enumerate(
        [(3000, 100, 50, 300), (2000, 100, 110, 400), (4000, 200, 60, 800)]
    ):
        found.add(run, "redflow", {"steps/s": ours, "ms": 1 + run})
        found.add(run, "saq", {"steps/s": saq, "ms": 10})
        found.add(run, "arq", {"steps/s": arq, "ms": 5})
        found.add(run, "bullmq", {"steps/s": bullmq})
        found.add_limits(run, {"limit": 10_000, "trip": 0.5})
    return found


def row_of(results, figure, peer):
    return next(row for row in results.rows(figure) if row["peer"] == peer)


def test_the_best_peer_is_a_python_one_and_never_redflow(results):
    assert results.best(RATE) == "saq"
    assert results.best(TIME) == "arq"


def test_rows_show_median_and_spread(results):
    row = row_of(results, RATE, "redflow")
    assert (row["median"], row["min"], row["max"], row["runs"]) == (3000, 2000, 4000, 3)


def test_ratios_are_medians_of_the_ratios_within_each_run(results):
    row = row_of(results, RATE, "redflow")
    assert row["times_best_peer"] == 20  # 30, 20, 20: not 3000 / 100
    assert row["times_bullmq"] == 5
    assert row["of_limit"] == 0.3


def test_less_is_better_turns_the_ratio_to_peers_but_not_to_limits(results):
    row = row_of(results, TIME, "redflow")
    assert row["times_best_peer"] == 2.5
    assert row["of_limit"] == 4


def test_a_run_that_one_side_has_not_is_left_out():
    assert ratio({0: 10, 2: 40}, {0: 5, 1: 1}) == 2
    assert ratio({0: 10}, {1: 1}) is None
    assert ratio({0: 10}, {0: 0}) is None
    assert ratio({0: 10}, {0: 0}, inverse=True) is None


def test_spread_of_one_run():
    assert spread([7.0]) == {"median": 7.0, "min": 7.0, "max": 7.0, "runs": 1}


def test_without_peers_and_limits_there_are_no_ratios():
    results = Results("W0", (RATE,))
    results.add(0, "redflow", {"steps/s": 5})
    assert results.rows(RATE) == [{"peer": "redflow", **spread([5])}]


def test_the_text_names_the_peer_of_the_ratio_the_limit_and_what_is_missing(results):
    results.refuse("rq", "chain10: run 1 failed: it ended")
    text = results.text()
    assert "x saq" in text
    assert "x bullmq" in text
    assert "limit: limit: 10,000 [10,000 - 10,000]" in text
    assert "rq: chain10: run 1 failed: it ended" in text
    lines = [line.split()[0] for line in text.splitlines() if "[" in line and " - " in line]
    assert lines[1:5] == ["redflow", "bullmq", "saq", "arq"], "best first"


def test_the_document_is_json_with_every_figure(results):
    document = json.loads(json.dumps(results.document()))
    assert set(document["figures"]) == {"steps/s", "ms"}
    assert document["figures"]["steps/s"]["limit"] == "limit"
    assert document["figures"]["ms"]["best_peer"] == "arq"


@pytest.mark.parametrize("shape", [SINGLE, DIAMOND, chain(10), fan(1000)])
def test_shapes_are_whole_graphs(shape):
    assert Shape.parse(str(shape)) == shape
    reached = [child for step in range(shape.steps) for child in shape.after(step)]
    for step in range(shape.steps):
        assert reached.count(step) == shape.needs(step)


async def test_handing_on_starts_every_step_once_and_the_join_last():
    counts, done = {}, []

    async def incr(key):
        counts[key] = counts.get(key, 0) + 1
        return counts[key]

    async def add(steps):
        for step in steps:
            done.append(step[2])
            await hand_on(step, incr, add)

    await add([(str(fan(5)), "run", 0)])
    assert done == [0, 1, 2, 3, 4, 5, 6]


def test_the_rate_leaves_the_first_tenth_out():
    slow_start = [0.0] + [10 + n / 10 for n in range(19)]
    assert rate_of(slow_start) == pytest.approx(10)


def test_percentiles():
    assert percentile([3, 1, 2], 0.99) == 3
    assert percentile(list(range(100)), 0.95) == 95


def test_stamps_come_back_in_order_whatever_process_left_them(tmp_path):
    (tmp_path / "1").write_bytes(struct.pack("<4d", 2.0, 3.0, 0.0, 0.0))
    (tmp_path / "2").write_bytes(struct.pack("<d", 1.0) + b"half")
    reader = stamps.Stamps(tmp_path)
    assert reader.read() == [1.0, 2.0, 3.0]
    with (tmp_path / "1").open("r+b") as file:
        file.seek(16)
        file.write(struct.pack("<d", 4.0))
    assert reader.read() == [1.0, 2.0, 3.0, 4.0]


def test_stamps_are_kept_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv(stamps.FOLDER, str(tmp_path))
    writer = stamps._Writer()
    writer.stamp()
    writer.stamp()
    first, second = stamps.Stamps(tmp_path).wait(2)
    assert 0 < first <= second


def test_threads_that_stamp_together_leave_one_file(tmp_path, monkeypatch):
    monkeypatch.setenv(stamps.FOLDER, str(tmp_path))
    writer = stamps._Writer()
    together = threading.Barrier(8)

    def stamp():
        together.wait()
        writer.stamp()

    threads = [threading.Thread(target=stamp) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stamps.Stamps(tmp_path).read()) == 8
    assert len(list(tmp_path.iterdir())) == 1


def test_waiting_for_stamps_gives_up_when_none_comes(tmp_path):
    (tmp_path / "1").write_bytes(struct.pack("<d", 1.0))
    with pytest.raises(stamps.Stalled, match="1 of 2 steps"):
        stamps.Stamps(tmp_path).wait(2, look=0.001, patience=0.01)


def test_what_redis_benchmark_prints_is_read():
    head = '"test","rps","avg_latency_ms","min","p50","p95","p99","max"\n'
    line = '"EVALSHA abc 2 k v","144000.50","0.301","0.056","0.287","0.575","0.631","0.703"\n'
    assert limits.benchmark_line(head + line) == 144000.5
    assert limits.benchmark_line('"EVALSHA abc","100.25"\n') == 100.25, "as before Redis 6.2"


@pytest.mark.parametrize("name", NAMES)
def test_every_peer_imports_without_its_package(name):
    kind = kind_of(name)
    assert kind.name == name
    assert kind.setting
    assert kind.drain > 0
    assert set(kind.modes) <= set(EVERY_MODE)
    parts = {part.name for workload in WORKLOADS.values() for part in workload.parts}
    assert set(kind.lacks) <= parts
    assert not [one for one in kind.packages if "==" not in one and "@" not in one], "pinned"


def test_a_mode_that_a_peer_has_not_is_said():
    assert kind_of("rq").why_not("async") == "has no such call"
    assert kind_of("rq").why_not("sync") is None
    assert kind_of("bullmq").why_not("diamond")


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_is_not_installed_is_listed_as_such(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda program: program)
    kinds, absent = command._runnable(["redflow", name])
    assert [kind.name for kind in kinds] == ["redflow"]
    assert "--install" in absent[name]


def test_an_installation_of_other_versions_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kind = kind_of("saq")
    home = installing.homes() / "saq"
    home.mkdir(parents=True)
    (home / installing.MARK).write_text("saq==0.1")
    assert "another version" in (installing.missing(kind) or "")
    (home / installing.MARK).write_text("\n".join(kind.packages))
    assert installing.missing(kind) is None


def test_redflow_runs_where_the_bench_runs():
    assert installing.missing(kind_of(OURS)) is None
    assert installing.install(kind_of(OURS)) == "is installed"


@pytest.mark.parametrize("arguments", [["--only", "redflow,nosuch"], ["--workloads", "W1,W99"]])
def test_unknown_names_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "nosuch" in (error := capsys.readouterr().err) or "W99" in error


def test_small_sizes_are_still_whole():
    sizes = Sizes(0.001)
    assert sizes.of(1000, 3) == 3
    assert sizes.fan.steps == 5
    assert Sizes().fan == fan(1000)
    assert Sizes().long_chain == chain(100)


@pytest.mark.process
def test_redflow_is_compared(tmp_path):
    file = tmp_path / "figures.json"
    asked = ["--only", "redflow", "--workloads", "W3", "--runs", "1", "--scale", "0.001"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "compare", *asked, "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "lone chain, ms/step" in done.stdout
    found = json.loads(file.read_text())["workloads"]["W3"]
    assert found["missing"] == {}
    (row,) = found["figures"]["lone chain, ms/step"]["rows"]
    assert row["peer"] == "redflow"
    assert row["median"] > 0
    assert row["of_limit"] > 0


@pytest.mark.process
def test_redflow_drains_a_queue_that_was_filled_before(tmp_path):
    (part,) = (part for part in WORKLOADS["W1"].parts if part.name == "single")
    with own_server() as server:
        site = Site(kind_of(OURS), None, server.url, tmp_path / "run")
        found = part.measure(Run(server, site, Sizes(0.001)))
        assert len(site.stamps().read()) == 60
    assert set(found) == {figure.name for figure in part.figures}
    assert all(value > 0 for value in found.values())
