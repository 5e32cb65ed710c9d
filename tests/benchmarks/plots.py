"""Draws what was measured: SVG files, light, readable, the same for the same figures."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.engines import BY_NAME

OURS: Final = "#d1495b"
OTHERS: Final = "#8d99ae"
YARDSTICK: Final = "#d9dde5"
_INK: Final = "#2b2d42"
_SHADES: Final = ("#a8dadc", "#457b9d", "#1d3557")

_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text: a fifth of the size
    "svg.hashsalt": "leadheat",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.constrained_layout.use": True,
}

_GROWTH: Final = {
    "leads": ("leads known", "leads"),
    "criteria": ("criteria in the grid", "criteria"),
    "late": ("late events", "share of events that come up to ten days late"),
    "visit": ("events by touched lead", "events of a lead in a row"),
}


def peers(figures: dict[str, Any], task: str, title: str, path: Path) -> None:
    """CPU of an event by engine, the cheapest on top; whiskers from the least to the most of the runs."""
    rows = sorted(
        (row for row in figures["rows"] if row["task"] == task), key=lambda row: row["cpu_us"]["middle"]
    )
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(8, 0.9 + 0.45 * len(rows)))
        middles = [row["cpu_us"]["middle"] for row in rows]
        axes.barh(
            [BY_NAME[row["engine"]].label for row in rows],
            middles,
            xerr=_whiskers([row["cpu_us"] for row in rows]),
            color=[_colour(row["engine"]) for row in rows],
            error_kw={"ecolor": _INK, "capsize": 3, "elinewidth": 1},
        )
        for place, row in enumerate(rows):
            cpu_us = row["cpu_us"]
            axes.annotate(
                f"{cpu_us['middle']:.1f} µs",
                (cpu_us["most"], place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(1, max(row["cpu_us"]["most"] for row in rows) * 2.2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("CPU µs an event, logarithmic; less is better")
        axes.set_title(title)
        _save(figure, path)


def growth(figures: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """CPU of an event over each dimension."""
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(2, 2, figsize=(9, 6))
        for axes, (name, (title, label)) in zip(panels.flat, _GROWTH.items(), strict=True):
            points = figures[name]
            ranges = [point["cpu_us"] for point in points]
            axes.errorbar(
                [point["value"] for point in points],
                [one["middle"] for one in ranges],
                yerr=_whiskers(ranges),
                color=OURS,
                ecolor=_INK,
                marker="o",
                capsize=3,
                elinewidth=1,
            )
            if name == "leads":
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter("{x:,.0f}")
            if name == "late":
                axes.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, 0))
            axes.set_ylim(bottom=0)
            axes.set_xlabel(label)
            axes.set_ylabel("CPU µs an event")
            axes.set_title(title)
            _grid(axes)
        _save(figure, path)


def latency(rows: list[dict[str, Any]], path: Path) -> None:
    """The whole distribution of waits: how many of the alerts came within how long."""
    sizes = sorted({row["size"] for row in rows})
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(1, len(sizes), figsize=(9, 4), sharey=True, squeeze=False)
        for axes, size in zip(panels.flat, sizes, strict=True):
            for colour, row in zip(_SHADES, (row for row in rows if row["size"] == size), strict=False):
                spread = row["spread"]
                shares = [place / (len(spread) - 1) * 100 for place in range(len(spread))]
                axes.plot(shares, spread, color=colour, label=f"{row['rate']:,} events/s", linewidth=2)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.set_xlabel("share of the alerts, %")
            axes.set_title("an event a request" if size == 1 else f"{size} events a request")
            axes.legend(frameon=False)
            _grid(axes)
        panels[0][0].set_ylabel("ms from request to alert, logarithmic")
        _save(figure, path)


def _whiskers(ranges: list[dict[str, float]]) -> list[list[float]]:
    below = [one["middle"] - one["least"] for one in ranges]
    return [below, [one["most"] - one["middle"] for one in ranges]]


def _colour(engine: str) -> str:
    if engine == "leadheat":
        return OURS
    return YARDSTICK if BY_NAME[engine].yardstick else OTHERS


def _grid(axes: Axes) -> None:
    axes.grid(axis="y", color="#e5e7eb")
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
