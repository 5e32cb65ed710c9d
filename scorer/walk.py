"""The tier's walk: from the first tier at the first event, decided anew by each event and by time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import msgspec

from scorer.evidence import Evidence
from scorer.grid import Play
from scorer.plan import Plan
from scorer.profile import Standing, standing, terms
from scorer.quiet import Outlook
from scorer.silence import NO_HISTORY
from scorer.term import Term
from scorer.times import DAY, NEVER, SECOND
from scorer.transitions import next_transition

NOWHERE: Final = ""
"""The tier of a lead that nothing has happened to yet."""


_NEAR: Final = 60 * SECOND
"""A transition closer than this is worth solving for exactly, instead of waking up again and again."""


class Raised(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An alert that a step set off."""

    id: str
    play: str
    cooled: int | None
    """When the play had gone off before, if it has a cooldown."""


class Step(msgspec.Struct, array_like=True, frozen=True):
    """A step that an event of a doubtful type made: where the walk stood before, and what it set off."""

    at: int
    tier: str
    since: int
    stayed: list[str]
    alerts: list[Raised]
    upheld: bool = False
    """It stands without an event that was taken back, by others that may be taken back as well."""


class Course(msgspec.Struct, array_like=True, gc=False):
    """Where a lead's walk stands; moments in microseconds."""

    tier: str = NOWHERE
    since: int = NEVER
    moment: int = NEVER
    """The last moment at which the tier was decided; nothing is decided before it any more."""
    stayed: list[str] = []
    """The plays of `stays` that this stay has set off."""
    cooldowns: dict[str, int] = {}
    """When each play with a cooldown last went off."""
    doubtful: list[Step] = []
    """The newest steps that may turn out to be a robot's doing, oldest first."""
    silent_until: int = NO_HISTORY
    """Until when what time does to it is announced to nobody, since its history is being imported."""

    @property
    def stood(self) -> Step:
        """Where it stands, to come back to."""
        return Step(self.moment, self.tier, self.since, list(self.stayed), [])


_MOST_DOUBTFUL: Final = 4
_BURST: Final = 3_600 * SECOND
"""Robots click all links of a mail within less."""
_at: Final[Callable[[Step], int]] = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the walk: the tier entered, or (`stays`) a play set off by staying in it."""

    at: int
    from_: str
    to: str
    by_time: bool
    stays: Play | None = None


def _leans(step: Step, happened: int) -> bool:
    """Whether a step may be owed to what happened at a moment; upheld, also to what came soon after it."""
    return step.at >= happened or (step.upheld and happened - step.at <= _BURST)


class Walker:
    """Walks one lead: its course, by its evidence."""

    __slots__ = ("_found", "course", "evidence", "headroom", "mask", "plan", "quiet_until")

    def __init__(self, plan: Plan, evidence: Evidence, course: Course, mask: int | None = None) -> None:
        self.plan = plan
        self.evidence = evidence
        self.course = course
        self.mask = plan.gates(evidence.values()) if mask is None else mask
        self.quiet_until = NEVER
        """Before this moment the tier does not change by time alone."""
        self.headroom = 0.0
        """Events that add up to less points than this, and take none away, lead to no higher tier."""
        self._found: Sequence[Term] | None = None

    def terms(self, moment: int) -> list[Term]:
        """The lead's contributions from a moment on."""
        return terms(self.evidence, self.mask, self.plan, moment)

    def decided(self) -> Sequence[Term]:
        """Its contributions from the last moment on at which it was decided."""
        return self.terms(self.course.moment) if self._found is None else self._found

    def standing(self, moment: int) -> Standing:
        """What the lead stands at."""
        return standing(self.terms(moment), self.plan, moment)

    def pass_time(self, until: int) -> Iterator[Change]:
        """The steps that the passing of time makes after the last moment, up to and with `until`."""
        course = self.course
        while course.tier != NOWHERE and until >= self.quiet_until:
            current = self.plan.tier_index[course.tier]
            found = self.terms(course.moment)
            change = next_transition(found, self.plan, current, course.moment, until)
            stay = self._next_stay()
            if stay is not None and stay[0] <= until and (change is None or stay[0] < change.at):
                due, play = stay
                course.stayed.append(play.id)
                course.moment = max(course.moment, due)
                self._found = None
                yield Change(due, course.tier, course.tier, by_time=True, stays=play)
            elif change is not None:
                course.moment = change.at
                self._found = None
                yield self._enter(change.to, change.at, by_time=True)
            else:
                course.moment = max(course.moment, until)
                self._look_ahead(self._outlook(), current)
                break
        if until > course.moment:
            course.moment = until
            self._found = None

    def absorbs(self, raised: float, moment: int) -> bool:
        """Goes on to a moment if evidence that raises by so much at most can't change the tier; says whether.

        What raises only, raises at every moment, so that until then the tier is not left earlier either.
        """
        if not raised < self.headroom or moment >= self.quiet_until:
            return False
        self.headroom -= raised
        self._found = None
        if moment > self.course.moment:
            self.course.moment = moment
        return True

    def decide(self, moment: int) -> tuple[Change, ...]:
        """The step that the evidence of a moment makes; the first of a lead starts its walk."""
        course = self.course
        course.moment = max(course.moment, moment)
        if course.tier == NOWHERE:
            course.tier = self.plan.tiers[0].id
            course.since = course.moment
        current = self.plan.tier_index[course.tier]
        outlook = self._outlook()
        to = outlook.tier(current)
        steps = (self._enter(to, course.moment, by_time=False),) if to != current else ()
        self._look_ahead(outlook, to)
        return steps

    def step_back(self, happened: int, moment: int) -> tuple[tuple[Change, ...], list[Step]]:
        """Decides anew at a moment, after evidence of what `happened` then was taken away.

        A tier that the lead came into by a doubtful step since then, and would not be in without it, it has
        never been in: gives those steps, whose alerts are void, and the step that is made from before them.
        """
        course = self.course
        course.moment = max(course.moment, moment)
        first = next((place for place, step in enumerate(course.doubtful) if _leans(step, happened)), None)
        void = [] if first is None else course.doubtful[first:]
        if not void or void[-1].at != course.since or void[0].tier not in self.plan.tier_index:
            return self.decide(moment), []
        before = self.plan.tier_index[void[0].tier]
        outlook = self._outlook()
        to = outlook.tier(before)
        if self.plan.tiers[to].id == course.tier:
            upheld = [msgspec.structs.replace(step, upheld=True) for step in void]
            course.doubtful = course.doubtful[: -len(void)] + upheld
            self._look_ahead(outlook, to)
            return (), []
        course.tier, course.since, course.stayed = void[0].tier, void[0].since, list(void[0].stayed)
        course.doubtful = course.doubtful[: -len(void)]
        for alert in reversed([alert for step in void for alert in step.alerts]):
            if alert.cooled is None:
                course.cooldowns.pop(alert.play, None)
            else:
                course.cooldowns[alert.play] = alert.cooled
        steps = (self._enter(to, course.moment, by_time=False),) if to != before else ()
        self._look_ahead(outlook, to)
        return steps, void

    def doubt(self, stood: Step, alerts: list[Raised]) -> None:
        """Keeps where the walk stood before a step that an event of a doubtful type made just now."""
        if stood.tier == NOWHERE:
            stood = msgspec.structs.replace(stood, tier=self.plan.tiers[0].id, since=self.course.since)
        step = msgspec.structs.replace(stood, at=self.course.since, alerts=alerts)
        self.course.doubtful = [*self.course.doubtful, step][-_MOST_DOUBTFUL:]

    def settle(self, moment: int) -> None:
        """Puts the lead into the tier that a changed grid gives it, silently."""
        course = self.course
        course.moment = max(course.moment, moment)
        known = course.tier in self.plan.tier_index
        outlook = self._outlook()
        to = outlook.tier(self.plan.tier_index[course.tier] if known else 0)
        if not known or self.plan.tiers[to].id != course.tier:
            course.tier = self.plan.tiers[to].id
            course.since = course.moment
        course.stayed = [
            play.id
            for play in self._stays()
            if play.id in course.stayed or course.since + play.stays_us <= course.moment
        ]
        self._look_ahead(outlook, to)

    def _outlook(self) -> Outlook:
        moment = self.course.moment
        return Outlook(self.terms(moment), self.plan, moment)

    def _look_ahead(self, outlook: Outlook, current: int) -> None:
        """Works out until when time alone changes nothing, and how much an event must add to do so."""
        moment = outlook.moment
        self._found = outlook.found
        quiet = outlook.quiet_until(current)
        if quiet - moment < _NEAR:
            change = next_transition(outlook.found, self.plan, current, moment, moment + DAY)
            quiet = moment + DAY if change is None else change.at
        stay = self._next_stay()
        self.quiet_until = quiet if stay is None else min(quiet, stay[0])
        self.headroom = outlook.headroom(current)

    def join(self, other: Course) -> None:
        """Goes on from the higher of two tiers, after the evidence of another identity was merged."""
        course = self.course
        own, theirs = (self.plan.tier_index.get(each.tier, -1) for each in (course, other))
        if theirs > own:
            course.tier, course.since, course.stayed = other.tier, other.since, list(other.stayed)
        elif theirs == own and other.tier == course.tier != NOWHERE:
            course.since = min(course.since, other.since)
            course.stayed = sorted({*course.stayed, *other.stayed})
        course.doubtful = sorted([*course.doubtful, *other.doubtful], key=_at)[-_MOST_DOUBTFUL:]
        for play, at in other.cooldowns.items():
            course.cooldowns[play] = max(at, course.cooldowns.get(play, at))
        course.silent_until = max(course.silent_until, other.silent_until)
        self.quiet_until = NEVER
        self.headroom = 0.0

    def _enter(self, position: int, at: int, *, by_time: bool) -> Change:
        course = self.course
        change = Change(at, course.tier, self.plan.tiers[position].id, by_time)
        course.tier = change.to
        course.since = at
        course.stayed = []
        return change

    def _stays(self) -> tuple[Play, ...]:
        return self.plan.stays.get(self.course.tier, ())

    def _next_stay(self) -> tuple[int, Play] | None:
        waiting = [play for play in self._stays() if play.id not in self.course.stayed]
        if not waiting:
            return None
        play = min(waiting, key=lambda each: each.stays_us)
        return self.course.since + play.stays_us, play
