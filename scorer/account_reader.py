"""Reads what a grid says of accounts: the section `accounts`, and plays with `when: {account: …}`."""

from collections.abc import Collection
from typing import Any, Final

from scorer.account_model import AccountPlay, AccountTier, RollUp, Way, When
from scorer.checked import Checked
from scorer.play_reader import Known, read_play_base
from scorer.times import micros
from scorer.yaml_file import Path

_SECTION: Final = {
    "roll_up": False,
    "of": False,
    "cap_per_lead": False,
    "leads_from": False,
    "tiers": False,
    "hysteresis": False,
}
_WAYS: Final[dict[str, Way]] = {"max": "max", "min": "min", "sum": "sum", "avg": "avg"}
_EXAMPLE: Final = "{roll_up: sum, of: 3, tiers: [{id: cold}, {id: hot, from: 120}]}"
_VERBS: Final[tuple[When, ...]] = ("enters", "leaves", "stays")
_WHEN: Final = "{account: {enters: hot}}, {account: {leaves: hot}} or {account: {stays: hot, for: 14d}}"
_LEADS_ONLY: Final = ("score", "happens", "gains")


def read_roll_up(check: Checked, section: Any, tiers: Collection[str]) -> RollUp:
    """The section `accounts`; `tiers` are those of leads."""
    path: Path = ("accounts",)
    fields = check.mapping(section, path, _SECTION, f"how leads make an account, such as {_EXAMPLE}")
    way, least = fields.get("roll_up", "max"), fields.get("leads_from")
    if not isinstance(way, str) or way not in _WAYS:
        check.report((*path, "roll_up"), f"no such way {way!r}: {check.choice(way, _WAYS)}")
        way = "max"
    if least is not None and (not isinstance(least, str) or least not in tiers):
        check.report((*path, "leads_from"), f"no such tier {least!r}: {check.choice(least, tiers)}")
        least = None
    cap = fields.get("cap_per_lead")
    if "hysteresis" in fields and "tiers" not in fields:
        check.report((*path, "hysteresis"), "means nothing without tiers of accounts: expected tiers too")
    return RollUp(
        way=_WAYS[way],
        of=_count(check, fields["of"], (*path, "of")) if "of" in fields else None,
        cap=None if cap is None else check.number(cap, (*path, "cap_per_lead"), "100", above=0),
        least_tier=least,
        tiers=_tiers(check, fields["tiers"], (*path, "tiers")) if "tiers" in fields else (),
        hysteresis=check.number(fields.get("hysteresis", 0), (*path, "hysteresis"), "5", least=0),
    )


def _count(check: Checked, value: Any, path: Path) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        check.report(path, "expected a whole number of leads, such as 3")
        return None
    return value


def _tiers(check: Checked, value: Any, path: Path) -> tuple[AccountTier, ...]:
    if not isinstance(value, list) or not value:
        check.report(path, "expected a list, such as [{id: cold}, {id: hot, from: 120}]")
        return ()
    tiers: list[AccountTier] = []
    names: set[str] = set()
    for index, item in enumerate(value):
        at = (*path, index)
        fields = check.mapping(item, at, {"id": True, "from": index > 0}, "id and from")
        name = check.name(fields.get("id"), (*at, "id"), "hot") if "id" in fields else ""
        least = check.number(fields["from"], (*at, "from"), "120") if "from" in fields else None
        if index == 0 and least is not None:
            check.report((*at, "from"), "the first tier is where all others do not hold: expected none")
        elif index > 1 and least is not None and least <= (before := tiers[-1].from_ or 0.0):
            check.report((*at, "from"), f"{least:g} is not above {before:g}: expected tiers in rising order")
        if name and name in names:
            check.report((*at, "id"), f"{name} is taken: expected another id")
        names.add(name)
        tiers.append(AccountTier(name, least))
    return tuple(tiers)


def is_of_accounts(item: Any) -> bool:
    """Whether a play is set off by what becomes of an account."""
    return isinstance(item, dict) and isinstance(item.get("when"), dict) and "account" in item["when"]


def read_account_play(check: Checked, item: Any, path: Path, known: Known) -> AccountPlay:
    """A play of accounts, whose tiers are `known`'s."""
    base = read_play_base(check, item, path, known)
    when, at = item["when"], (*path, "when")
    check.mapping(when, at, {"account": True}, _WHEN)
    spec, at = when["account"], (*at, "account")
    foreign = [verb for verb in _LEADS_ONLY if isinstance(spec, dict) and verb in spec]
    if foreign:
        said = "of an account only its tiers are watched, of its leads all else"
        check.report((*at, foreign[0]), f"{said}: expected one of {_WHEN}, or {foreign[0]} without account")
        return AccountPlay(when="enters", tier="", **base)
    asked = check.mapping(spec, at, dict.fromkeys((*_VERBS, "for"), False), _WHEN)
    verbs = [verb for verb in _VERBS if verb in asked]
    verb = verbs[0] if verbs else "enters"
    tier, span = asked.get(verb, ""), 0
    if isinstance(spec, dict) and len(verbs) != 1:
        check.report(at, f"expected one of {_WHEN}")
    elif verbs and (not isinstance(tier, str) or tier not in known.tiers):
        check.report((*at, verb), f"no such tier of accounts {tier!r}: {check.choice(tier, known.tiers)}")
    if verb == "stays" and "for" in asked:
        span = micros(check.duration(asked["for"], (*at, "for")))
    elif verb == "stays":
        check.report(at, "stays needs for, such as {stays: hot, for: 14d}")
    elif "for" in asked:
        check.report((*at, "for"), f"means nothing with {verb}: expected it with stays only")
    return AccountPlay(when=verb, tier=str(tier), stays_us=span, written=asked, **base)
