"""Why a play does not go off for an account: what is missing, what holds it back, and what it waits for."""

from collections.abc import Mapping
from typing import Any

from scorer.account_model import AccountPlay
from scorer.plan import Plan
from scorer.tiers import SLACK
from scorer.times import format_time, parse_time
from scorer.why_not import begun, lack, short, told

Record = dict[str, Any]


def account_why_not(plan: Plan, row: Record, last: Mapping[str, int], now: int) -> list[Record]:
    """Of each play of accounts how it stands, by an account's `score`, `tier` and `since` at a moment.

    `last` is when each play went off last. States and what goes with them are those of `why_not`; where the
    tier is that of the leads, `waits` names the one that one of them must come into as `lead`. Where
    nobody keeps the account (no `since`) nothing is known of its plays.
    """
    return [
        told(
            play,
            {"account": dict(play.written)},
            last.get(play.id),
            now,
            _state(play, plan, row, last.get(play.id), now),
        )
        for play in plan.grid.account_plays
    ]


def _state(play: AccountPlay, plan: Plan, row: Record, last: int | None, now: int) -> Record:
    if row["since"] is None:
        return {"state": "not_known"}
    stands = row["tier"] == play.tier
    if play.when == "leaves":
        return {"state": "waits" if stands else "elsewhere"}
    if not stands:
        return _short_of(play.tier, plan, row)
    began = parse_time(row["since"]) + play.stays_us
    if began > now:
        return {"state": "comes", "at": format_time(began)}
    return begun(play, row | {"since": format_time(began)}, last)


def _short_of(tier: str, plan: Plan, row: Record) -> Record:
    tiers, rules = plan.grid.account_tiers, plan.grid.accounts
    current, wanted = (tiers.index(one) if one in tiers else -1 for one in (row["tier"], tier))
    if current > wanted or wanted == 0:
        return {"state": "elsewhere"}
    if not rules.tiers:
        return {"state": "waits", "lead": tier}
    bound = rules.tiers[wanted].from_ or 0.0
    return short([lack(None, bound, row["score"])] if row["score"] < bound - SLACK else [])
