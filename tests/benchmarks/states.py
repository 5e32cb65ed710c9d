"""Leads as benchmarks of big state need them: each with 8 criteria touched, 20 ids, 6 traits."""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from scorer.lead import decode, encode
from scorer.messages import Record
from scorer.plan import Plan
from scorer.residents import names_a_lead
from scorer.shard import Shard
from scorer.times import DAY, SECOND, format_time, parse_time
from scorer.topics import topic_of
from tests.benchmarks import grids

CRITERIA: Final = 20
SLOTS: Final = 8
IDS: Final = 20
TRAITS: Final = 6
NOW: Final = parse_time("2026-11-01T00:00:00Z")
MODELS: Final = 500
"""Leads that real events make; the others are like one of these, with names, ids and times of their own."""

_SITE: Final = "https://www.acme.fr"
_KINDS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("page_view", {"url": f"{_SITE}/tarifs"}),
    ("page_view", {"url": f"{_SITE}/page-7"}),
    ("page_view", {"url": f"{_SITE}/page-14"}),
    ("page_time", {"url": f"{_SITE}/tarifs", "duration_s": 42}),
    ("download", {"asset": "guide.pdf"}),
    ("email_open", {"campaign": "demo-11"}),
)


@cache
def plan() -> Plan:
    """The grid that they are of."""
    return grids.made(CRITERIA)


def event(lead: str, number: int, moment: int) -> Record:
    """An event of a lead; the first says who it is, the others touch one criterion after the other."""
    kind, properties = _KINDS[number % len(_KINDS)]
    told: dict[str, Any] = {"id": f"{lead}-{number}", "lead_id": lead, "time": format_time(moment)}
    if number:
        told |= {"type": kind, "properties": properties}
    else:
        kind = told["type"] = "identify"
        told["traits"] = {
            "email": f"{lead}@acme.example",
            "first_name": "Claire",
            "title": "Directrice marketing",
            "company": "Acme Logistique",
            "employees": 120,
            "country": "FR",
        }
    return Record(topic_of(kind), 0, moment // SECOND + number, moment, None, msgspec.json.encode(told))


@cache
def _models() -> tuple[bytes, ...]:
    store: dict[bytes, bytes] = {}
    shard = Shard(plan(), store, 0, 1)
    pick = random.Random(3)
    for number in range(MODELS):
        moments = sorted(NOW - pick.randrange(14 * DAY) for _ in range(IDS))
        shard.receive(event(f"model-{number}", at, moment) for at, moment in enumerate(moments))
    shard.flush()
    shard.settle()
    states = tuple(state for key, state in store.items() if names_a_lead(key))
    for state in states:
        evidence = decode(state)[0].evidence
        assert len(evidence.sums) + len(evidence.times) == SLOTS
        assert len(evidence.ids) == IDS * 8
        assert len(evidence.traits) == TRAITS
    return states


def states(count: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Key and state of so many leads."""
    pick = random.Random(seed)
    models = [decode(state) for state in _models()]
    for number in range(count):
        lead, stored = models[number % MODELS]
        key = b"u-%08x-%04x" % (number * 2_654_435_761 % (1 << 32), number % 65_536)
        lead.evidence.ids = pick.randbytes(IDS * 8)
        moment, _ = lead.evidence.traits["email"]
        lead.evidence.traits["email"] = (moment, f'"{key.decode()}@acme.example"')
        wake = NOW + pick.randrange(1, 14 * DAY)
        yield key, encode(lead, wake, stored.plan, stored.revision)
