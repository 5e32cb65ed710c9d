"""The score record: what the score topic, the read API and the command line say of a lead."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from scorer.evidence import Evidence
from scorer.plan import Plan
from scorer.profile import LEAST, standing
from scorer.term import Term
from scorer.times import format_time
from scorer.transitions import HORIZON, next_transition
from scorer.walk import Course

_encoder: Final = msgspec.json.Encoder()


def base(
    lead: str, evidence: Evidence, course: Course, found: Sequence[Term], plan: Plan, moment: int
) -> dict[str, Any]:
    """What every form of the record says, at a moment (microseconds) not before the newest event."""
    return _base(lead, evidence, course, found, plan, moment, evidence.values())


def _base(
    lead: str,
    evidence: Evidence,
    course: Course,
    found: Sequence[Term],
    plan: Plan,
    moment: int,
    traits: Mapping[str, Any],
) -> dict[str, Any]:
    stood = standing(found, plan, moment)
    return {
        "lead_id": lead,
        "score": stood.total,
        "tier": course.tier,
        "since": format_time(course.since),
        "scores": dict(zip(plan.dimensions, stood.dimensions, strict=True)),
        "contributions": stood.contributions,
        "as_of": format_time(moment),
        "grid": plan.grid.name,
        "version": plan.grid.version,
        "identities": [lead, *(member for member in evidence.members if member != lead)],
        "traits": traits,
    }


def next_tier(found: Sequence[Term], plan: Plan, tier: str, moment: int) -> dict[str, str] | None:
    """When the tier will change if nothing more happens, within ten years."""
    change = next_transition(found, plan, plan.tier_index[tier], moment, moment + HORIZON)
    return None if change is None else {"tier": plan.tiers[change.to].id, "at": format_time(change.at)}


def _to_come(found: Sequence[Term], plan: Plan, moment: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """What fades or ends, so that a reader can let it, and the absences to come.

    `[criterion, points, half_life_s, as_of, until]` and `[criterion, points, from]`.
    """
    fading: list[list[Any]] = []
    pending: list[list[Any]] = []
    as_of = format_time(moment)
    begins, begin = moment, as_of  # absences of one length all begin at once
    for term in found:
        points, since, until = term.points, term.since, term.until
        if since > moment:
            if since != begins:
                begins, begin = since, format_time(since)
            pending.append([term.id, points, begin])
        elif (term.rate or until is not None) and (points >= LEAST or points <= -LEAST):
            start = as_of if since == moment else format_time(since)
            end = None if until is None else format_time(until)
            fading.append([term.id, points, plan.half_lives[term.rate], start, end])
    return fading, pending


def topic_record(
    lead: str, evidence: Evidence, course: Course, found: Sequence[Term], plan: Plan, moment: int
) -> bytes:
    """The JSON of the score topic's record."""
    traits = {name: msgspec.Raw(text.encode()) for name, text in evidence.texts()}
    record = _base(lead, evidence, course, found, plan, moment, traits)
    record["fading"], record["pending"] = _to_come(found, plan, moment)
    return _encoder.encode(record)
