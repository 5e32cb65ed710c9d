"""Why a play does not go off for a lead: what is missing, what holds it back, and what cannot be told."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from scorer.account_model import AccountPlay
from scorer.grid import Play
from scorer.grid_model import Gain
from scorer.plan import Plan
from scorer.tiers import SLACK
from scorer.times import format_time, parse_time

Record = dict[str, Any]


def why_not(
    plan: Plan,
    record: Record,
    last: Mapping[str, int],
    now: int,
    gained: Callable[[int], float | None] = lambda within: None,
) -> list[Record]:
    """Of each play of the grid how it stands, by a lead's score record as it reads at a moment.

    `last` is when each play went off last, as far as that is known; `gained` how far the total is above its
    lowest of the last so many microseconds, None where that is not known. `state`:

    - `missing`: bounds that the lead is still short of, under `missing`;
    - `comes`: at the moment `at`, unless something happens before;
    - `waits`: for something to happen; all else is there;
    - `holds`: what it asks for has begun, and must end before it can begin anew; `alerted` says whether it
      went off then, `held_back` that its cooldown kept it from that; both null: not known;
    - `elsewhere`: the lead stands in a tier from which it can't;
    - `not_known`: what it asks for does not stand in the record.

    Also, of `gains`, the points `gained`; `last_at`, `cooldown_until` (it goes off no sooner) and `opens` (it
    would be told no sooner, were it to go off now, or at the moment `at`).
    """
    written = {one["id"]: one["when"] for one in plan.grid.source.get("plays", ()) if "id" in one}
    return [
        told(
            play,
            written.get(play.id, {play.when: play.tier}),
            last.get(play.id),
            now,
            _gains(play.gain, gained, last.get(play.id), now, plan.grid.hysteresis)
            if play.gain is not None
            else _STATES[play.when](play, plan, record, last.get(play.id)),
        )
        for play in plan.grid.plays
    ]


def told(play: Play | AccountPlay, when: Any, last: int | None, now: int, state: Record) -> Record:
    """A play with its state, when it went off last, and until when cooldown and hours hold it back."""
    until = None if last is None or not play.cooldown_us else last + play.cooldown_us
    moment = parse_time(state["at"]) if state["state"] == "comes" else now
    opening = None if play.hours is None else play.hours.next_opening(moment)
    return {
        "play": play.id,
        "when": when,
        "last_at": None if last is None else format_time(last),
        "cooldown_until": format_time(until) if until is not None and until > now else None,
        "opens": None if opening is None else format_time(opening),
        **state,
    }


def _enters(play: Play, plan: Plan, record: Record, last: int | None) -> Record:
    if record["tier"] == play.tier:
        return begun(play, record, last)
    wanted, current = plan.tier_index[play.tier], plan.tier_index.get(record["tier"])
    if current is None or current > wanted or wanted == 0:
        return {"state": "elsewhere"}
    return short(_bounds(plan, wanted, record))


def _leaves(play: Play, plan: Plan, record: Record, last: int | None) -> Record:
    return {"state": "waits" if record["tier"] == play.tier else "elsewhere"}


def _stays(play: Play, plan: Plan, record: Record, last: int | None) -> Record:
    if record["tier"] != play.tier:
        return _enters(play, plan, record, last)
    at = parse_time(record["since"]) + play.stays_us
    if at > parse_time(record["as_of"]):
        return {"state": "comes", "at": format_time(at)}
    return begun(play, record | {"since": format_time(at)}, last)


def _score(play: Play, plan: Plan, record: Record, last: int | None) -> Record:
    crossing = play.crossing
    if crossing is None:
        return {"state": "not_known"}
    value = record["score"] if crossing.of is None else record["scores"].get(crossing.of, 0.0)
    reached = value >= crossing.bound - SLACK
    if not crossing.rises:
        return {"state": "waits"} if reached else {"state": "holds", "alerted": None, "held_back": None}
    if reached:
        return {"state": "holds", "alerted": None, "held_back": None}
    return short([lack(crossing.of, crossing.bound, value)])


def _happens(play: Play, plan: Plan, record: Record, last: int | None) -> Record:
    kind = next(one.kind for one in plan.grid.criteria if one.id == play.criterion)
    holds = kind != "behaviour" and play.criterion in record["contributions"]
    state: Record = {"state": "holds", "alerted": None, "held_back": None} if holds else {"state": "waits"}
    return state | {"label": plan.labels[play.criterion]}


def _gains(
    gain: Gain, gained: Callable[[int], float | None], last: int | None, now: int, hysteresis: float
) -> Record:
    has = gained(gain.within_us)
    if has is None:
        return {"state": "not_known"}
    alerted = last is not None and last > now - gain.within_us
    if has >= gain.points - (hysteresis if alerted else 0.0) - SLACK:
        return {"state": "holds", "alerted": True if alerted else None, "held_back": None, "gained": has}
    return {"state": "missing", "missing": [lack(None, gain.points, has)], "gained": has}


_STATES: Mapping[str, Callable[[Play, Plan, Record, int | None], Record]] = {
    "enters": _enters,
    "leaves": _leaves,
    "stays": _stays,
    "score": _score,
    "happens": _happens,
}


def begun(play: Play | AccountPlay, record: Record, last: int | None) -> Record:
    """What a play asks for began at the record's `since`: whether it went off then."""
    began = parse_time(record["since"])
    alerted = last is not None and last >= began
    held_back = not alerted and last is not None and began - last < play.cooldown_us
    known = alerted or held_back
    return {
        "state": "holds",
        "since": record["since"],
        "alerted": alerted if known else None,
        "held_back": "cooldown" if held_back else None,
    }


def _bounds(plan: Plan, wanted: int, record: Record) -> Iterator[Record]:
    tier = plan.grid.tiers[wanted]
    if tier.from_ is not None and record["score"] < tier.from_ - SLACK:
        yield lack(None, tier.from_, record["score"])
    for name, least in tier.requires.items():
        if record["scores"].get(name, 0.0) < least - SLACK:
            yield lack(name, least, record["scores"].get(name, 0.0))


def lack(of: str | None, needs: float, has: float) -> Record:
    """A bound that is missing: of a score, None: of the total."""
    return {"of": of, "needs": needs, "has": has, "points": needs - has}


def short(missing: Iterable[Record]) -> Record:
    """The bounds that are missing; where none is, the tier is about to come."""
    found = list(missing)
    return {"state": "missing", "missing": found} if found else {"state": "waits"}
