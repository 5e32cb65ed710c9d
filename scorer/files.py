"""Event files: the scores and the tier changes of a log, walked in order of time."""

import codecs
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from scorer.arrival import Arrival, arrived
from scorer.errors import EventError, FileError
from scorer.event import Event, decode
from scorer.evidence import Evidence
from scorer.identity import Identities, tied
from scorer.plan import Plan
from scorer.record import base, next_tier
from scorer.retraction import counted_as, counts, owned_at, void_ids
from scorer.times import ceil_second, format_time
from scorer.walk import Change, Course, Walker

Line = tuple[str, int, bytes]
"""File name, line number from 1, and the line's bytes."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with the moment and the id that it counts under."""

    moment: int
    id: str
    event: Event
    line: bytes


def read_lines(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Line]:
    """The lines of files that are not blank; raises FileError where a file can't be read."""
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                for number, line in enumerate(file, 1):
                    if number == 1:
                        line = line.removeprefix(codecs.BOM_UTF8)
                    if line.strip():
                        yield str(path), number, line
        except OSError as error:
            raise FileError(f"{path}: can't be read: {error.strerror}") from None


def happenings(lines: Iterable[Line], at: int) -> Iterator[Happening]:
    """The events up to and with `at`, in order of lines; one without a time happened then."""
    for file, number, line in lines:
        try:
            event = decode(line.strip())
        except EventError as error:
            raise FileError(f"{file}:{number}: {error}") from None
        moment = at if event.moment is None else event.moment
        if moment <= at:
            yield Happening(moment, counted_as(event, (file, number)), event, line)


def distinct(found: Iterable[Happening]) -> list[Happening]:
    """Those that are no copy: the first to arrive of each id and lead, as known at that arrival."""
    identities = Identities()
    seen: dict[str, set[str]] = {}

    def pass_on(former: str) -> None:
        ids = seen.pop(former, set())
        seen.setdefault(identities.holder(former, 0), set()).update(ids)

    kept = []
    for each in found:
        event = each.event
        if event.lead_id:
            for former in identities.meet(event.lead_id):
                pass_on(former)
        owner = identities.owner(event, owned_at(event, each.moment))
        ids = seen.setdefault(owner, set())
        if each.id in ids:
            continue
        ids.add(each.id)
        kept.append(each)
        if said := tied(event):
            other, by_alias = said
            became = identities.learn(other, each.moment, owner, by_alias=by_alias)
            if became is not None:
                pass_on(became)
    return kept


def identified(kept: Iterable[Happening]) -> Identities:
    """All identities of a log, as if they had always been known."""
    identities = Identities()
    statements = []
    for each in kept:
        if each.event.lead_id:
            identities.meet(each.event.lead_id)
            said = tied(each.event)
            if said:
                statements.append((each.moment, each.id, each.event.lead_id, *said))
    for moment, _, lead, other, by_alias in sorted(statements):
        identities.learn(other, moment, lead, by_alias=by_alias)
    return identities


@dataclass(frozen=True, slots=True)
class Walked:
    """A lead at the end of its walk, and the steps of it."""

    lead: str
    walker: Walker
    changes: list[Change]


def walk(lead: str, own: list[Happening], members: list[str], plan: Plan, at: int) -> Walked:
    """Walks the events of one lead up to and with `at`."""
    walker = Walker(plan, Evidence(members=members), Course())
    changes: list[Change] = []
    for each in sorted(own, key=attrgetter("moment", "id")):
        changes += walker.pass_time(each.moment - 1)
        walker.evidence.add(each.event, each.moment, plan)
        if each.event.type == "identify":
            walker.regate()
        changes += walker.decide(each.moment)
    changes += walker.pass_time(at)
    return Walked(lead, walker, [change for change in changes if change.play is None])


def _walk_all(lines: Iterable[Line], plan: Plan, at: int) -> Iterator[Walked]:
    kept = [each for each in distinct(happenings(lines, at)) if not each.event.by_robot]
    identities = identified(kept)
    owned: dict[str, list[Happening]] = {}
    for each in kept:
        owner = identities.owner(each.event, owned_at(each.event, each.moment))
        owned.setdefault(owner, []).append(each)
    members = identities.members()
    for lead, every in owned.items():
        void = void_ids(each.event for each in every)
        if own := [each for each in every if counts(each.event, each.id, void)]:
            yield walk(lead, own, members.get(lead, []), plan, at)


def _arrived(lines: Iterable[Line], plan: Plan, at: int) -> Arrival:
    return arrived(((each.line, each.moment) for each in happenings(lines, at)), plan, at)


def score_lines(lines: Iterable[Line], plan: Plan, at: int, as_arrived: bool = False) -> list[dict[str, Any]]:
    """The score record of each lead at a moment (microseconds), highest first.

    `as_arrived` walks the lines in their order, with what each line knew.
    """
    if as_arrived:
        walkers = _arrived(lines, plan, at).walkers
    else:
        walkers = {walked.lead: walked.walker for walked in _walk_all(lines, plan, at)}
    records = []
    for lead, walker in walkers.items():
        found = walker.terms(at)
        record = base(lead, walker.evidence, walker.course, found, plan, at)
        record["next_tier"] = next_tier(found, plan, walker.course.tier, at)
        records.append(record)
    return sorted(records, key=lambda record: (-record["score"], record["lead_id"]))


def transitions(lines: Iterable[Line], plan: Plan, at: int, as_arrived: bool = False) -> list[dict[str, str]]:
    """The tier changes up to `at`, in order of time; those by time at their second, rounded up.

    `as_arrived` walks the lines in their order, with what each line knew.
    """
    if as_arrived:
        steps = _arrived(lines, plan, at).changes
    else:
        steps = [(walked.lead, change) for walked in _walk_all(lines, plan, at) for change in walked.changes]
    told = [(ceil_second(change.at) if change.by_time else change.at, lead, change) for lead, change in steps]
    told.sort(key=lambda step: (step[0], step[1]))
    return [
        {"lead_id": lead, "from": change.from_, "to": change.to, "at": format_time(moment)}
        for moment, lead, change in told
    ]


def json_line(record: dict[str, Any]) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False)
