"""Writes docs/benchmarks.md from what was measured: prose from page.md, every number from the JSON."""

import argparse
from pathlib import Path
from string import Template
from typing import Any, Final

from tests.benchmarks import results
from tests.benchmarks.engines import BY_NAME, ENGINES, ROOT

_TEMPLATE: Final = Path(__file__).with_name("page.md")
_PAGE: Final = ROOT / "docs" / "benchmarks.md"
_NAMES: Final = ("peers", "growth", "profile", "latency")
_NOT_MEASURED: Final = "Not measured on this machine yet.\n"
_WHAT: Final = {
    "leads": "leads known",
    "criteria": "criteria",
    "late": "share of late events",
    "visit": "events by touched lead",
}


class NotMeasuredError(Exception):
    """There are no figures to write about."""


def measured() -> dict[str, dict[str, Any]]:
    """The figures of all benchmarks; raises NotMeasuredError where some are missing."""
    found = {name: results.load(name) for name in _NAMES}
    if lacking := [name for name, figures in found.items() if figures is None]:
        raise NotMeasuredError(f"no figures of {', '.join(lacking)} in build/bench: run `make bench-peers`")
    return {name: figures for name, figures in found.items() if figures is not None}


def text(
    figures: dict[str, dict[str, Any]], state: dict[str, Any] | None, delivery: dict[str, Any] | None
) -> str:
    """The page; `state` and `delivery` where they were measured."""
    peers, growth, profile, latency = (figures[name] for name in _NAMES)
    machine = peers["machine"]
    values: dict[str, object] = {
        "date": machine["at"],
        "machine": f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}",
        "busy": ", ".join(f"{figures[name]['machine']['load_before']} ({name})" for name in _NAMES),
        "versions": ", ".join(f"{name} {number}" for name, number in machine["versions"].items()),
        "events": f"{peers['events']:,}",
        "leads": f"{peers['leads']:,}",
        "partitions": peers["partitions"],
        "warm": f"{peers['warm']:.0%}",
        "runs": min(len(row["runs"]) for row in peers["rows"]),
        "alone": _peers(peers, "count"),
        "product": _peers(peers, "score"),
        "promises": _promises(peers),
        "aims": _aims(peers, growth["figures"], latency["rows"]),
        "growth": _growth(growth["figures"]),
        "growth_events": f"{growth['events']:,}",
        "workers": _workers(growth["figures"]["workers"]),
        "profile": _profile(profile["shares"]),
        "profile_visit": f"{profile['visit']:g}",
        "latency": _latency(latency["rows"]),
        "seconds": f"{latency['seconds']:.0f}",
        "state": _state(state),
        "told": _told(delivery),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    rule = ["---" if number == 0 else "--:" for number in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _range(figures: dict[str, float], form: str = ".1f") -> str:
    return f"{figures['middle']:{form}} ({figures['least']:{form}}–{figures['most']:{form}})"


def _peers(figures: dict[str, Any], task: str) -> str:
    rows = sorted((row for row in figures["rows"] if row["task"] == task), key=_cpu)
    heads = ["engine", "CPU µs an event", "the same with start and warm-up", "events/s", "peak MB", "events"]
    return _table(
        heads,
        [
            [
                BY_NAME[row["engine"]].label,
                _range(row["cpu_us"]),
                f"{row['whole_cpu_us']['middle']:.1f}",
                _range(row["rate"], ",.0f"),
                f"{row['peak_mb']:,.0f}",
                f"{row['events']:,}",
            ]
            for row in rows
        ],
    )


def _cpu(row: dict[str, Any]) -> float:
    cost: float = row["cpu_us"]["middle"]
    return cost


def _promises(figures: dict[str, Any]) -> str:
    there = {row["engine"] for row in figures["rows"]}
    shown = [one for one in ENGINES if one.name in there]
    rows = [[one.label, one.promises, one.settings] for one in shown]
    return _table(["engine", "promises", "as set here"], rows).replace("--:", "---")


def _aims(
    peers: dict[str, Any], growth: dict[str, list[dict[str, Any]]], latency: list[dict[str, Any]]
) -> str:
    """What was aimed at, each beside what was measured, as far as it was."""
    cost = {(row["task"], row["engine"]): _cpu(row) for row in peers["rows"]}
    python, java = ("faust", "quix", "bytewax"), ("streams-memory", "streams-rocksdb")
    against = (
        ("engine alone, times the best other Python engine with durable state", "count", python, "0.5"),
        ("engine alone, times consuming and parsing only", "count", ("limit",), "3"),
        ("engine alone, times Kafka Streams (the better of both)", "count", java, "1.5, better 1"),
        ("the whole product, times the best other Python engine", "score", python, "1"),
    )
    rows = []
    for what, task, others, aim in against:
        there = [cost[task, name] for name in others if (task, name) in cost]
        if there:
            rows.append(
                [f"CPU of an event, {what}", f"{cost[task, 'leadheat'] / min(there):.2f}", f"≤ {aim}"]
            )
    product = next(row for row in peers["rows"] if (row["task"], row["engine"]) == ("score", "leadheat"))
    rows.append(["the whole product, events/s of a worker", f"{product['rate']['middle']:,.0f}", "≥ 60,000"])
    for what, name, few, many, aim in (
        ("1,000,000 leads known, times 10,000", "leads", 10_000, 1_000_000, "1.3"),
        ("200 criteria, times 20", "criteria", 20, 200, "2"),
    ):
        at = {point["value"]: point["cpu_us"]["middle"] for point in growth[name]}
        if few in at and many in at:
            rows.append([f"CPU of an event, {what}", f"{at[many] / at[few]:.2f}", f"≤ {aim}"])
    rows += [
        [
            f"p99 from request to alert at 10,000 events/s, {row['size']} a request",
            f"{row['p99']:,.0f} ms",
            "< 100 ms",
        ]
        for row in latency
        if row["rate"] == 10_000
    ]
    return _table(["", "measured", "aim"], rows)


def _growth(figures: dict[str, list[dict[str, Any]]]) -> str:
    rows = []
    for name, what in _WHAT.items():
        points = figures[name]
        first, last = points[0], points[-1]
        form = ".0%" if name == "late" else ",g"
        times = last["cpu_us"]["middle"] / first["cpu_us"]["middle"]
        span = [f"{point['value']:{form}}" for point in (first, last)]
        costs = [f"{point['cpu_us']['middle']:.1f} µs" for point in (first, last)]
        rows.append([what, " → ".join(span), " → ".join(costs), f"{times:.2f}"])
    return _table(["", "from → to", "CPU of an event", "times"], rows)


def _workers(points: list[dict[str, Any]]) -> str:
    rows = [[f"{one['value']:g}", _range(one["rate"], ",.0f"), _range(one["cpu_us"])] for one in points]
    return _table(["workers", "events/s", "CPU µs an event"], rows)


def _profile(shares: dict[str, float]) -> str:
    return _table(["part", "share of the time"], [[part, f"{share:.0%}"] for part, share in shares.items()])


def _latency(rows: list[dict[str, Any]]) -> str:
    heads = [
        "events/s",
        "events a request",
        "taken, events/s",
        "requests put off",
        "alerts",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "most ms",
    ]
    numbers = ("taken", "put off", "alerts", "p50", "p90", "p99", "most")
    return _table(
        heads,
        [[f"{row['rate']:,}", str(row["size"]), *(f"{row[one]:,.0f}" for one in numbers)] for row in rows],
    )


def _told(figures: dict[str, Any] | None) -> str:
    """What bench_delivery has measured from events on; nothing where it was not run."""
    if figures is None:
        return _NOT_MEASURED
    rows = figures["from_event"]
    cells = []
    for name in rows[0]:
        p50, p99 = (results.Range.of([row[name][share] for row in rows]).middle for share in ("p50", "p99"))
        most = max(row[name]["most"] for row in rows)
        cells.append([name, *(f"{one:,.0f}" for one in (p50, p99, most))])
    table = _table(["receiver", "p50 ms", "p99 ms", "most ms"], cells)
    rounds = f"median of {len(rows)} rounds of {figures['seconds']:g} s"
    return f"{figures['events/s']:g} leads a second, {rounds}:\n\n{table}"


def _state(figures: dict[str, Any] | None) -> str:
    """What bench_state has measured, as pairs of a name and a text; nothing where it was not run."""
    if figures is None:
        return _NOT_MEASURED
    return _table(["", ""], [[row["name"], row["value"]] for row in figures["rows"]])


def main() -> None:
    """Writes page and plots."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    figures = measured()
    from tests.benchmarks import plots  # needs matplotlib, which only the benchmarks' own environment has

    folder = _PAGE.with_suffix("")
    folder.mkdir(exist_ok=True)
    alone = "Engine alone: a counter a lead, durable"
    plots.peers(figures["peers"], "count", alone, folder / "alone.svg")
    product = "The whole product: twenty criteria, every event decided"
    plots.peers(figures["peers"], "score", product, folder / "product.svg")
    plots.growth(figures["growth"]["figures"], folder / "growth.svg")
    plots.latency(figures["latency"]["rows"], folder / "latency.svg")
    _PAGE.write_text(text(figures, results.load("state"), results.load("delivery")), encoding="utf-8")


if __name__ == "__main__":
    main()
