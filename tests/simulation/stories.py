"""Seeded stories of people: visits, ties, chains and circles of aliases, shared computers, copies, strays.

A story is told in parts, each of which is over before the next begins: the order of arrival counts only where
the contract says so, for the second tie of a shared computer.
"""

import json
import random
from typing import Any

from scorer.topics import IN_TOPICS
from tests.oracle.lines import DAY, micros, text_of
from tests.simulation.world import Published

Told = dict[str, Any]

START = micros("2026-10-12T06:00:00Z")
END = START + 73 * DAY
LEADS = ("u-1", "u-2", "ü 3", "u-4")
VISITORS = ("a-1", "a-2", "a-3")
SHARED = ("s-1", "s-2")
KINDS = ("page_view", "page_view", "email_open", "download", "demo_requested", "email_bounce", "nps")
URLS = ("https://www.acme.fr/tarifs", "https://www.acme.fr/blog")

GRID: Told = {
    "grid": "simulated",
    "version": 1,
    "scores": {"fit": {"min": -50, "max": 60}, "engagement": {"min": 0, "max": 100}},
    "half_life": "14d",
    "criteria": [
        {"id": "boss", "score": "fit", "points": 20, "lead": {"title": {"words": ["ceo"]}}},
        {"id": "view", "score": "engagement", "points": 7, "event": "page_view", "max": 40},
        {"id": "price", "score": "engagement", "points": 9, "event": "page_view",
         "where": {"url.path": "/tarifs"}, "lead": {"title": {"exists": True}}},
        {"id": "mail", "score": "engagement", "points": 11, "event": "email_open",
         "repeat": {"at_least": 2, "within": "7d"}},
        {"id": "paper", "score": "engagement", "points": 15, "event": "download", "half_life": "3d"},
        {"id": "silent", "score": "engagement", "points": -5, "absent": {"for": "10d"}},
    ],
    "tiers": [{"id": "cold"}, {"id": "warm", "from": 12.37}, {"id": "hot", "from": 31.37}],
    "hysteresis": 2,
}  # fmt: skip

FADING: Told = GRID | {
    "half_life": "30m",
    "criteria": [
        one | ({"half_life": "30m"} if "half_life" in one else {})
        for one in GRID["criteria"]
        if "absent" not in one
    ],
}
"""The same, of which nothing counts for long."""


class Story:
    """Events by part, and each of them once, for the oracle."""

    def __init__(
        self, chance: random.Random, events: int = 14, *, copies: bool = True, kinds: tuple[str, ...] = KINDS
    ) -> None:
        self._chance = chance
        self._kinds = kinds
        self._copies = (0, 0, 0, 1, 2) if copies else (0,)
        self._number = 0
        self._leads = {visitor: chance.choice(LEADS) for visitor in VISITORS}
        self.told: list[Told] = []
        first = [self._event() for _ in range(events)]
        second: list[Told] = []
        third: list[Told] = []
        for shared in SHARED[: chance.randint(0, 2)]:
            one, two = chance.sample(LEADS, 2)
            first.append(self._tie(shared, one, START + 10 * DAY))
            first += [self._visit(shared, START, 20) for _ in range(chance.randint(0, 2))]
            second.append(self._tie(shared, two, START + 21 * DAY))
            third += [self._visit(shared, START, 42) for _ in range(chance.randint(1, 3))]
        third += [self._event() for _ in range(chance.randint(0, 4))]
        self._at = START
        self.parts = [self._arrivals(part) for part in (first, second, third)]

    @property
    def lines(self) -> list[tuple[str, int, bytes]]:
        """The story as lines of a file, in order of time."""
        told = sorted(self.told, key=lambda one: micros(one["time"]))
        return [("story", number, _bytes(one)) for number, one in enumerate(told, 1)]

    def _arrivals(self, part: list[Told]) -> list[Published]:
        """A part as producers send it: late, stray, doubled."""
        chance = self._chance
        part = sorted(part, key=lambda told: micros(told["time"]))
        if chance.random() < 0.3:
            chance.shuffle(part)
        arrivals: list[Published] = []
        for told in part:
            self._at = max(self._at, micros(told["time"]) // 1_000 * 1_000) + 1_000
            stray = chance.randrange(12)
            arrivals.append(Published(_bytes(told), self._at, stray if stray < 3 else None))
            for _ in range(chance.choice(self._copies)):
                self._at += 1_000
                arrivals.append(Published(_bytes(told), self._at, None, chance.choice((None, *IN_TOPICS))))
        return arrivals

    def _tell(self, told: Told) -> Told:
        self._number += 1
        made = {"id": f"e-{self._number}"} | told
        self.told.append(made)
        return made

    def _moment(self, start: int, days: int) -> str:
        return text_of(start + self._chance.randrange(days * 24) * DAY // 24 + self._number)

    def _visit(self, anonymous: str, start: int, days: int) -> Told:
        kind = self._chance.choice(self._kinds)
        return self._tell({"type": kind, "anonymous_id": anonymous, "time": self._moment(start, days),
                           "properties": {"url": self._chance.choice(URLS)}})  # fmt: skip

    def _tie(self, anonymous: str, lead: str, moment: int) -> Told:
        told = {"type": "identify", "anonymous_id": anonymous, "lead_id": lead, "traits": {"company": "Acme"}}
        return self._tell(told | {"time": text_of(moment + self._number)})

    def _event(self) -> Told:
        chance = self._chance
        visitor, lead = chance.choice(VISITORS), chance.choice(LEADS)
        roll = chance.random()
        when = self._moment(START, 42)
        if roll < 0.12:
            traits = {"title": chance.choice(("CEO", "Intern", None))}
            return self._tell({"type": "identify", "anonymous_id": visitor, "lead_id": self._leads[visitor],
                               "time": when, "traits": traits})  # fmt: skip
        if roll < 0.24:
            former = chance.choice((*LEADS, visitor))
            told = {"type": "alias", "lead_id": self._leads.get(former, lead), "time": when}
            return self._tell(told | {"properties": {"previous_id": former}})
        if roll < 0.6:
            return self._visit(visitor, START, 42)
        who = {"lead_id": lead} | ({"anonymous_id": visitor} if chance.random() < 0.3 else {})
        return self._tell({"type": chance.choice(self._kinds), **who, "time": when,
                           "properties": {"url": chance.choice(URLS)}})  # fmt: skip


def with_plays(grid: Told) -> Told:
    """The grid with a play for each tier entered and left, so that alerts tell every step."""
    plays = [
        {"id": f"{when}-{tier['id']}", "when": {when: tier["id"]}, "do": [{"alert": "sales"}]}
        for tier in grid["tiers"]
        for when in ("enters", "leaves")
    ]
    stay = {"id": "waits", "when": {"stays": "cold", "for": "3d"}, "cooldown": "5d", "do": [{"task": "call"}]}
    return grid | {"plays": [*plays, stay]}


def _bytes(told: Told) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()
