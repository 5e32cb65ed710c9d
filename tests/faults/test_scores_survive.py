"""Scores over the worker, killed while people are identified across partitions, are those of the file."""

import json
import random
import time
from typing import Any

import pytest

from scorer.files import score_lines
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import DAY, SECOND, Micros, format_time
from scorer.topics import SCORES, full_name, topic_of
from tests.streaming import GRID, Rig, TopicReader, producer_to

pytestmark = pytest.mark.slow

PEOPLE = 150
EVENTS = 6_000
KINDS = ("page_view", "page_view", "page_view", "page_time", "email_open", "email_click", "download", "nps")


def events(now: Micros) -> list[tuple[str, Micros, dict[str, Any]]]:
    """Key, moment and event: people come unknown, say who they are, go on; every tenth event comes twice."""
    pick = random.Random(3)
    every = 10 * DAY // EVENTS
    made: list[tuple[str, Micros, dict[str, Any]]] = []
    known: set[int] = set()
    for number in range(EVENTS):
        moment = Micros(now - 10 * DAY + number * every)
        person = pick.randrange(PEOPLE)
        event: dict[str, Any] = {
            "id": f"e-{number}",
            "time": format_time(moment),
            "anonymous_id": f"a-{person}",
        }
        if person not in known and pick.random() < 0.2:
            known.add(person)
            traits = {"email": f"p{person}@acme.example", "title": "CEO", "employees": 120}
            event |= {"type": "identify", "lead_id": f"u-{person}", "traits": traits}
        else:
            url = pick.choice(["https://acme.example/tarifs", "https://acme.example/intégration-crm"])
            event |= {
                "type": pick.choice(KINDS),
                "properties": {"url": url, "duration_s": 30, "campaign": "demo"},
            }
            if person in known and pick.random() < 0.5:
                event["lead_id"] = f"u-{person}"
        made += [(event.get("lead_id") or f"a-{person}", moment, event)] * (2 if number % 10 == 0 else 1)
    return made


def scores(read: TopicReader) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for record in read.records:
        found.pop(record.key.decode(), None)
        if record.value is not None:
            found[record.key.decode()] = json.loads(record.value)
    return found


async def test_scores_are_those_of_the_file(stored_rig: Rig) -> None:
    rig = stored_rig
    now = Micros(time.time_ns() // 1_000)
    at = Micros(now + 3_600 * SECOND)
    made = events(now)
    plan = Plan(load_grid(GRID))
    lines = [("log", number, json.dumps(event).encode()) for number, (_, _, event) in enumerate(made, 1)]
    expected = {record["lead_id"]: record["score"] for record in score_lines(lines, plan, at)}
    reader = Reader(plan)

    def right(read: TopicReader) -> bool:
        seen = {lead: reader.at(record, at)["score"] for lead, record in scores(read).items()}
        return seen.keys() == expected.keys() and all(
            seen[lead] == pytest.approx(score, abs=1e-6) for lead, score in expected.items()
        )

    await rig.make_topics()
    worker = rig.worker("--score")
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read(SCORES) as read:
            worker.start()
            for number, (key, moment, event) in enumerate(made):
                topic = full_name(rig.prefix, topic_of(event["type"]))
                value = json.dumps(event).encode()
                await producer.send(topic, value, key=key.encode(), timestamp_ms=moment // 1_000)
                if number and number % 1_500 == 0:
                    seen = len(read.records)
                    await read.read_until(lambda now_read, before=seen: len(now_read.records) > before)
                    worker.kill()
                    worker.start()
            await producer.flush()
            await read.read_until(right, within_s=120)
            assert set(scores(read)) == set(expected)
            assert worker.stop() == 0
    finally:
        worker.end()
