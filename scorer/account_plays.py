"""Alerts of accounts: what plays with `when: {account: …}` say when they go off."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from scorer.account_model import AccountPlay
from scorer.roll_up import Member
from scorer.times import FOREVER, format_time


def of_change(plays: Iterable[AccountPlay], left: str, to: str) -> Iterator[AccountPlay]:
    """The plays that are meant by a change of tier."""
    for play in plays:
        if (play.when, play.tier) in (("enters", to), ("leaves", left)):
            yield play


def next_stay(
    plays: Iterable[AccountPlay], tier: str, since: int, after: int
) -> tuple[int, list[AccountPlay]]:
    """The first moment after another at which plays are meant by a stay in a tier, and these; or FOREVER."""
    ends: dict[int, list[AccountPlay]] = {}
    for play in plays:
        if play.when == "stays" and play.tier == tier and since + play.stays_us > after:
            ends.setdefault(since + play.stays_us, []).append(play)
    return min(ends.items(), default=(FOREVER, []))


def not_cooling(plays: Iterable[AccountPlay], raised: dict[str, int], at: int) -> Iterator[AccountPlay]:
    """Those of some plays that are not cooling down; `raised` is when each went off last, and is kept up."""
    for play in plays:
        last = raised.get(play.id)
        if last is not None and (at - last < play.cooldown_us or at // 1_000 == last // 1_000):
            continue  # in one millisecond it would be the same alert
        raised[play.id] = at
        yield play


def alert(
    account: str,
    company: str | None,
    play: AccountPlay,
    left: str,
    to: str,
    at: int,
    score: float,
    leads: Sequence[tuple[Member, float]],
    tiers: Sequence[str],
) -> dict[str, Any]:
    """The alert of a play, under the account's hottest lead, the first of `leads`."""
    record = {
        "id": alert_id(play.id, account, at, to),
        "play": play.id,
        "when": dict(play.written),
        "lead_id": leads[0][0].lead,
        "account": account,
        "company": company,
        "from": left,
        "to": to,
        "score": score,
        "at": format_time(at),
        "reasons": [],
        "do": [dict(action) for action in play.do],
        "traits": {"company": company} if company else {},
        "leads": shown(leads, tiers),
    }
    if play.hours is not None and (opening := play.hours.next_opening(at)) is not None:
        record["due"] = format_time(opening)
    if play.expires_us is not None:
        record["expires"] = format_time(at + play.expires_us)
    return record


def shown(leads: Sequence[tuple[Member, float]], tiers: Sequence[str]) -> list[dict[str, Any]]:
    """Leads as an account tells of them."""
    return [
        {"lead_id": one.lead, "name": one.name, "score": score, "tier": tiers[one.tier]}
        for one, score in leads
    ]


def alert_id(play: str, account: str, at: int, to: str) -> str:
    """The id of an account's alert: a hash of play, account, moment in milliseconds and tier.

    >>> alert_id("big", "acme.fr", 1_000_999, "hot") == alert_id("big", "acme.fr", 1_000_000, "hot")
    True
    """
    return hashlib.sha256("\n".join(("account", play, account, str(at // 1_000), to)).encode()).hexdigest()
