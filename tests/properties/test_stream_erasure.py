"""Orders to forget people, among events, merges, copies and kills: they go, all others stay exact."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.handover import Erase
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import SECOND
from tests.oracle import naive_score
from tests.oracle.agreement import differences
from tests.oracle.lines import DAY
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import START, Told, lines

SEEDS = st.integers(0, 1 << 32)
END = START + 73 * DAY
PEOPLE = 4
STEPS = ("scores", "states", "outbox", "settled", "", "")


def ids(person: int) -> list[str]:
    return [f"{kind}-{person}" for kind in ("lead", "former", "phone", "laptop")]


def life(chance: random.Random, person: int) -> list[Told]:
    """What one does: known by a former id first, by another later, seen on a phone and a laptop."""
    lead, former, phone, laptop = ids(person)
    told: list[Told] = [
        {"type": "page_view", "lead_id": former},
        {"type": "page_view", "lead_id": lead},
        {"type": "alias", "lead_id": lead, "properties": {"previous_id": former}},
    ]
    for visitor in (phone, laptop):
        owner = chance.choice([lead, former])
        traits = {"email": f"person{person}@acme.fr", "title": "CEO"}
        told.append({"type": "identify", "lead_id": owner, "anonymous_id": visitor, "traits": traits})
        told += [{"type": chance.choice(["page_view", "download"]), "anonymous_id": visitor}] * 3
    told += [{"type": "page_time", "lead_id": lead, "properties": {"duration_s": 60}}] * 2
    first, rest = told[:2], told[2:]
    chance.shuffle(rest)
    return first + rest


def numbered(told: list[Told], name: str) -> list[Told]:
    return [
        {**one, "id": f"{name}-{number}", "time": "2026-10-20T08:00:00Z"} for number, one in enumerate(told)
    ]


def held(stream: Stream, person: int) -> list[Any]:
    """Whatever states and scores still say of a person."""
    marks = [mark.encode() for mark in (*ids(person), f"person{person}@")]
    states = [
        key for store in stream.stores for key, value in store.items() for m in marks if m in key + value
    ]
    return states + [
        lead for lead, record in stream.scores.items() for m in marks if m in json.dumps(record).encode()
    ]


@examples(40)
@given(grids(), SEEDS)
def test_erased_people_leave_nothing_and_others_lose_nothing(grid: Told, seed: int) -> None:
    chance = random.Random(seed)
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    lives = [life(chance, person) for person in range(PEOPLE)]
    gone = [0, 1]
    log = [event for number, one in enumerate(lives) for event in numbered(one, f"e{number}")]
    arrivals: list[list[Told]] = [numbered(one, f"e{number}") for number, one in enumerate(lives)]
    now = START + 20 * DAY

    def go_on() -> None:
        if chance.random() < 0.6:
            number = chance.randrange(stream.partitions)
            stream.cycle(number, chance.randint(1, 6), stop_after=chance.choice(STEPS))

    while waiting := [one for one in arrivals if one]:
        now += SECOND
        stream.publish(json.dumps(chance.choice(waiting).pop(0)).encode(), now)
        go_on()
    orders: list[Any] = []
    for person in gone:
        leads = ids(person)[:2]
        # As `leadheat erase` does where it knows all names; or one alone, and the shards find the rest.
        names = leads if chance.random() < 0.3 else [chance.choice(leads)]
        orders += [(name, names) for name in names]
    late = [event for person in gone for event in numbered(lives[person], f"late{person}")] + log
    chance.shuffle(late)
    for event in [*late[:10], *orders, *late[10:]]:
        now += SECOND
        if isinstance(event, tuple):
            stream.order(event[0], Erase(event[1]), now)
        elif chance.random() < 0.5:
            stream.publish(json.dumps(event).encode(), now)
        go_on()
    stream.drain(chance.choice)
    stream.advance(END)

    assert [held(stream, person) for person in gone] == [[], []]
    reader = Reader(stream.plan)
    found = [reader.at(record, END) for record in stream.scores.values()]
    found = sorted(found, key=lambda record: (-record["score"], record["lead_id"]))
    others = [
        event
        for number, one in enumerate(lives)
        if number not in gone
        for event in numbered(one, f"e{number}")
    ]
    said = differences(found, naive_score(lines(others), grid, END))
    assert [one for one in said if ": tier " not in one and ": since " not in one] == []
