"""The book of accounts: members by account, each account's tier as it went, what is to be written and told.

A row holds all that was decided of an account, with the alerts still to be told; its members follow from the
score records. A batch's mark is written before its rows. It says from where to where the batch took score
records in, and each row bears its batch's number: so whoever goes on after a crash knows which rows have a
record in them, and decides it for the others.

A lead that goes may come again at once under another id, or in another account's stead: so a tier does not
fall, and an account is not given up, through a lead's going before a minute has passed.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from scorer.account_model import AccountPlay
from scorer.account_plays import alert, next_stay, not_cooling, of_change, shown
from scorer.plan import Plan
from scorer.roll_up import Member, Scale
from scorer.silence import NO_HISTORY
from scorer.times import FOREVER, NEVER, SECOND, format_time, parse_time

MARK: Final = "\0mark"
"""Key of the mark's row; no account's, as names hold no such sign."""
SETTLES: Final = 60 * SECOND
_SPAN: Final = 6 * 3_600 * SECOND
_SHOWN: Final = 5
"""Leads that a row, or an alert, names."""

Row = bytes
Offsets = dict[int, int]


class _Kept(msgspec.Struct, omit_defaults=True):
    """What a row holds for its own keeper."""

    moment: int
    batch: int
    grid: int
    settles: int | None = None
    hushed: bool = False
    silent_until: int = NO_HISTORY
    raised: dict[str, int] = {}
    outbox: list[dict[str, Any]] = []


class _Stored(msgspec.Struct):
    tier: str
    since: str
    kept: _Kept


class _Batch(msgspec.Struct, frozen=True):
    """From where to where a batch took in score records, by partition, and the rows that it deleted.

    Number 0 is what was there when accounts were first looked at: no news.
    """

    number: int
    start: Offsets
    end: Offsets
    gone: list[str] = []


class _Account:
    """An account of which something was decided."""

    __slots__ = (
        "batch",
        "check",
        "due",
        "grid",
        "hushed",
        "moment",
        "outbox",
        "raised",
        "settles",
        "silent_until",
        "since",
        "spans",
        "spans_end",
        "tier",
    )

    def __init__(self, tier: int, since: int, kept: _Kept) -> None:
        self.tier = tier
        self.since = since
        self.moment = kept.moment
        """Up to when time was let pass."""
        self.batch = kept.batch
        self.grid = kept.grid
        self.settles = kept.settles
        self.hushed = kept.hushed
        """That leads went, for which it settles, was no news."""
        self.silent_until = kept.silent_until
        """Until when what time does to it is told to nobody, since a lead's history is being imported."""
        self.raised = dict(kept.raised)
        self.outbox = list(kept.outbox)
        self.due = FOREVER
        self.check = False
        self.spans: dict[str, tuple[float, float] | None] | None = None
        """Between what the leads' scores stay until `spans_end`, since they were last looked at."""
        self.spans_end = NEVER


_stored: Final = msgspec.json.Decoder(_Stored)
_batches: Final = msgspec.json.Decoder(list[_Batch])
_encoder: Final = msgspec.json.Encoder()


class Book:
    """The accounts of one partition."""

    def __init__(self, plan: Plan, rows: Mapping[str, Row]) -> None:
        self.rows = rows
        """As they were given; whoever keeps them may change them."""
        self._scale = Scale(plan)
        self._plan = plan
        self._members: dict[str, dict[str, Member]] = {}
        self._home: dict[str, str] = {}
        self._accounts: dict[str, _Account] = {}
        self._touched: set[str] = set()
        self._gone: set[str] = set()
        self._heap: list[tuple[int, str]] = []
        self._stays = [play for play in plan.grid.account_plays if play.when == "stays"]
        self._batches = _batches.decode(rows[MARK]) if MARK in rows else []
        """The last one, and those before it of which not all rows may have been written."""
        self._newest = 0
        self._loaded = False
        self._begun = bool(self._batches)
        """Whether it is written down what was no news."""
        self._untold: set[str] = set()
        self.silent_before = NEVER
        """What happened before then is old: it is told to nobody."""
        for account, row in rows.items():
            if account != MARK:
                self._restore(account, row)

    def _restore(self, account: str, row: Row) -> None:
        stored = _stored.decode(row)
        tiers = self._scale.tiers
        tier = tiers.index(stored.tier) if stored.tier in tiers else 0
        one = self._accounts[account] = _Account(tier, parse_time(stored.since), stored.kept)
        one.due = one.moment
        if one.outbox:
            self._untold.add(account)

    @property
    def start(self) -> Offsets:
        """By partition, the offset up to which nothing is left to be decided."""
        return self._batches[0].start if self._batches else {}

    @property
    def leads(self) -> int:
        """How many leads have an account here."""
        return len(self._home)

    def holds(self, lead: str) -> bool:
        """Whether a lead is in one of the accounts."""
        return lead in self._home

    def take(
        self,
        place: tuple[int, int],
        lead: str,
        found: tuple[str, Member] | None,
        moment: int,
        *,
        erased: bool = False,
        silent_until: int | None = None,
    ) -> None:
        """A lead's record: the account that it is of now and how it stands there, or that it is in none here.

        `place` is the record's partition and offset, `moment` when it holds from; `silent_until` what it says
        where it is no news.
        """
        before = self._home.get(lead)
        after = found[0] if found else None
        decided = {one for one in (before, after) if one is not None and self._decides(place, one)}
        for account in decided:
            self._pass(account, moment)
        empty = {account for account in decided if account not in self._members}
        if before is not None and before != after:
            del self._members[before][lead], self._home[lead]
            if not self._members[before]:
                del self._members[before]
        if found:
            self._members.setdefault(found[0], {})[lead] = found[1]
            self._home[lead] = found[0]
        for account in decided:
            if erased and (one := self._accounts.get(account)):
                one.outbox = [_without(lead, told) for told in one.outbox if told["lead_id"] != lead]
            if account in empty:
                self._revive(account, moment)
            left = account == before != after
            self._happened(account, lead, moment, silent_until, left=left, erased=erased)
        self._newest = max(self._newest, moment)

    def loaded(self, reached: Offsets) -> None:
        """All that was there when the partition was taken over has been read, up to these offsets."""
        self._loaded = True
        if not self._batches:
            self._batches = [_Batch(0, {}, dict(reached))]
        for account in self._members.keys() - self._accounts.keys():
            self._begin(account, NEVER)
        for account, one in self._accounts.items():
            one.check = True
            self._set_due(account, one.moment)

    def advance(self, now: int, most: int) -> bool:
        """Lets time pass for accounts that it may change; False where more than `most` were due."""
        while self._heap and self._heap[0][0] <= now:
            moment, account = heapq.heappop(self._heap)
            one = self._accounts.get(account)
            if one is None or one.due != moment:
                continue
            if most <= 0:
                heapq.heappush(self._heap, (moment, account))
                return False
            most -= 1
            self._pass(account, max(now, one.moment))
        return True

    def next_due(self) -> int:
        """When time may change something, at the earliest."""
        return self._heap[0][0] if self._heap else FOREVER

    def changes(self, reached: Offsets) -> dict[str, Row | None]:
        """What must be written, the mark first; empty where nothing was decided. All records before the
        offsets `reached` were taken, or concern no account here."""
        if not self._touched and not self._gone and self._begun:
            return {}
        last = self._batches[-1]
        self._gone -= self._touched
        batch = _Batch(last.number + 1, last.end, last.end | reached, sorted(self._gone))
        self._batches.append(batch)
        changes: dict[str, Row | None] = {MARK: _encoder.encode(self._batches)}
        for account in sorted(self._touched):
            self._accounts[account].batch = batch.number
            changes[account] = self._row(account)
        changes |= dict.fromkeys(batch.gone)
        self._touched, self._gone = set(), set()
        return changes

    def written(self) -> None:
        """All of the changes are."""
        self._begun = True
        del self._batches[:-1]

    def untold(self) -> dict[str, list[dict[str, Any]]]:
        """The alerts that are not yet told, by account; to be asked once they are written."""
        return {name: one.outbox for name in sorted(self._untold) if (one := self._accounts.get(name))}

    def told(self, accounts: Iterable[str]) -> dict[str, Row | None]:
        """Their alerts were told: the rows without them."""
        rows: dict[str, Row | None] = {}
        for account in accounts:
            self._untold.discard(account)
            if one := self._accounts.get(account):
                one.outbox = []
                rows[account] = self._row(account)
                if account not in self._members and one.settles is None:
                    one.settles = one.moment
                    self._look_ahead(account, one)
        return rows

    def _decides(self, place: tuple[int, int], account: str) -> bool:
        """Whether what a record does to an account is still to be decided."""
        partition, offset = place
        if self._loaded or not self._batches:
            return self._loaded
        if offset < self.start.get(partition, 0):
            return False
        one = self._accounts.get(account)
        for batch in self._batches:
            if offset < batch.end.get(partition, 0):
                later = (other for other in self._batches if other.number >= batch.number)
                had = one.batch >= batch.number if one else any(account in other.gone for other in later)
                return batch.number > 0 and not had
        return True

    def _begin(self, account: str, moment: int) -> _Account:
        """An account of which nothing was decided stands in the first tier; found there, where it stands."""
        found = moment == NEVER
        moment = self._newest if found else moment
        one = _Account(0, moment, _Kept(moment, 0, self._plan.fingerprint))
        self._accounts[account] = one
        if found:
            one.tier = self._decided(account, one)
            self._touched.add(account)
        return one

    def _revive(self, account: str, moment: int) -> None:
        """An account that was given up, but for what was still to be told, begins anew."""
        one = self._accounts.get(account)
        if one is not None and one.settles is None:
            one.since = max(one.moment, moment)

    def _happened(
        self, account: str, lead: str, moment: int, silent_until: int | None, *, left: bool, erased: bool
    ) -> None:
        """Decides an account whose members changed."""
        one = self._accounts.get(account) or self._begin(account, moment)
        one.moment = max(one.moment, moment)
        self._touched.add(account)
        if erased and account not in self._members:
            one.outbox = []
            self._give_up(account)
            return
        silent = silent_until is not None
        one.silent_until = max(one.silent_until, silent_until or NO_HISTORY)
        if left:
            one.hushed = silent and (one.settles is None or one.hushed)
            one.settles = one.moment + SETTLES
            one.spans = None
        self._decide(account, one, lead, silent=silent)

    def _pass(self, account: str, until: int) -> None:
        """Lets time pass up to a moment."""
        one = self._accounts.get(account)
        if one is None:
            return
        if one.check:
            one.check = False
            self._check(account, one)
        while one.settles is None and one.due <= until:
            members = self._members.get(account, {}).values()
            quiet = max(one.moment, one.due - 1)
            stay = self._next_stay(one)
            found = self._scale.next_change(members, one.tier, quiet, min(stay, until))
            if found is not None:
                one.moment = found.at
                self._change(account, one, found.to, silent=found.at <= one.silent_until)
            elif stay <= until:
                self._stayed(account, one, stay)
                self._look_ahead(account, one)
            else:
                break
        if one.settles is not None:  # its tier stays meanwhile
            settled = min(one.settles, until)
            while (stay := self._next_stay(one)) <= settled:
                self._stayed(account, one, stay)
        if one.settles is not None and one.settles <= until:
            one.moment, one.settles = max(one.moment, one.settles), None
            if account not in self._members:
                self._give_up(account)
                return
            self._decide(account, one, silent=one.hushed or one.moment <= one.silent_until)
            self._pass(account, until)
            return
        one.moment = max(one.moment, until)
        if one.due <= until:
            self._look_ahead(account, one)

    def _check(self, account: str, one: _Account) -> None:
        """An account as it was found: of an earlier grid, or whose members went while nobody looked."""
        if account not in self._members:
            one.settles = one.settles or one.moment
        elif one.grid != self._plan.fingerprint:
            one.grid = self._plan.fingerprint
            one.moment = max(one.moment, self._newest)  # stays that are over by then set nothing off
            if (tier := self._decided(account, one)) != one.tier:
                one.tier, one.since = tier, one.moment
            self._touched.add(account)
        self._look_ahead(account, one)

    def _decide(self, account: str, one: _Account, lead: str | None = None, *, silent: bool) -> None:
        """Decides an account; `lead`: the only one of which something is new."""
        if self._surely(account, one, lead):
            return
        to = self._decided(account, one) if account in self._members else one.tier
        if to > one.tier or (to < one.tier and one.settles is None):
            self._change(account, one, to, silent=silent)
        else:
            self._look_ahead(account, one)

    def _surely(self, account: str, one: _Account, lead: str | None) -> bool:
        """Whether its tier stays, for a while: that is told by bounds, without adding up all leads anew."""
        members = self._members.get(account)
        if not self._scale.bounded or one.settles is not None or members is None:
            return False
        spans = one.spans
        if lead is None or spans is None or one.moment >= one.spans_end:
            start, end = one.moment, one.moment + _SPAN
            spans = {each: self._scale.span_of(member, start, end) for each, member in members.items()}
            one.spans, one.spans_end = spans, end
        elif (member := members.get(lead)) is None:
            spans.pop(lead, None)
        else:
            spans[lead] = self._scale.span_of(member, one.moment, one.spans_end)
        if not self._scale.surely(spans.values(), one.tier):
            return False
        self._set_due(account, one.spans_end)
        return True

    def _decided(self, account: str, one: _Account) -> int:
        members = self._members[account].values()
        if not self._scale.bounded:
            return self._scale.decide(members, 0.0, one.tier)
        total = self._scale.total([(each, self._scale.score_of(each, one.moment)) for each in members])
        return self._scale.decide(members, total, one.tier)

    def _change(self, account: str, one: _Account, to: int, *, silent: bool) -> None:
        tiers, plays = self._scale.tiers, self._plan.grid.account_plays
        left, one.tier, one.since = tiers[one.tier], to, one.moment
        self._touched.add(account)
        if not silent:
            self._raise(account, one, of_change(plays, left, tiers[to]), left)
        self._look_ahead(account, one)

    def _next_stay(self, one: _Account) -> int:
        """When a stay in its tier is long enough for a play, next; FOREVER: never."""
        return next_stay(self._stays, self._scale.tiers[one.tier], one.since, one.moment)[0]

    def _stayed(self, account: str, one: _Account, at: int) -> None:
        """A stay in its tier is long enough for a play."""
        tier = self._scale.tiers[one.tier]
        _, plays = next_stay(self._stays, tier, one.since, one.moment)
        one.moment = at
        if at > one.silent_until and account in self._members:
            self._raise(account, one, plays, tier)

    def _raise(self, account: str, one: _Account, plays: Iterable[AccountPlay], left: str) -> None:
        """Puts the alerts of plays into an account's outbox."""
        at, to = one.moment, self._scale.tiers[one.tier]
        if at < self.silent_before:
            return
        for play in not_cooling(plays, one.raised, at):
            leads = self._hottest(account, at)
            total, company = self._scale.total(leads), _company(leads)
            tiers = [tier.id for tier in self._plan.tiers]
            self._touched.add(account)
            self._untold.add(account)
            one.outbox.append(alert(account, company, play, left, to, at, total, leads[:_SHOWN], tiers))

    def _look_ahead(self, account: str, one: _Account) -> None:
        if one.settles is not None:
            self._set_due(account, one.settles)
        else:
            members = self._members.get(account, {}).values()
            self._set_due(account, self._scale.quiet_until(members, one.tier, one.moment))

    def _set_due(self, account: str, moment: int) -> None:
        one = self._accounts[account]
        moment = min(moment, self._next_stay(one))
        if one.due != moment or one.check:
            one.due = moment
            if moment < FOREVER:
                heapq.heappush(self._heap, (moment, account))

    def _give_up(self, account: str) -> None:
        one = self._accounts[account]
        if one.outbox:  # first that is told
            self._touched.add(account)
            one.tier, one.raised = 0, {}
            self._set_due(account, FOREVER)
            return
        del self._accounts[account]
        self._touched.discard(account)
        self._gone.add(account)

    def _hottest(self, account: str, moment: int) -> list[tuple[Member, float]]:
        """The members with their scores, the highest first."""
        members = self._members.get(account, {}).values()
        scored = [(one, self._scale.score_of(one, moment)) for one in members]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0].lead))

    def _row(self, account: str) -> Row:
        one = self._accounts[account]
        leads = self._hottest(account, one.moment)
        total = self._scale.total(leads)
        tiers = [tier.id for tier in self._plan.tiers]
        return _encoder.encode(
            {
                "account": account,
                "company": _company(leads),
                "score": total,
                "most": self._scale.most([member for member, _ in leads], total, one.moment),
                "tier": self._scale.tiers[one.tier],
                "since": format_time(one.since),
                "tiers": dict(Counter(tiers[member.tier] for member, _ in leads)),
                "count": len(leads),
                "leads": shown(leads[:_SHOWN], tiers),
                "raised": {play: format_time(at) for play, at in one.raised.items()},
                "as_of": format_time(one.moment),
                "grid": self._plan.grid.name,
                "version": self._plan.grid.version,
                "kept": _Kept(
                    one.moment,
                    one.batch,
                    one.grid,
                    one.settles,
                    one.hushed,
                    one.silent_until,
                    one.raised,
                    one.outbox,
                ),
            }
        )


def _without(lead: str, alert: dict[str, Any]) -> dict[str, Any]:
    """An alert that does not name a lead."""
    return alert | {"leads": [one for one in alert["leads"] if one["lead_id"] != lead]}


def _company(leads: Iterable[tuple[Member, float]]) -> str | None:
    """The company as the hottest lead that names one writes it."""
    return next((member.company for member, _ in leads if member.company), None)
