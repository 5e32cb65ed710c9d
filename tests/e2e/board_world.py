"""A small world for the board's tests, scored by the real scorer: records, alerts, curves, timelines."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorer.account_name import account_of
from scorer.grid import load_grid
from scorer.messages import Record
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.shard import Shard
from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from scorer.topics import ALERTS, SCORES, topic_of
from tests.e2e.board_leads import SAMPLES, Sample

GRID = Path(__file__).with_name("board_grid.yml")
HOUR = 3_600 * SECOND
Json = dict[str, Any]


@dataclass
class World:
    """What a server of the read API knows at `now` (microseconds)."""

    now: Micros
    samples: Iterable[Sample] = tuple(SAMPLES)
    records: dict[str, list[tuple[int, Json]]] = field(default_factory=dict)
    """Per lead, each score record with the moment it was written."""
    events: dict[str, list[Json]] = field(default_factory=dict)
    alerts: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.grid = load_grid(GRID)
        self._plan = Plan(self.grid)
        self._reader = Reader(self._plan)
        self._shard = Shard(self._plan, {}, 0, 1)
        self._offset = 0
        events = [event for sample in self.samples for event in self._events_of(sample)]
        for event in sorted(events, key=lambda each: each["time"]):
            self.happens(event)
        self.passes(self.now)

    def _events_of(self, sample: Sample) -> Iterable[Json]:
        known = sample.known if sample.known is not None else max(hours for hours, _, _ in sample.did) + 0.1
        for number, (hours, kind, properties) in enumerate(sample.did):
            ids = {"anonymous_id": sample.browser} if sample.browser and hours > known else None
            at = format_time(self.now - int(hours * HOUR))
            body = {"id": f"{sample.id}-{number}", "type": kind, "time": at, "properties": properties}
            if not sample.traits:
                ids = {"anonymous_id": sample.id}
            yield body | (ids or {"lead_id": sample.id}) | {"context": {"channel": sample.channel}}
        if sample.traits:
            at = format_time(self.now - int(known * HOUR))
            ids = {"lead_id": sample.id} | ({"anonymous_id": sample.browser} if sample.browser else {})
            yield {"id": f"{sample.id}-who", "type": "identify", "time": at, "traits": sample.traits} | ids

    def happens(self, event: Json) -> list[tuple[str, Json]]:
        """Takes an event; gives the score records and alerts that it makes."""
        at = parse_time(event["time"])
        key = event.get("lead_id") or event["anonymous_id"]
        self.events.setdefault(key, []).append(event)
        told = self.passes(at)
        self._offset += 1
        value = json.dumps(event).encode()
        self._shard.receive([Record(topic_of(event["type"]), 0, self._offset, at, key.encode(), value)])
        return told + self._flush(at)

    def passes(self, until: int) -> list[tuple[str, Json]]:
        """Lets time pass, crossing by crossing."""
        told = []
        while (wake := self._shard.next_wake()) is not None and wake <= until:
            self._shard.advance(wake)
            told += self._flush(wake)
        self._shard.advance(until)
        return told + self._flush(until)

    def _flush(self, at: int) -> list[tuple[str, Json]]:
        """Writes what was decided; hand-overs go straight back in, as their topic would bring them."""
        told: list[tuple[str, Json]] = []
        changes = self._shard.flush()
        self._shard.settle()
        for send in changes.scores:
            lead = send.key.decode()
            if send.value is None:
                self.records.pop(lead, None)
                continue
            record = json.loads(send.value)
            self.records.setdefault(lead, []).append((at, record))
            told.append(("score", self.view(lead, at)))
        for send in changes.outbox:
            if send.topic == ALERTS:
                alert = json.loads(send.value or b"{}")
                self.alerts[alert["id"]] = alert | {"answer": None, "deliveries": []}
                told.append(("alert", self.alert(alert["id"])))
            elif send.topic != SCORES:
                self._offset += 1
                self._shard.receive([Record(send.topic, 0, self._offset, at, send.key, send.value)])
                told += self._flush(at)
        return told

    def record_at(self, lead: str, at: int) -> Json | None:
        """The record in force at a moment."""
        return next((record for written, record in reversed(self.records[lead]) if written <= at), None)

    def score(self, lead: str, at: int) -> float:
        """The score at a moment, past or to come."""
        record = self.record_at(lead, at)
        return self._reader.score(record, at) if record else 0.0

    def view(self, lead: str, at: int | None = None) -> Json:
        """A lead as the API shows it."""
        at = self.now if at is None else at
        record = self.records[lead][-1][1]
        events = sorted(self.own_events(lead), key=lambda event: event["time"])
        active = [event for event in events if event["type"] not in ("identify", "alias", "outcome")]
        last = active[-1] if active else None
        answer, owner = self._answers(lead)
        return self._reader.at(record, at) | {
            "account": account_of(record["traits"]),
            "fading": record["fading"],
            "pending": record["pending"],
            "spark": [self.score(lead, at - back * DAY) for back in range(6, -1, -1)],
            "last_event": last and {"type": last["type"], "time": last["time"]} | _told(last["properties"]),
            "channel": last and last["context"]["channel"],
            "owner": owner,
            "answer": answer,
        }

    def _answers(self, lead: str) -> tuple[Json | None, str | None]:
        given = [one["answer"] for one in self.alerts.values() if one["lead_id"] == lead and one["answer"]]
        taken = [answer["by"] for answer in given if answer["answer"] == "accepted"]
        return (given[-1] if given else None), (taken[-1] if taken else None)

    def own_events(self, lead: str) -> list[Json]:
        """Events under any of a lead's identities."""
        identities = self.records[lead][-1][1]["identities"]
        return [event for identity in {lead, *identities} for event in self.events.get(identity, [])]

    def alert(self, alert_id: str) -> Json:
        """An alert as the API shows it."""
        alert = self.alerts[alert_id]
        view = self.view(alert["lead_id"])
        names = ("lead_id", "score", "tier", "as_of", "next_tier", "fading", "pending", "traits")
        return alert | {"lead": {name: view[name] for name in (*names, "contributions")}}

    def curve(self, lead: str, days: int, ahead: int) -> Json:
        """Past and future with both sides of each step."""
        since, until = self.now - days * DAY, self.now + ahead * DAY
        written = [at for at, _ in self.records[lead] if since < at <= self.now]
        past = {since + (self.now - since) * part // 200 for part in range(201)}
        past |= {moment for at in written for moment in (at - 1, at)}
        future = {self.now + (until - self.now) * part // 100 for part in range(101)}
        return {
            "as_of": format_time(self.now),
            "past": [[format_time(at), self.score(lead, at)] for at in sorted(past)],
            "future": [[format_time(at), self.score(lead, at)] for at in sorted(future)],
            "changes": [{name: one[name] for name in ("at", "from", "to")} for one in self.changes(lead)],
        }

    def changes(self, lead: str) -> list[Json]:
        """Tier changes, newest first."""
        found = []
        for (_, before), (at, after) in zip(self.records[lead], self.records[lead][1:], strict=False):
            if before["tier"] != after["tier"]:
                risen = {
                    name: points - self._reader.at(before, at)["contributions"].get(name, 0)
                    for name, points in after["contributions"].items()
                }
                best = max(risen, key=lambda name: risen[name], default=None)
                reason = best if best and risen[best] > 0.5 else None
                step = {"at": format_time(at), "score": after["score"], "criterion": reason}
                found.append(step | {"from": before["tier"], "to": after["tier"]})
        return found[::-1]

    def timeline(self, lead: str) -> Json:
        """What happened, newest first, with what each event brought."""
        events = sorted(self.own_events(lead), key=lambda event: event["time"], reverse=True)
        return {
            "events": [
                event | {"received": event["time"], "points": self._points(lead, event)} for event in events
            ],
            "changes": self.changes(lead),
            "next": None,
        }

    def _points(self, lead: str, event: Json) -> list[Json]:
        at = parse_time(event["time"])
        after, before = self.record_at(lead, at), self.record_at(lead, at - 1)
        if after is None:
            return []
        was = self._reader.at(before, at)["contributions"] if before else {}
        labels = {criterion.id: criterion.label for criterion in self.grid.criteria}
        steps = {name: points - was.get(name, 0) for name, points in after["contributions"].items()}
        return [
            {"criterion": name, "label": dict(labels[name]), "then": step, "now": step / 2}
            for name, step in steps.items()
            if step > 0.05
        ]


def _told(properties: Json) -> Json:
    title = properties.get("title") or properties.get("asset")
    return {name: value for name, value in (("title", title), ("url", properties.get("url"))) if value}
