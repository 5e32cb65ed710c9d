"""Alerts: what the plays of a grid say when they go off."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from scorer.grid import Play
from scorer.plan import Plan
from scorer.profile import Standing
from scorer.times import format_time
from scorer.walk import Change, Walker
from scorer.watch import Raised

_REASONS: Final = 5


def due(change: Change, walker: Walker) -> Iterator[Play]:
    """The plays that a step of the walk sets off, those apart that are still cooling down."""
    cooldowns = walker.course.cooldowns
    for play in walker.plan.grid.plays:
        if not _meant(play, change):
            continue
        if play.cooldown_us:
            last = cooldowns.get(play.id)
            if last is not None and change.at - last < play.cooldown_us:
                continue
            cooldowns[play.id] = change.at
        yield play


def _meant(play: Play, change: Change) -> bool:
    if change.play is not None:
        return play is change.play
    if play.when == "enters":
        return play.tier == change.to
    return play.when == "leaves" and play.tier == change.from_


def alert(lead: str, play: Play, change: Change, walker: Walker) -> dict[str, Any]:
    """The alert record of a play; the same play, lead, moment and tier give the same id."""
    stood = walker.standing(change.at)
    record = {
        "id": alert_id(play.id, lead, change.at, change.to),
        "play": play.id,
        "when": _when(play, walker.plan),
        "lead_id": lead,
        "from": change.from_,
        "to": change.to,
        "score": stood.total,
        "at": format_time(change.at),
        "reasons": _reasons(stood, walker.plan),
        "do": [dict(action) for action in play.do],
        "traits": walker.evidence.values(),
    }
    opening = None if play.hours is None else play.hours.next_opening(change.at)
    if opening is not None:
        record["due"] = format_time(opening)
    if play.expires_us is not None:
        record["expires"] = format_time(change.at + play.expires_us)
    return record


def withdrawal(lead: str, raised: Raised, left: str, walker: Walker) -> dict[str, Any]:
    """The record that takes an alert back, whose reason is gone: `left` is the tier it told of."""
    course, plan = walker.course, walker.plan
    stood = walker.standing(course.moment)
    todo = next((play.do for play in plan.grid.plays if play.id == raised.play), ())
    return {
        "id": hashlib.sha256(f"withdrawn\n{raised.id}".encode()).hexdigest(),
        "withdrawn": raised.id,
        "play": raised.play,
        "lead_id": lead,
        "from": left,
        "to": course.tier,
        "score": stood.total,
        "at": format_time(course.moment),
        "reasons": _reasons(stood, plan),
        "do": [dict(action) for action in todo],
        "traits": walker.evidence.values(),
    }


def _when(play: Play, plan: Plan) -> dict[str, Any]:
    """What the play asks for, as the grid says it; of a criterion also what people call it."""
    written = next((one for one in plan.grid.source.get("plays", ()) if one["id"] == play.id), None)
    when = dict(written["when"]) if written else {play.when: play.tier}
    if play.when == "happens":
        when["label"] = plan.labels[play.criterion]
    return when


def _reasons(stood: Standing, plan: Plan) -> list[dict[str, Any]]:
    largest = sorted(stood.contributions.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]
    return [{"criterion": name, "label": plan.labels[name], "points": points} for name, points in largest]


def alert_id(play: str, lead: str, at: int, to: str) -> str:
    """The id of an alert: a hash of play, lead, moment in milliseconds and tier.

    >>> alert_id("call-now", "u-42", 1_000_999, "hot") == alert_id("call-now", "u-42", 1_000_000, "hot")
    True
    """
    return hashlib.sha256("\n".join((play, lead, str(at // 1_000), to)).encode()).hexdigest()
