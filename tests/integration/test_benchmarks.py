"""The benchmarks work and count right, at a tiny size: no figure is looked at."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.progress import Progress

from deploy.kafka.cluster import Cluster
from tests.benchmarks import (
    bench_gateway,
    bench_growth,
    bench_latency,
    bench_peers,
    bench_profile,
    event_to_receiver,
    grids,
    load,
    page,
    results,
)
from tests.benchmarks.arrivals import Arrivals
from tests.benchmarks.checking import Reference
from tests.benchmarks.core import Core
from tests.benchmarks.engines import BY_NAME, ENGINES, Engine
from tests.benchmarks.job import Task
from tests.benchmarks.running import BenchmarkError, Used

_EVENTS = 1_200
_LEADS = 100

_THERE = [(engine, task) for engine in ENGINES if not engine.missing for task in engine.share]


@pytest.fixture(scope="module")
def bench(real_kafka: Cluster) -> bench_peers.Bench:
    return bench_peers.Bench(real_kafka.bootstrap, load.make(_EVENTS, _LEADS), partitions=2)


@pytest.mark.kafka
@pytest.mark.parametrize(("engine", "task"), _THERE, ids=[f"{one.name}-{task}" for one, task in _THERE])
def test_an_engine_does_all_of_its_work(bench: bench_peers.Bench, engine: Engine, task: Task) -> None:
    measured = bench.run(replace(engine, share={task: 1.0}), task)
    assert (measured.warm.events, measured.whole.events) == (_EVENTS // 4, _EVENTS)
    assert measured.whole.cpu_s > 0


@pytest.mark.kafka
def test_an_engine_that_loses_an_event_is_found_out(
    real_kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_peers.Bench(real_kafka.bootstrap, load.make(_EVENTS, _LEADS), partitions=2)
    sent = load.fill

    async def one_twice(*arguments: object) -> None:
        *others, events = arguments
        await sent(*others, [*events[1:], events[-1]])

    monkeypatch.setattr(load, "fill", one_twice)
    with pytest.raises(BenchmarkError, match="did not do its work"):
        bench.run(replace(BY_NAME["loop"], share={"count": 1.0}), "count")


@pytest.mark.kafka
def test_workers_share_the_work(real_kafka: Cluster) -> None:
    log = load.make(_EVENTS, _LEADS, visit=2.0)
    reference = Reference(log, str(grids.TWENTY))
    used = bench_growth.workers_run(real_kafka.bootstrap, 2, 0, log, reference)
    assert used.events == _EVENTS


@pytest.mark.kafka
async def test_every_alert_is_waited_for(real_kafka: Cluster) -> None:
    rows = await bench_latency.measure(
        real_kafka.bootstrap, [(100, 1), (200, 20)], 1.0, Progress(disable=True)
    )
    assert [row["alerts"] for row in rows] == [10, 20]
    assert all(row["spread"] == sorted(row["spread"]) for row in rows)


@pytest.mark.kafka
async def test_every_receiver_is_told_of_every_lead(real_kafka: Cluster) -> None:
    [row] = await event_to_receiver.measure(real_kafka.bootstrap, rate=10, seconds=1, rounds=1)
    assert list(row) == ["webhook", "slack", "teams", "mail"]
    assert all(0 < one["p50"] <= one["p99"] <= one["most"] for one in row.values())


async def test_what_is_told_twice_or_never_counts_for_nothing() -> None:
    arrivals = Arrivals()
    arrivals.note("mail", "lead-1")
    await arrivals.all_of([("mail", "lead-1")], within_s=0)
    arrivals.each_once()
    with pytest.raises(BenchmarkError, match="1 of 2 were not delivered"):
        await arrivals.all_of([("mail", "lead-1"), ("mail", "lead-2")], within_s=0)
    arrivals.note("mail", "lead-1")
    with pytest.raises(BenchmarkError, match="more than once"):
        arrivals.each_once()


def test_the_core_takes_logs_of_every_shape() -> None:
    core = Core(grids.made(20))
    core.take(load.everybody(50))
    [cost] = core.logs(1, 500, 50, visit=5.0, late=0.5)
    assert math.isfinite(cost.cpu_us)
    assert cost.touched > 5


def test_the_profile_tells_the_parts_of_the_core_apart() -> None:
    shares = bench_profile.shares(20_000, visit=2.0)
    assert sum(shares.values()) == pytest.approx(1)
    assert {"deciding the tier", "adding evidence", "reading the event"} <= shares.keys()


@pytest.mark.kafka
def test_the_page_shows_every_engine_and_dimension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka_tools: None
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    tasks: tuple[Task, ...] = ("count", "score")
    warm = Used(events=300, wall_s=1.0, cpu_s=0.5, whole_cpu_s=1.0, peak_mb=80.0)
    whole = Used(events=1_200, wall_s=2.0, cpu_s=1.4, whole_cpu_s=2.4, peak_mb=80.0)
    measured = bench_peers.Measured(warm, whole)
    runs = {(task, engine.name): [measured, measured] for engine in ENGINES for task in tasks}
    results.save("peers", bench_peers.summary(runs, _EVENTS))
    point = {"value": 1.0, "cpu_us": results.Range(2.0, 1.0, 3.0), "rate": results.Range(2.0, 1.0, 3.0)}
    figures = {name: [point, point] for name in ("leads", "criteria", "late", "visit", "workers")}
    results.save("growth", {"events": _EVENTS, "figures": figures})
    results.save("profile", {"visit": 3.5, "shares": {"deciding the tier": 0.25}})
    with pytest.raises(page.NotMeasuredError, match="latency"):
        page.measured()
    row = {
        "rate": 100,
        "size": 1,
        "taken": 100.0,
        "alerts": 10,
        "p50": 1.0,
        "p90": 2.0,
        "p99": 3.0,
        "most": 4.0,
        "put off": 0,
    }
    results.save("latency", {"seconds": 1.0, "rows": [row | {"spread": [1.0, 4.0]}]})
    text = page.text(page.measured(), None, None)
    assert all(
        f"| {engine.label} | 1000.0 (1000.0–1000.0) | 2000.0 | 900 (900–900) |" in text for engine in ENGINES
    )
    assert "times consuming and parsing only | 1.00 | ≤ 3 |" in text
    assert "$" not in text
    assert "| deciding the tier | 25% |" in text
    assert "| 100 | 1 | 100 | 0 | 10 | 1 | 2 | 3 | 4 |" in text


def test_the_peers_share_our_versions_of_what_they_are_measured_with() -> None:
    root = Path(__file__).parents[2]
    ours, theirs = (
        dict(line.split("==") for line in (root / path).read_text(encoding="utf-8").splitlines())
        for path in ("requirements.lock", "tests/benchmarks/requirements.txt")
    )
    for package in ("aiokafka", "faust-streaming", "mode-streaming", "msgspec", "google-re2"):
        assert ours[package] == theirs[package]


@pytest.mark.kafka
def test_the_gateway_is_measured_beside_a_bare_server_and_loses_nothing(own_kafka: Cluster) -> None:
    found = bench_gateway.run(own_kafka.bootstrap, 2_000)
    assert [row["server"] for row in found["rows"]] == ["bare", "gateway"] * 2
    assert all(row["rate"] > 0 and row["cpu_us"] >= 0 for row in found["rows"])
    over = found["overload"]
    assert over["accepted"] + over["refused"] == over["at_once"] == 5 * over["limit"]
    assert over["lost"] == 0 < over["accepted"]
