"""The tier's walk: from the first tier at the first event, decided anew by each event and by time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import msgspec

from scorer.event import Event
from scorer.evidence import Evidence, amount_of
from scorer.grid import Play
from scorer.latch import SLICES, TOTAL, Latch, Level
from scorer.plan import Plan
from scorer.profile import Standing, standing, terms, values
from scorer.quiet import Outlook, rise
from scorer.silence import NO_HISTORY
from scorer.term import Term
from scorer.tiers import SLACK
from scorer.times import DAY, FOREVER, NEVER, SECOND
from scorer.transitions import next_transition
from scorer.watch import Flip, Raised, Watch, gain, holds, is_noted, joined, low_since, next_turn, note

NOWHERE: Final = ""
"""The tier of a lead that nothing has happened to yet."""


_NEAR: Final = 60 * SECOND
"""A transition closer than this is worth solving for exactly, instead of waking up again and again."""


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
    watched: Watch | None = None
    """What is remembered for plays that watch more than tiers, where the grid has any."""

    @property
    def watch(self) -> Watch:
        """What is remembered for plays that watch more than tiers."""
        if self.watched is None:
            self.watched = Watch()
        return self.watched

    @property
    def stood(self) -> "Stood":
        """Where it stands, to come back to."""
        step = Step(self.moment, self.tier, self.since, list(self.stayed), [])
        return Stood(step, frozenset(self.watched.up if self.watched else ()), dict(self.cooldowns))


@dataclass(frozen=True, slots=True)
class Stood:
    """Where a walk stood before an event."""

    step: Step
    up: frozenset[str]
    cooldowns: dict[str, int]


_MOST_DOUBTFUL: Final = 4
_MARGIN: Final = 1e-6
"""Kept from what events may add before a gain is looked at, for the rounding of sums."""
_BURST: Final = 3_600 * SECOND
"""Robots click all links of a mail within less."""
_at: Final[Callable[[Step | Flip], int]] = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the walk: the tier entered, or the play that is set off by anything else."""

    at: int
    from_: str
    to: str
    by_time: bool
    play: Play | None = None


def _leans(step: Step | Flip, happened: int) -> bool:
    """Whether a step may be owed to what happened at a moment; upheld, also to what came soon after it."""
    return step.at >= happened or (step.upheld and happened - step.at <= _BURST)


class Walker:
    """Walks one lead: its course, by its evidence."""

    __slots__ = ("_before", "_found", "course", "evidence", "headroom", "mask", "plan", "quiet_until")

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
        self._before: float | None = None
        """The total before the event in work, where it was looked at."""

    def regate(self) -> bool:
        """Asks the gates again, after traits changed; whether they are others now."""
        before, self.mask = self.mask, self.plan.gates(self.evidence.values())
        return self.mask != before

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
            change = next_transition(found, self.plan, current, course.moment, until, self._levels())
            first = min(FOREVER if change is None else change.at, self._next_turn())
            stay = self._next_stay()
            if stay is not None and stay[0] <= until and stay[0] < first:
                due, play = stay
                course.stayed.append(play.id)
                course.moment = max(course.moment, due)
                self._found = None
                yield Change(due, course.tier, course.tier, by_time=True, play=play)
            elif first <= until:
                course.moment = first
                self._found = None
                if change is not None and change.at == first and change.to != current:
                    yield self._enter(change.to, first, by_time=True)
                if self.plan.latches:
                    # What time does to a gain is seen before the next event.
                    latches = [latch for latch in self.plan.latches if latch.kind != "gain"]
                    yield from self._turn(values(found, self.plan, first), latches, by_time=True)
            else:
                course.moment = max(course.moment, until)
                self._look_ahead(self._outlook(), current)
                break
        if until > course.moment:
            course.moment = until
            self._found = None

    @property
    def may_fall(self) -> bool:
        """Whether it changes nothing if points are taken: there is no lower tier, nor a level to leave."""
        return not self.plan.latches and self.course.tier == self.plan.tiers[0].id

    def absorbs(self, raised: float, moment: int) -> bool:
        """Goes on to a moment if evidence that raises by so much at most can't change the tier; says whether.

        What raises only, raises at every moment, so that until then the tier is not left earlier either;
        what takes points where the lead `may_fall`, takes some at every moment, or none.
        """
        if not raised < self.headroom or moment >= self.quiet_until:
            return False
        self.headroom -= raised
        self._found = self._before = None
        if moment > self.course.moment:
            self.course.moment = moment
        return True

    def look(self, moment: int, event: Event | None = None) -> None:
        """Looks at the total before something happens at a moment, if a play asks how much that gains.

        Before the first event in each part of its window; before what may take points; and where the play
        has gone off, for what arms it again.
        """
        plan, watch = self.plan, self.course.watch
        self._before = None
        fresh = [part for part in plan.parts if not is_noted(watch.lows.get(part), moment // part)]
        off = [latch for latch in plan.gains if latch.play.id in watch.up] if moment >= watch.held else []
        if not (fresh or off or event is None or plan.may_lower(event)):
            return
        found = self.terms(moment)
        self._before = total = sum(values(found, plan, moment))
        for part in fresh:
            note(watch.lows.setdefault(part, []), moment // part, total)
        for latch in off:
            if not self._is_up(latch, [total], moment):
                self._set(latch, up=False)
        if off:
            self._hold(Outlook(found, plan, moment))
        watch.room = min(watch.room, self._least_gain(found, total, moment))

    def weigh(self, raised: float) -> Iterator[Change]:
        """The plays that a gain sets off, after evidence was absorbed that raises by so much at most."""
        plan, watch, moment = self.plan, self.course.watch, self.course.moment
        watch.room -= raised
        if watch.room > 0:
            return
        found = self.terms(moment)
        dimensions = values(found, plan, moment)
        for change in self._turn(dimensions, plan.gains):
            watch.held = NEVER
            yield change
        watch.room = self._least_gain(found, sum(dimensions), moment)

    def answers(self, event: Event) -> Iterator[Change]:
        """The plays that an event sets off by itself, which was just added."""
        course = self.course
        for slot in self.plan.matches(event):
            for play, rule in self.plan.answers.get(slot.id, ()):
                open_ = not rule.gate or self.mask & rule.gate
                if open_ and (slot.field is None or amount_of(event, slot.field)):
                    yield Change(course.moment, course.tier, course.tier, by_time=False, play=play)

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
        steps: tuple[Change, ...] = (self._enter(to, course.moment, by_time=False),) if to != current else ()
        if self.plan.latches:
            steps += tuple(self._turn(outlook.values(), self.plan.latches))
        self._look_ahead(outlook, to)
        return steps

    def step_back(
        self, happened: int, moment: int, event_id: bytes
    ) -> tuple[tuple[Change, ...], list[Raised]]:
        """Decides anew at a moment, after evidence of what `happened` then was taken away.

        A tier that the lead came into by a doubtful step since then, and would not be in without it, it has
        never been in; likewise with latches, and with what the event, given by its id's digest, set off by
        itself. Gives the steps that are made from before that, and the alerts that are void.
        """
        course = self.course
        course.moment = max(course.moment, moment)
        outlook = self._outlook()
        void = self._unstep(happened, outlook)
        if self.plan.latches:
            void += self._unturn(happened, outlook)
        if course.watched is not None:
            void += [raised for one, raised in course.watched.answers if one == event_id]
            course.watched.answers = [each for each in course.watched.answers if each[0] != event_id]
        for alert in reversed(void):
            if alert.cooled is None:
                course.cooldowns.pop(alert.play, None)
            else:
                course.cooldowns[alert.play] = alert.cooled
        return self.decide(moment), void

    def _unstep(self, happened: int, outlook: Outlook) -> list[Raised]:
        course = self.course
        first = next((place for place, step in enumerate(course.doubtful) if _leans(step, happened)), None)
        void = [] if first is None else course.doubtful[first:]
        if not void or void[-1].at != course.since or void[0].tier not in self.plan.tier_index:
            return []
        kept = course.doubtful[: -len(void)]
        to = outlook.tier(self.plan.tier_index[void[0].tier])
        if self.plan.tiers[to].id == course.tier:
            course.doubtful = kept + [msgspec.structs.replace(step, upheld=True) for step in void]
            return []
        course.tier, course.since, course.stayed = void[0].tier, void[0].since, list(void[0].stayed)
        course.doubtful = kept
        return [alert for step in void for alert in step.alerts]

    def _unturn(self, happened: int, outlook: Outlook) -> list[Raised]:
        watch, void = self.course.watch, []
        for latch in self.plan.latches:
            flip = watch.flips.get(latch.play.id)
            if flip is None or not _leans(flip, happened):
                continue
            up = latch.play.id in watch.up
            self._set(latch, up=not up)
            if self._is_up(latch, outlook.values(), self.course.moment) is up:
                self._set(latch, up=up)
                watch.flips[latch.play.id] = msgspec.structs.replace(flip, upheld=True)
            else:
                void += flip.alerts
        return void

    def doubt(
        self, stood: Stood, changes: Sequence[Change], told: list[tuple[str, str]], event_id: bytes
    ) -> None:
        """Keeps where the walk stood before what an event of a doubtful type did just now.

        `told`: the alerts that it set off, as their ids and plays; `event_id`: the digest of its own id.
        """
        course, plan = self.course, self.plan
        raised = [Raised(one, play, stood.cooldowns.get(play)) for one, play in told]
        of_tiers = {play.id for play in plan.grid.plays if play.tier}
        if any(change.play is None for change in changes):
            step = stood.step
            if step.tier == NOWHERE:
                step = msgspec.structs.replace(step, tier=plan.tiers[0].id, since=course.since)
            alerts = [each for each in raised if each.play in of_tiers]
            step = msgspec.structs.replace(step, at=course.since, alerts=alerts)
            course.doubtful = [*course.doubtful, step][-_MOST_DOUBTFUL:]
        if not plan.latches and not plan.answers:
            return
        watch = course.watch
        turned = stood.up.symmetric_difference(watch.up)
        for play in turned:
            watch.flips[play] = Flip(course.moment, [each for each in raised if each.play == play])
        answers = [(event_id, each) for each in raised if each.play not in of_tiers | turned]
        watch.answers = [*watch.answers, *answers][-_MOST_DOUBTFUL:]

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
        self._settle_latches(outlook)
        self._look_ahead(outlook, to)

    def _settle_latches(self, outlook: Outlook) -> None:
        """Sets the latches as a changed grid asks, silently; forgets those that it has no more."""
        watched, plan = self.course.watched, self.plan
        if not plan.latches and not plan.answers:
            self.course.watched = None
            return
        if watched is not None:
            known = {latch.play.id for latch in plan.latches}
            watched.up = [play for play in watched.up if play in known]
            watched.flips = {play: flip for play, flip in watched.flips.items() if play in known}
            watched.lows = {part: lows for part, lows in watched.lows.items() if part in plan.parts}
        for _ in self._turn(outlook.values(), plan.latches):
            pass

    def _outlook(self) -> Outlook:
        moment = self.course.moment
        return Outlook(self.terms(moment), self.plan, moment)

    def _look_ahead(self, outlook: Outlook, current: int) -> None:
        """Works out until when time alone changes nothing, and how much an event must add to do so."""
        moment = outlook.moment
        self._found = outlook.found
        plan = self.plan
        levels = self._levels() if plan.levels else ()
        self.headroom = outlook.headroom(current, levels)
        quiet = outlook.quiet_until(current, levels, may_climb=self.headroom <= 0.0)
        if quiet - moment < _NEAR:
            change = next_transition(outlook.found, plan, current, moment, moment + DAY, levels)
            quiet = moment + DAY if change is None else change.at
        if plan.turns:
            quiet = min(quiet, self._next_turn())
        stay = self._next_stay()
        self.quiet_until = quiet if stay is None else min(quiet, stay[0])
        if plan.gains:
            self._hold(outlook)
            self.course.watch.room = self._least_gain(outlook.found, sum(outlook.values()), moment)

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
        if other.watched is not None:
            _join(course.watch, other.watched)
        self.quiet_until = NEVER
        self.headroom = 0.0

    def _enter(self, position: int, at: int, *, by_time: bool) -> Change:
        course = self.course
        change = Change(at, course.tier, self.plan.tiers[position].id, by_time)
        course.tier = change.to
        course.since = at
        course.stayed = []
        return change

    def _levels(self) -> Sequence[Level]:
        return self.plan.levels_of(self.course.watch.up) if self.plan.levels else ()

    def _next_turn(self) -> int:
        """When time alone makes a criterion that a play watches begin or cease to hold."""
        turn = FOREVER
        for latch, rule in self.plan.turns:
            up = latch.play.id in self.course.watch.up
            turn = min(turn, next_turn(rule, up, self.evidence, self.mask))
        return max(turn, self.course.moment)

    def _turn(
        self, dimensions: Sequence[float], latches: Sequence[Latch], *, by_time: bool = False
    ) -> Iterator[Change]:
        """Turns latches by what the lead stands at now; gives the plays that this sets off."""
        course, total = self.course, sum(dimensions)
        if self._before is not None and total < self._before - SLACK:
            for part in self.plan.parts:
                note(course.watch.lows.setdefault(part, []), course.moment // part, total)
        self._before = None
        for latch in latches:
            up = self._is_up(latch, dimensions, course.moment)
            if up is not (latch.play.id in course.watch.up):
                self._set(latch, up=up)
                if up is latch.rises:
                    yield Change(course.moment, course.tier, course.tier, by_time, latch.play)

    def _is_up(self, latch: Latch, dimensions: Sequence[float], moment: int) -> bool:
        """Whether a latch is up from now on; `dimensions`: what the lead stands at."""
        if latch.kind == "holds":
            return holds(self.plan.rules[latch.rule], self.evidence, self.mask, moment)
        watch = self.course.watch
        value = sum(dimensions) if latch.at == TOTAL else dimensions[latch.at]
        if latch.kind == "gain":
            value = gain(watch.lows.get(latch.slice), moment // latch.slice, value)
        return value >= (latch.low if latch.play.id in watch.up else latch.high) - SLACK

    def _set(self, latch: Latch, *, up: bool) -> None:
        """Puts a latch up or down; whatever turned it before, it is not that any more."""
        watch, play = self.course.watch, latch.play.id
        watch.flips.pop(play, None)
        watch.up = [each for each in watch.up if each != play]
        if up:
            watch.up.append(play)

    def _hold(self, outlook: Outlook) -> None:
        """Works out until when no play that watches the gain is armed again: its low stays in the window."""
        watch, moment = self.course.watch, outlook.moment
        watch.held = FOREVER
        for latch in self.plan.gains:
            if latch.play.id in watch.up:
                lows, part = watch.lows.get(latch.slice), moment // latch.slice
                at, low = low_since(lows, part, sum(outlook.values()))
                falls = outlook.falls_at(Level(TOTAL, low + latch.low, up=True))
                watch.held = min(watch.held, (at + SLICES) * latch.slice, falls)

    def _least_gain(self, found: Sequence[Term], total: float, moment: int) -> float:
        """What events must add at least before a play that watches the gain goes off."""
        watch = self.course.watch
        missing = [
            latch.high - gain(watch.lows.get(latch.slice), moment // latch.slice, total)
            for latch in self.plan.gains
            if latch.play.id not in watch.up
        ]
        return min(missing, default=math.inf) - rise(found, self.plan, moment) - _MARGIN

    def _stays(self) -> tuple[Play, ...]:
        return self.plan.stays.get(self.course.tier, ())

    def _next_stay(self) -> tuple[int, Play] | None:
        waiting = [play for play in self._stays() if play.id not in self.course.stayed]
        if not waiting:
            return None
        play = min(waiting, key=lambda each: each.stays_us)
        return self.course.since + play.stays_us, play


def _join(watch: Watch, other: Watch) -> None:
    watch.up = sorted({*watch.up, *other.up})
    watch.held = NEVER
    for part, lows in other.lows.items():
        watch.lows[part] = joined(watch.lows.get(part, []), lows)
    for play, flip in other.flips.items():
        watch.flips[play] = max(flip, watch.flips.get(play, flip), key=_at)
    watch.answers = [*watch.answers, *other.answers][-_MOST_DOUBTFUL:]
