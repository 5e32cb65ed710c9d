"""The worker over a broker changes tiers when, and as, `leadheat score --transitions --as-arrived` says."""

import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from scorer import files
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.times import DAY, SECOND, Micros, ceil_second, format_time, parse_time
from scorer.topics import ALERTS, full_name, topic_of
from tests.streaming import Rig, TopicReader, producer_to

GRID = """
grid: walked
version: 1
scores: {engagement: {min: 0, max: 100}}
half_life: 2d
criteria:
  - {id: view, score: engagement, points: 10, event: page_view}
  - {id: again, score: engagement, points: 15, event: email_open, repeat: {at_least: 2, within: 1d}}
  - {id: complaint, score: engagement, points: -20, event: email_complaint, half_life: 6h}
  - {id: silent, score: engagement, points: -10, absent: {for: 36h}}
tiers: [{id: cold}, {id: warm, from: 20}, {id: hot, from: 50}]
hysteresis: 4
plays:
""" + "".join(
    f"  - {{id: {when}-{tier}, when: {{{when}: {tier}}}, do: [{{alert: sales}}]}}\n"
    for when in ("enters", "leaves")
    for tier in ("cold", "warm", "hot")
)
LEADS = 40
EVENTS = 1_500
KINDS = ("page_view", "page_view", "email_open", "download", "email_complaint")

Steps = dict[str, list[tuple[str, str, str]]]  # by lead: from, to, at


def log(now: Micros) -> list[tuple[Micros, dict[str, Any]]]:
    """Ten days of known leads, up to a day ago: most fall silent and cool before now."""
    pick = random.Random(5)
    start = now - 11 * DAY
    moments = sorted(start + pick.randrange(10 * 86_400) * SECOND for _ in range(EVENTS))
    return [
        (
            Micros(moment),
            {
                "id": f"e-{number}",
                "type": pick.choice(KINDS),
                "lead_id": f"u-{int(LEADS * pick.random() ** 2)}",
                "time": format_time(moment),
            },
        )
        for number, moment in enumerate(moments)
    ]


def walked(made: list[tuple[Micros, dict[str, Any]]], plan: Plan, at: Micros) -> Steps:
    lines = [("log", number, json.dumps(event).encode()) for number, (_, event) in enumerate(made, 1)]
    steps: Steps = defaultdict(list)
    for step in files.transitions(lines, plan, at, as_arrived=True):
        steps[step["lead_id"]].append((step["from"], step["to"], step["at"]))
    return dict(steps)


def announced(read: TopicReader, until: Micros) -> Steps:
    """The steps that alerts told of: each by the play of the tier left and by that of the tier entered."""
    told: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
    for record in read.records:
        alert = json.loads(record.value)
        if parse_time(alert["at"]) > until:  # the clock went on
            continue
        told[alert["lead_id"]].append((parse_time(alert["at"]), alert["play"], alert["from"], alert["to"]))
    steps: Steps = {}
    for lead, plays in told.items():
        entered = [each for each in sorted(plays) if each[1].startswith("enters")]
        left = [each for each in sorted(plays) if each[1].startswith("leaves")]
        assert [(at, old, new) for at, _, old, new in left] == [(at, old, new) for at, _, old, new in entered]
        steps[lead] = [(old, new, format_time(ceil_second(at))) for at, _, old, new in entered]
    return steps


async def test_tiers_change_as_the_log_arrived(rig: Rig, tmp_path: Path) -> None:
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID)
    now = Micros(time.time_ns() // 1_000_000_000 * SECOND)
    made = log(now)
    expected = walked(made, Plan(load_grid(grid)), now)
    assert sum(map(len, expected.values())) > 100
    await rig.make_topics()
    worker = rig.worker("--score", grid=grid)
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read(ALERTS) as read:
            for moment, event in made:
                topic = full_name(rig.prefix, topic_of(event["type"]))
                key = event["lead_id"].encode()
                await producer.send(topic, json.dumps(event).encode(), key=key, timestamp_ms=moment // 1_000)
            await producer.flush()
            worker.start()
            await read.read_until(lambda read: len(read.records) >= 2 * sum(map(len, expected.values())))
            assert announced(read, now) == expected
            assert worker.stop() == 0
    finally:
        worker.end()
