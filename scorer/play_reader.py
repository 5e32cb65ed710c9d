"""Reads one play of a grid: when it goes off, for how long it is worth doing, what is to be done."""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from scorer.action_reader import read_actions
from scorer.checked import Checked
from scorer.grid_model import Crossing, Gain, Play
from scorer.hours import Hours
from scorer.times import micros
from scorer.yaml_file import Path

_FIELDS: Final = {
    "id": True,
    "when": True,
    "cooldown": False,
    "hours": False,
    "expires": False,
    "do": True,
}
_WHEN: Final = {
    "enters": "{enters: hot}",
    "leaves": "{leaves: hot}",
    "stays": "{stays: warm, for: 14d}",
    "score": "{score: {rises_to: 60}}",
    "happens": "{happens: pricing-page}",
    "gains": "{gains: 20, within: 1d}",
}
_SPAN: Final = {"stays": "for", "gains": "within"}
"""The duration that goes with a verb."""
_EXAMPLES: Final = f"{', '.join(list(_WHEN.values())[:-1])} or {_WHEN['gains']}"


class Known(NamedTuple):
    """What of the rest of the grid a play may name."""

    tiers: Collection[str]
    scores: Collection[str]
    criteria: Collection[str]
    hysteresis: float
    hours: Callable[[Any, Path], Hours | None]
    default_hours: Hours | None


def read_play(check: Checked, item: Any, path: Path, known: Known) -> Play:
    """The play at a path."""
    base = read_play_base(check, item, path, known)
    told = item.get("when") if isinstance(item, dict) else None
    when = _when(check, told, (*path, "when"), known) if told is not None else _NOWHEN
    return Play(**base, **when)


def read_play_base(check: Checked, item: Any, path: Path, known: Known) -> dict[str, Any]:
    """What plays of every kind say beside `when`."""
    fields = check.mapping(item, path, _FIELDS, "id, when, cooldown, hours, expires and do")
    hours, expires, cooldown = known.default_hours, None, 0.0
    if "hours" in fields:
        hours = known.hours(fields["hours"], (*path, "hours"))
    if "expires" in fields:
        expires = micros(check.duration(fields["expires"], (*path, "expires")))
    if "cooldown" in fields:
        cooldown = check.duration(fields["cooldown"], (*path, "cooldown"))
    return {
        "id": check.name(fields.get("id"), (*path, "id"), "call-now") if "id" in fields else "",
        "cooldown_us": micros(cooldown),
        "do": read_actions(check, fields["do"], (*path, "do")) if "do" in fields else (),
        "hours": hours,
        "expires_us": expires,
    }


def _when(check: Checked, spec: Any, path: Path, known: Known) -> dict[str, Any]:
    if not isinstance(spec, dict):
        check.report(path, f"expected one of {_EXAMPLES}")
        return _NOWHEN
    fields = check.mapping(
        spec, path, {**dict.fromkeys(_WHEN, False), "for": False, "within": False}, _EXAMPLES
    )
    verbs = [verb for verb in _WHEN if verb in fields]
    if len(verbs) != 1:
        check.report(path, f"expected one of {_EXAMPLES}")
        return _NOWHEN
    verb = verbs[0]
    span = 0
    for name in ("for", "within"):
        if name == _SPAN.get(verb):
            if name in fields:
                span = micros(check.duration(fields[name], (*path, name)))
            else:
                check.report(path, f"{verb} needs {name}, such as {_WHEN[verb]}")
        elif name in fields:
            others = ", ".join(one for one, needed in _SPAN.items() if needed == name)
            check.report((*path, name), f"means nothing with {verb}: expected it with {others} only")
    value, at = fields[verb], (*path, verb)
    if verb == "score":
        return {"when": verb, "crossing": _crossing(check, value, at, known)}
    if verb == "happens":
        return {"when": verb, "criterion": _one_of(check, value, at, known.criteria, "criterion")}
    if verb == "gains":
        return {"when": verb, "gain": Gain(_gain(check, value, at, known), span)}
    return {"when": verb, "tier": _one_of(check, value, at, known.tiers, "tier"), "stays_us": span}


def _one_of(check: Checked, name: Any, path: Path, names: Collection[str], what: str) -> str:
    if not isinstance(name, str) or name not in names:
        check.report(path, f"no such {what} {name!r}: {check.choice(name, names)}")
        return ""
    return name


def _crossing(check: Checked, spec: Any, path: Path, known: Known) -> Crossing:
    example = "{rises_to: 60}, {falls_below: 20} or {rises_to: 40, of: engagement}"
    fields = check.mapping(spec, path, {"rises_to": False, "falls_below": False, "of": False}, example)
    ways = [way for way in ("rises_to", "falls_below") if way in fields]
    if len(ways) != 1:
        if isinstance(spec, dict):
            check.report(path, f"expected one of {example}")
        return Crossing(0, rises=True, of=None)
    bound = check.number(fields[ways[0]], (*path, ways[0]), "60")
    of = _one_of(check, fields["of"], (*path, "of"), known.scores, "score") if "of" in fields else None
    return Crossing(bound, ways[0] == "rises_to", of)


def _gain(check: Checked, value: Any, path: Path, known: Known) -> float:
    points = check.number(value, path, "20", above=0)
    if 0 < points <= known.hysteresis:
        said = f"{points:g} is within the hysteresis {known.hysteresis:g}, below which it could go off again"
        check.report(path, f"{said}: expected more than that")
    return points


_NOWHEN: Final[dict[str, Any]] = {"when": "enters"}
"""In place of a `when` that can't be read."""
