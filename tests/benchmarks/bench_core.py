"""Prints what an event costs the scoring core: a quick look while one works on it.

Run as `python -m tests.benchmarks.bench_core [GRID.yml…]`; without grids it makes some of several sizes.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scorer.grid import load_grid
from scorer.plan import Plan
from tests.benchmarks import grids
from tests.benchmarks.core import BATCH, Core
from tests.benchmarks.results import Range

_EVENTS = 40_000
_RUNS = 3
_LEADS = 50_000
_SIZES = (7, 20, 60, 200)
_VISITS = (1.4, 3.5)  # events by touched lead


def main(paths: list[str]) -> None:
    """Measures and prints."""
    plans = [(Path(path).name, Plan(load_grid(path))) for path in paths or [grids.TWENTY]]
    if not paths:
        plans += [(f"{size} criteria", grids.made(size)) for size in _SIZES]
    table = Table(title=f"Scoring core: CPU time an event, {_EVENTS:,} events in batches of {BATCH:,}")
    for name in ("grid", "criteria", "events by touched lead", "µs", "least", "most", "events/s a core"):
        table.add_column(name, justify="left" if name == "grid" else "right")
    for visit in _VISITS:
        for name, plan in plans:
            costs = list(Core(plan).logs(_RUNS, _EVENTS, _LEADS, visit=visit))
            cost = Range.of([cost.cpu_us for cost in costs])
            figures = (f"{each:.1f}" for each in (costs[0].touched, cost.middle, cost.least, cost.most))
            table.add_row(name, str(len(plan.rules)), *figures, f"{1e6 / cost.middle:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
