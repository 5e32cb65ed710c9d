"""Holds what the workers have written against the naive model: the invariants of the bench.

After the faults, with nothing left to read: every acknowledged event is on its topic, and counted once or in
the dead letters (I1, I2); scores, tiers, reasons and identities are the model's, by the score topic and, on
their own, by the states that the changelog holds (I2, I5); a lead's score never went back in time, and where
a moment was told twice its bytes are the same (I3); the alerts are the model's, each under one id (I4).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scorer.grid import load_grid
from scorer.lead import decode
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.residents import names_a_lead
from scorer.times import parse_time
from scorer.walk import NOWHERE, Walker
from tests.faults.model import GRID, Expected
from tests.oracle.plays import Due

NEAR: Final = 1e-6
_EACH: Final = 0.000001  # points of one event by the criterion `counted`
_ROUNDING: Final = 1_000  # µs: where a tier falls by time, two ways to solve for it differ by so much


@dataclass
class Found:
    """What is not as it must be; empty lists are good."""

    missing: list[str] = field(default_factory=list)
    """Acknowledged events that are not on their topic."""
    lost: int = 0
    doubled: int = 0
    scores_wrong: list[str] = field(default_factory=list)
    states_wrong: list[str] = field(default_factory=list)
    went_back: list[str] = field(default_factory=list)
    alerts_missing: list[str] = field(default_factory=list)
    alerts_extra: list[str] = field(default_factory=list)
    alerts_repeated: int = 0
    """Sent again under the same id, which is allowed."""
    alerts_other_id: list[str] = field(default_factory=list)
    letters_missing: list[str] = field(default_factory=list)
    letters_extra: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, Any]:
        """All that must be empty and is not."""
        return {name: value for name, value in vars(self).items() if value and name != "alerts_repeated"}


@dataclass(frozen=True)
class Written:
    """All records of the topics that workers write to."""

    scores: list[Any]
    states: list[Any]
    alerts: list[Any]
    failed: list[Any]


def check(expected: Expected, written: Written, acknowledged: Iterable[str], chatty: set[str]) -> Found:
    """Compares; `chatty`: leads of whose alerts the moments are open."""
    found = Found(missing=sorted(set(acknowledged) - expected.ids))
    plan = Plan(load_grid(GRID))
    read_scores = _scores(written.scores, plan, expected.end)
    found.scores_wrong = _unlike(read_scores, expected.scores)
    found.lost, found.doubled = _counts(read_scores, expected.scores)
    found.states_wrong = _unlike(_states(written.states, plan, expected.end), expected.scores)
    found.went_back = _went_back(written.scores)
    compare_alerts(found, expected.alerts, [record.value for record in written.alerts], chatty)
    _letters(found, expected.poison, written.failed)
    return found


def latest(records: Iterable[Any]) -> dict[bytes, bytes]:
    """The last value of each key, without those that were deleted."""
    last = {record.key: record.value for record in records}
    return {key: value for key, value in last.items() if value is not None}


def _scores(records: Iterable[Any], plan: Plan, end: int) -> dict[str, dict[str, Any]]:
    reader = Reader(plan)
    return {key.decode(): reader.at(json.loads(value), end) for key, value in latest(records).items()}


def _states(records: Iterable[Any], plan: Plan, end: int) -> dict[str, dict[str, Any]]:
    """What the states that a recovery would take up say."""
    said = {}
    for key, value in latest(records).items():
        if not names_a_lead(key):
            continue
        lead, _ = decode(value)
        if lead.course.tier == NOWHERE:
            continue
        stood = Walker(plan, lead.evidence, lead.course, lead.mask).standing(end)
        said[key.decode()] = {
            "score": stood.total,
            "tier": lead.course.tier,
            "contributions": stood.contributions,
            "identities": [key.decode(), *lead.evidence.members],
            "traits": lead.evidence.values(),
        }
    return said


def _unlike(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> list[str]:
    said = [f"{lead}: {'not there' if lead in expected else 'of nobody'}" for lead in found.keys() ^ expected]
    for lead in found.keys() & expected:
        mine, other = found[lead], expected[lead]
        said += [
            f"{lead}: {name} {mine[name]!r} for {other[name]!r}"
            for name in ("tier", "traits")
            if mine[name] != other[name]
        ]
        if set(mine["identities"]) != set(other["identities"]):
            said.append(f"{lead}: identities {mine['identities']} for {other['identities']}")
        ours, theirs = mine["contributions"], other["contributions"]
        said += [
            f"{lead}: {name} {ours.get(name, 0)} for {theirs.get(name, 0)}"
            for name in ours | theirs
            if abs(ours.get(name, 0) - theirs.get(name, 0)) > (_EACH / 10 if name == "counted" else NEAR)
        ]
        if abs(mine["score"] - other["score"]) > NEAR:
            said.append(f"{lead}: score {mine['score']} for {other['score']}")
    return sorted(said)


def _counts(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> tuple[int, int]:
    """How many events were lost, and how many counted more than once."""
    lost = doubled = 0
    for lead in found.keys() | expected:
        ours, theirs = (
            round(side.get(lead, {}).get("contributions", {}).get("counted", 0) / _EACH)
            for side in (found, expected)
        )
        lost += max(0, theirs - ours)
        doubled += max(0, ours - theirs)
    return lost, doubled


def _went_back(records: Sequence[Any]) -> list[str]:
    """Where a lead's score went back to an earlier version, or one that was told twice has other bytes.

    A version is the moment and, as a merge changes a score at the moment of the tie, what is known by then.
    """
    last: dict[bytes, tuple[tuple[int, int, int], bytes]] = {}
    said = []
    for record in records:
        if record.value is None:
            continue
        told = json.loads(record.value)
        events = round(told["contributions"].get("counted", 0) / _EACH)
        version = int(parse_time(told["as_of"])), events, len(told["identities"])
        before = last.get(record.key, (version, record.value))
        where = f"{record.key.decode()} at offset {record.offset} of partition {record.partition}"
        if version < before[0]:
            said.append(f"{where}: {version} after {before[0]}")
        elif version == before[0] and record.value != before[1]:
            said.append(f"{where}: {version} again with other bytes")
        last[record.key] = max(before, (version, record.value))
    return said


def compare_alerts(found: Found, expected: Sequence[Due], alerts: Sequence[bytes], chatty: set[str]) -> None:
    """Holds alerts, each as its JSON, against those that must be."""
    ids: dict[str, Due] = {}
    for alert in alerts:
        told = json.loads(alert)
        due = Due(told["lead_id"], int(parse_time(told["at"])), told["play"], told["to"])
        if ids.setdefault(told["id"], due) != due:
            found.alerts_other_id.append(f"one id for {due} and {ids[told['id']]}")
    found.alerts_repeated = len(alerts) - len(ids)
    by_kind: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for due in ids.values():
        by_kind[due.lead, due.play, due.to].append(due.at)
    wanted: dict[tuple[str, str, str], list[Due]] = defaultdict(list)
    for due in {(one.lead, one.play, one.to, one.at // 1_000): one for one in expected}.values():
        wanted[due.lead, due.play, due.to].append(due)  # twice in one millisecond is one id, by the contract
    for kind in by_kind.keys() | wanted:
        _of_kind(found, kind, sorted(by_kind[kind]), sorted(wanted[kind]), kind[0] in chatty)


def _of_kind(
    found: Found, kind: tuple[str, str, str], came: list[int], wanted: list[Due], moments_are_open: bool
) -> None:
    """Pairs the alerts of one lead and play, each of another id, with those that must be."""
    if moments_are_open:
        if len(came) < len(wanted):
            found.alerts_missing.append(f"{kind}: {len(came)} for {len(wanted)}")
        elif len(came) > len(wanted):
            found.alerts_other_id.append(f"{kind}: {len(came)} ids for {len(wanted)} alerts")
        return
    left = list(came)
    for due in wanted:
        near = [at for at in left if abs(at - due.at) <= (_ROUNDING if due.by_time else 0)]
        if not near:
            found.alerts_missing.append(f"{kind} at {due.at}; there are {came}")
            continue
        left.remove(near[0])
        if len(near) > 1:
            found.alerts_other_id.append(f"{kind} at {near}")
            left = [at for at in left if at not in near]
    found.alerts_extra += [f"{kind} at {at}" for at in left]


def _letters(found: Found, poison: frozenset[tuple[str, int, int]], records: Iterable[Any]) -> None:
    seen = set()
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        place = headers["errors.topic"], int(headers["errors.partition"]), int(headers["errors.offset"])
        seen.add(place)
    found.letters_missing = [str(place) for place in sorted(poison - seen)]
    found.letters_extra = [str(place) for place in sorted(seen - poison)]
