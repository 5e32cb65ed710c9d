"""What an event costs the scoring core, in CPU time, by the size of the grid and the share of each lead.

Run as `python -m tests.benchmarks.bench_core [GRID.yml…]`; without grids it makes some of several sizes.
"""

import random
import sys
import time
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from scorer.grid import load_grid, parse_grid
from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import format_time, parse_time
from scorer.topics import topic_of

EVENTS = 40_000
BATCH = 4_000
LEADS = (6_000, 1_200)  # about 1.4 and 3.5 events of each lead touched by a batch
SIZES = (7, 20, 60, 200)
START = parse_time("2026-10-01T00:00:00Z")
GAP = 100_000  # microseconds between events

PAGES = [
    "https://www.acme.fr/tarifs",
    "https://www.acme.fr/blog/x",
    "https://www.acme.fr/int%C3%A9gration-crm?utm_source=a",
    "https://www.acme.fr/",
]
TYPES = {"page_view": 6.0, "page_time": 3.0, "email_open": 1.0, "download": 1.0, "identify": 0.3}
TRAITS = {"email": "ada@acme.fr", "title": "CEO", "company": "Acme", "employees": 250, "country": "FR"}
KINDS: tuple[dict[str, Any], ...] = (
    {"points": 3, "event": "page_view", "where": {"url.path": {"glob": "/tarifs*"}}, "half_life": "7d"},
    {"points": 2, "event": "page_time", "per": {"duration_s": 60}, "max": 20},
    {"points": 15, "lead": {"title": {"words": ["ceo", "dg"]}}},
    {"points": 5, "event": "page_view", "repeat": {"at_least": 2, "within": "7d", "distinct": "day"}},
    {"points": 5, "event": "download", "half_life": "21d", "max": 15},
    {"points": -15, "absent": {"for": "30d"}},
    {"points": 10, "event": "email_open", "where": {"campaign": {"glob": "demo*"}}},
)


def grid_of(size: int) -> Plan:
    """A grid of so many criteria of every kind, each asking for something of its own."""
    criteria = []
    for number in range(size):
        made: dict[str, Any] = {"id": f"c-{number}"}
        made["score"] = "fit" if "lead" in KINDS[number % 7] else "engagement"
        made |= KINDS[number % 7]
        if "where" in made and number >= len(KINDS):
            made["where"] = {"url.path": f"/page-{number}"}
        criteria.append(made)
    tiers = [{"id": "cold"}, {"id": "warm", "from": 30}, {"id": "hot", "from": 70, "requires": {"fit": 10}}]
    scores = {"fit": {"min": -50, "max": 60}, "engagement": {"min": 0, "max": 100}}
    grid = {"grid": "made", "version": 1, "half_life": "14d", "scores": scores, "hysteresis": 5}
    return Plan(parse_grid(msgspec.json.encode(grid | {"criteria": criteria, "tiers": tiers}).decode()))


def events(leads: int) -> Iterator[Record]:
    """Events of about 330 bytes, each at the moment of its arrival."""
    chance = random.Random(1)
    offsets = {topic_of(event_type): count() for event_type in TYPES}
    for number in range(EVENTS):
        moment = START + number * GAP
        kind = chance.choices(list(TYPES), list(TYPES.values()))[0]
        properties: dict[str, Any] = {"url": chance.choice(PAGES), "title": "Une page quelconque du site"}
        if kind == "page_time":
            properties["duration_s"] = chance.randrange(100)
        told: dict[str, Any] = {
            "id": f"e{number}",
            "type": kind,
            "lead_id": f"u-{chance.randrange(leads)}",
            "time": format_time(moment),
            "properties": properties,
            "context": {"ip": "192.0.2.4", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        }
        if kind == "identify":
            told["traits"] = TRAITS
        topic = topic_of(kind)
        yield Record(topic, 0, next(offsets[topic]), moment, None, msgspec.json.encode(told))


def measure(plan: Plan, records: list[Record]) -> tuple[float, float, float]:
    """Median and least microseconds of CPU an event, over batches, and events by touched lead."""
    shard = Shard(plan, {}, 0, 1)
    costs, written = [], 0
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        began = time.process_time()
        shard.receive(batch)
        changes = shard.flush()
        shard.settle()
        costs.append((time.process_time() - began) / len(batch) * 1e6)
        written += len(changes.scores)
    return median(costs), min(costs), len(records) / written


def main(grids: list[str]) -> None:
    """Measures and prints."""
    plans = [(path, Plan(load_grid(path))) for path in grids] or [
        (f"{size} criteria", grid_of(size)) for size in SIZES
    ]
    table = Table(title=f"Scoring core: CPU time an event, {EVENTS:,} events in batches of {BATCH:,}")
    for name in ("grid", "criteria", "events by touched lead", "median µs", "least µs", "events/s a core"):
        table.add_column(name, justify="left" if name == "grid" else "right")
    for leads in LEADS:
        records = list(events(leads))
        for name, plan in plans:
            middle, least, share = measure(plan, records)
            figures = (f"{share:.2f}", f"{middle:.1f}", f"{least:.1f}", f"{1e6 / middle:,.0f}")
            table.add_row(name, str(len(plan.rules)), *figures)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
