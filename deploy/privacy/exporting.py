"""Everything held on a person, as one document: Articles 15, 20 and 22 of the GDPR."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from deploy.errors import DeployError
from deploy.privacy.person import Person, find
from deploy.privacy.receipt import now
from deploy.privacy.topic_log import read_all, rows_of
from deploy.privacy.words import Names, texts
from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.history import replay
from scorer.lead import Lead
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import NEVER, Micros, format_time
from scorer.topics import (
    ALERTS,
    DELIVERIES,
    FAILED,
    IN_TOPICS,
    NURTURING,
    OUTCOMES,
    SCORES,
    SYNC,
    TASKS,
    full_name,
)
from scorer.walk import Walker
from streams.topics import PARKED

FORM: Final = "leadheat-export/1"
_AHEAD_US: Final = 300_000_000
Json = dict[str, Any]
Say = Callable[[str], None]


class UnknownLeadError(DeployError):
    """Nothing is held under an id."""


class Exporting:
    """Reads all topics for one person; the workers may go on meanwhile."""

    def __init__(self, kafka: str, prefix: str, plan: Plan, say: Say) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._plan = plan
        self._say = say

    async def run(self, identities: set[str]) -> Json:
        """The document; UnknownLeadError where nothing is held."""
        self._say("looking for all ids of the person in the states")
        person = await find(self._kafka, self._prefix, identities)
        events = [event async for event in self._events(person)]
        score = await self._score(person)
        alerts = [record async for record in self._records(ALERTS, person.ids)]
        names = person.names()
        undelivered = [told async for told in self._undelivered(names)]
        dead = [letter async for letter in self._dead(names)]
        rows = {
            topic: list((await rows_of(self._kafka, full_name(self._prefix, topic), person.ids)).values())
            for topic in (DELIVERIES, TASKS, NURTURING, SYNC)
        }
        states = [self._state(one, person.states[one]) for one in sorted(person.ids & person.states.keys())]
        if not (events or score or states or alerts or dead or undelivered or any(rows.values())):
            raise UnknownLeadError("nothing is held under this id: no state, no event, no alert")
        return {
            "export": FORM,
            "at": now(),
            "identities": sorted(person.ids),
            "shared_identities": sorted(person.shared),
            "score": score,
            "states": states,
            "tier_changes": self._changes(events),
            "alerts": alerts,
            "undelivered_alerts": undelivered,
            **rows,
            "answers": [one for one in events if one["topic"].endswith(f".{OUTCOMES}")],
            "events": events,
            "dead_letters": dead,
        }

    async def _events(self, person: Person) -> Any:
        for topic in IN_TOPICS:
            full = full_name(self._prefix, topic)
            self._say(f"reading {full}")
            async for record in read_all(self._kafka, full):
                try:
                    event = decode(record.value or b"")
                except EventError:
                    continue  # it is a dead letter, or was one
                moment = _moment(event, Micros(record.timestamp * 1_000))
                if _is_of(event, moment, person):
                    yield {
                        "topic": full,
                        "partition": record.partition,
                        "offset": record.offset,
                        "received": format_time(record.timestamp * 1_000),
                        "time": format_time(moment),
                        "event": msgspec.json.decode(record.value),
                    }

    async def _score(self, person: Person) -> Json | None:
        held: dict[str, Json] = {}
        async for record in read_all(self._kafka, full_name(self._prefix, SCORES)):
            name = (record.key or b"").decode(errors="replace")
            if name in person.ids:
                held.pop(name, None)
                if record.value is not None:
                    held[name] = msgspec.json.decode(record.value)
        root = person.root
        found = held.get(root or "") or next(iter(held.values()), None)
        if found is None:
            return None
        shown = Reader(self._plan).at(found, time.time_ns() // 1_000)
        return {**shown, "reasons": self._reasons(shown["contributions"])}

    def _reasons(self, contributions: dict[str, float]) -> list[Json]:
        """The rule trace: each criterion that counts, in words, with its points, the largest first."""
        ranked = sorted(contributions.items(), key=lambda one: (-abs(one[1]), one[0]))
        return [
            {"criterion": name, "label": self._plan.labels.get(name, {}), "points": points}
            for name, points in ranked
        ]

    def _state(self, name: str, lead: Lead) -> Json:
        """What is kept of an id, criterion by criterion."""
        evidence, course = lead.evidence, lead.course
        traits = {
            trait: {"value": msgspec.json.decode(text), "since": format_time(moment)}
            for trait, (moment, text) in sorted(evidence.traits.items())
        }
        walker = Walker(self._plan, evidence, course)
        moment = max(time.time_ns() // 1_000, evidence.newest)
        points = {term.id: term.points for term in walker.terms(moment)}
        return {
            "id": name,
            "known_as_lead": lead.known,
            "became": lead.redirect,
            "ties": [{"from": format_time(at), "lead": tied} for at, tied in lead.ties if tied],
            "other_ids": evidence.members,
            "traits": traits,
            "tier": course.tier or None,
            "tier_since": format_time(course.since) if course.tier else None,
            "newest_event": format_time(evidence.newest) if evidence.newest != NEVER else None,
            "remembered_event_ids": len(evidence.ids) // 8,
            "criteria": list(self._criteria(lead, points)),
        }

    def _criteria(self, lead: Lead, points: dict[str, float]) -> Iterator[Json]:
        sums, times = lead.evidence.sums, lead.evidence.times
        for rule in self._plan.rules:
            if rule.slot not in sums and rule.slot not in times and rule.id not in points:
                continue
            yield {
                "criterion": rule.id,
                "label": self._plan.labels[rule.id],
                "kind": rule.kind,
                "points_before_bounds": points.get(rule.id, 0.0),
                "weighted_sum": sums.get(rule.slot),
                "times": [format_time(moment) for moment in times.get(rule.slot, ())],
            }

    def _changes(self, events: list[Json]) -> list[Json]:
        """The tier changes, as the events held give them in order of time."""
        made = [
            msgspec.json.encode(
                {
                    **one["event"],
                    "id": one["event"].get("id") or f"{one['topic']}/{one['partition']}/{one['offset']}",
                    "time": one["time"],
                }
            )
            for one in _once(events)
        ]
        return replay(self._plan, made, time.time_ns() // 1_000).changes if made else []

    async def _records(self, topic: str, ids: set[str]) -> Any:
        self._say(f"reading {full_name(self._prefix, topic)}")
        seen = set()
        async for record in read_all(self._kafka, full_name(self._prefix, topic)):
            told = _object(record.value)
            if told.get("lead_id") in ids and told.get("id") not in seen:
                seen.add(told.get("id"))
                yield told

    async def _undelivered(self, names: Names) -> Any:
        async for record in read_all(self._kafka, full_name(self._prefix, PARKED)):
            told = _object(record.value)
            alert = told.get("alert", told)  # sync's name the lead themselves
            if isinstance(alert, dict) and alert.get("lead_id") in names.ids:
                yield told

    async def _dead(self, names: Names) -> Any:
        self._say(f"reading {full_name(self._prefix, FAILED)}")
        async for record in read_all(self._kafka, full_name(self._prefix, FAILED)):
            parts = (record.key or b"", record.value or b"")
            if any(names.named(text) for part in parts for text in texts(part)):
                yield {
                    "received": format_time(record.timestamp * 1_000),
                    "headers": {name: value.decode(errors="replace") for name, value in record.headers},
                    "key": (record.key or b"").decode(errors="replace"),
                    "value": (record.value or b"").decode(errors="replace"),
                }


def _moment(event: Event, received: Micros) -> Micros:
    late = event.moment is None or event.moment > received + _AHEAD_US
    return received if late else Micros(event.moment or 0)


def _is_of(event: Event, moment: Micros, person: Person) -> bool:
    """Whether an event is the person's: on a shared computer, by whom that was tied to at the time."""
    if event.lead_id is not None:
        return event.lead_id in person.ids
    if event.anonymous_id in person.ids:
        return True
    state = person.states.get(event.anonymous_id or "")
    ties = state.ties if state else []
    if event.anonymous_id not in person.shared or not ties:
        return False
    before = [name for at, name in ties if at <= moment]
    return (before[-1] if before else ties[0][1]) in person.ids


def _once(events: list[Json]) -> list[Json]:
    seen: set[str] = set()
    found = []
    for one in sorted(events, key=lambda event: event["received"]):
        event_id = str(one["event"].get("id") or "")
        if event_id and event_id in seen:
            continue
        seen.add(event_id)
        found.append(one)
    return found


def _object(value: bytes | None) -> Json:
    try:
        found = msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
