"""Which ids may be forgotten, and when: those nobody is known behind, once nothing they did counts any more.

What is given up with an id: that it was ever there. When it comes back it is somebody new, whose silence has
not begun. So an absence that takes points is let go with it; one that adds points keeps an id.
"""

import math
from typing import Final

from scorer.evidence import Evidence
from scorer.latch import SLICES
from scorer.lead import Lead
from scorer.plan import Plan, Rule
from scorer.profile import LEAST
from scorer.times import FOREVER, NEVER
from scorer.walk import NOWHERE, Course
from scorer.watch import Watch

_LATEST: Final = float(1 << 61)


def is_nobody(lead: Lead) -> bool:
    """Whether nothing is known of whose id this is, and no other id may ask it for anything.

    A hand-over's number must never begin at 1 again, and an event that another partition passes on may come
    again at any time: ids that had to do with either are kept.
    """
    return not (
        lead.known
        or lead.ties
        or lead.aliases
        or lead.sent
        or lead.handed
        or lead.outbox
        or lead.evidence.traits
        or lead.redirect is not None
        or any("/" in source for source in lead.absorbed)
    )


def is_empty(lead: Lead) -> bool:
    """Whether nothing is left of an id but what it has taken in."""
    return is_nobody(lead) and lead.course.tier == NOWHERE and lead.evidence.newest == NEVER


def all_committed(absorbed: dict[str, int], committed: dict[str, int]) -> bool:
    """Whether nothing that is in a state comes again; `committed`: by topic, the offset after the last."""
    return all(offset < committed.get(source, 0) for source, offset in absorbed.items())


def fades_at(evidence: Evidence, course: Course, plan: Plan) -> int:
    """From when on nothing of it counts, whoever it may be said to be; FOREVER: not by time alone."""
    if course.tier != plan.tiers[0].id:
        return FOREVER  # until it falls; and if that is where no points are, it would enter it anew
    waiting = [play.id for play in plan.stays.get(course.tier, ()) if play.id not in course.stayed]
    if waiting:
        return FOREVER  # until they go off
    until = max((_cooled(plan, play, at) for play, at in course.cooldowns.items()), default=NEVER)
    until = max(until, _latches_fade(evidence, course.watched or Watch(), plan))
    for rule in plan.rules:
        total = evidence.sums.get(rule.slot)
        times = evidence.times.get(rule.slot)
        if total:
            until = max(until, _sum_fades(rule, total, evidence.landmark, rule.rate))
        elif times:
            until = max(until, _times_end(rule, times[-1]))
    return until


def _latches_fade(evidence: Evidence, watch: Watch, plan: Plan) -> int:
    """When nothing is left to tell from what latches remember; coming back, an id would turn each anew.

    What is absent is let go with it once it has been told, so that it does not keep every visitor for good.
    """
    until = NEVER
    for latch in plan.latches:
        up = latch.play.id in watch.up
        if latch.kind == "gain":
            lows = watch.lows.get(latch.slice)
            until = max(until, (lows[-1][0] + SLICES) * latch.slice if lows else NEVER)
        elif latch.kind == "holds" and plan.rules[latch.rule].kind == "absent":
            waits = plan.rules[latch.rule].slot in evidence.times and not up
            until = FOREVER if waits else until
        elif up:
            until = FOREVER
    return until


def _cooled(plan: Plan, play: str, at: int) -> int:
    return at + max((one.cooldown_us for one in plan.grid.plays if one.id == play), default=0)


def _sum_fades(rule: Rule, total: float, landmark: int, rate: float) -> int:
    """When it is less than what counts at all; the gates of `lead` may open later, so they are not asked."""
    points = abs(rule.points * total)
    if not rate:
        return NEVER if points < LEAST else FOREVER
    wait = (math.log2(points) - math.log2(LEAST)) / rate if 0 < points < math.inf else _LATEST
    return min(landmark + math.ceil(min(max(wait, -_LATEST), _LATEST)) + 1, FOREVER)


def _times_end(rule: Rule, newest: int) -> int:
    if rule.kind == "repeat":
        return newest + rule.within
    return FOREVER if rule.points > 0 else NEVER
