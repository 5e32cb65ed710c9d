"""Strategies for valid grids that use every construct."""

import json

from hypothesis import strategies as st

from tests.properties.logs import BEHAVIOURS, TEXTS, TITLES, Told

HALF_LIVES = ["7d", "1d", "36h", "2w", "14d", "0.5d", "never"]
SPANS = ["1d", "7d", "30d", "12h", "2w"]


def _texts(name: str, values: list[str]) -> st.SearchStrategy[Told]:
    """Conditions on one text field."""
    value = st.sampled_from(values)
    condition = st.one_of(
        value,
        st.lists(value, min_size=1, max_size=2, unique=True),
        st.builds(lambda text: {"not": text}, value),
        st.builds(lambda has: {"exists": has}, st.booleans()),
        st.builds(lambda text: {"glob": text[:3] + "*"}, value),
    )
    return condition.map(lambda one: {name: one})


def where_fields() -> st.SearchStrategy[Told]:
    """Conditions on one field of an event."""
    return st.one_of(
        _texts("url.path", ["/", "/tarifs", "/tarifs/pro", "/intégration-crm"]),
        _texts("url.host", ["www.acme.fr", "blog.acme.fr"]),
        _texts("url.query.utm_source", ["mail", "", "ads"]),
        _texts("campaign", TEXTS),
        _texts("context.channel", ["web", "mail"]),
        _texts("form.name", TEXTS),
        st.sampled_from(
            [
                {"campaign": {"words": ["coeur", "news"]}},
                {"campaign": {"matches": r"demo-\d\b"}},
                {"title": {"words": ["demonstration du"]}},
                {"campaign": {"glob": "demo-[12]"}},
                {"campaign": {"glob": "demo-?", "not": "demo-1"}},
                {"rating": {"gte": 3, "lt": 8}},
                {"rating": {"not": {"lte": 4}}},
                {"rating": [1, 2, 3, 10]},
                {"duration_s": {"gt": 30}},
                {"tags": "demo-1"},
                {"tags": {"words": ["newsletter"]}},
                {"returning": True},
                {"rating": 1},
            ]
        ),
    )


def lead_fields() -> st.SearchStrategy[Told]:
    """Conditions on one field of a profile."""
    return st.one_of(
        _texts("title", TITLES),
        _texts("country", ["FR", "DE", "Ελλάδα"]),
        _texts("address.city", ["Lyon", "Köln"]),
        _texts("email.kind", ["work", "free", "disposable", "invalid", "missing"]),
        st.sampled_from(
            [
                {"title": {"words": ["ceo", "dg", "directeur general"]}},
                {"title": {"matches": "^[Cc]"}},
                {"employees": {"gte": 100}},
                {"employees": {"gt": 5, "lte": 250}},
                {"employees": 250},
                {"email.domain": "gmail.com"},
                {"company": {"exists": True}},
            ]
        ),
    )


def conditions(field: st.SearchStrategy[Told]) -> st.SearchStrategy[Told]:
    """One field, or nested lists of them."""

    def nest(inner: st.SearchStrategy[Told]) -> st.SearchStrategy[Told]:
        several = st.lists(inner, min_size=1, max_size=2)
        return st.builds(
            lambda name, ones, more: {name: ones} | more,
            st.sampled_from(["any", "all", "none"]),
            several,
            st.just({}) | field,
        )

    return st.recursive(field, nest, max_leaves=4)


# built once: a strategy made anew for each draw costs more than all that is drawn from it
_WHERE = conditions(where_fields())
_LEAD = conditions(lead_fields())
_TYPE = st.sampled_from(BEHAVIOURS)
_TYPES = _TYPE | st.lists(_TYPE, min_size=1, max_size=3, unique=True)


@st.composite
def criteria(draw: st.DrawFn, number: int, negative: bool) -> Told:
    """One criterion of any kind."""
    points = draw(st.sampled_from([7.5, 10, 20, 40, *([-5, -15, -22.5] if negative else [])]))
    made: Told = {
        "id": f"c-{number}",
        "score": draw(st.sampled_from(["fit", "engagement"])),
        "points": points,
    }
    kind = draw(st.sampled_from(["behaviour", "behaviour", "amount", "repeat", "absent", "explicit"]))
    if kind in ("behaviour", "amount") or (kind != "explicit" and draw(st.booleans())):
        made["event"] = draw(_TYPES)
        if draw(st.integers(0, 3)) == 0:
            made["where"] = draw(_WHERE)
    if kind in ("behaviour", "amount", "repeat") and draw(st.booleans()):
        made["half_life"] = draw(st.sampled_from(HALF_LIVES))
    if kind in ("behaviour", "amount") and draw(st.booleans()):
        made["max"] = draw(st.sampled_from([10, 30, 47.5])) * (1 if points > 0 else -1)
    if kind == "amount":
        made["per"] = draw(st.sampled_from([{"duration_s": 60}, {"rating": 2}]))
    if kind == "repeat":
        made["repeat"] = {"at_least": draw(st.integers(2, 4)), "within": draw(st.sampled_from(SPANS))}
        if draw(st.booleans()):
            made["repeat"]["distinct"] = draw(st.sampled_from(["event", "day"]))
    if kind == "absent":
        made["absent"] = {"for": draw(st.sampled_from(SPANS))}
    if draw(st.integers(0, 3 if kind != "explicit" else 0)) == 0:
        made["lead"] = draw(_LEAD)
    return made


_OPTIONAL = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]),
        "half_life": st.sampled_from(HALF_LIVES),
        "hysteresis": st.sampled_from([2, 5]),
    },
)


@st.composite
def grids(draw: st.DrawFn, most: int = 6) -> Told:
    """A grid; bounds are odd numbers where minus points might make a score rest exactly on a round one."""
    negative = draw(st.booleans())
    odd = 0.3717 if negative else 0
    bounds = draw(st.lists(st.integers(2, 40), min_size=1, max_size=3, unique=True))
    tiers: list[Told] = [{"id": "cold"}]
    for name, bound in zip(["warm", "hot", "boiling"], sorted(bounds), strict=False):
        tier: Told = {"id": name, "from": bound + odd}
        if draw(st.booleans()):
            tier["from"] = bound / 8 + odd  # else what is required of one dimension would seldom decide
            tier["requires"] = {draw(st.sampled_from(["fit", "engagement"])): draw(st.integers(1, 20)) + odd}
        tiers.append(tier)
    made: Told = {
        "grid": "generated",
        "version": draw(st.integers(1, 9)),
        "scores": {"fit": {"min": -50, "max": 60}, "engagement": {"min": 0, "max": 100}},
        "criteria": [draw(criteria(number, negative)) for number in range(draw(st.integers(2, most)))],
        "tiers": tiers,
    }
    return made | draw(_OPTIONAL)


@st.composite
def watching(draw: st.DrawFn, gains: bool = True) -> Told:
    """A grid with plays of every kind that watches more than tiers."""
    grid = draw(grids())
    if draw(st.booleans()):
        again = {"at_least": 2, "within": draw(st.sampled_from(SPANS))}
        grid["criteria"].append(
            {"id": "again", "score": "fit", "points": 7.5, "event": BEHAVIOURS, "repeat": again}
        )
    names = [one["id"] for one in grid["criteria"] for _ in range(3 if "repeat" in one else 1)]
    bound = st.integers(1, 40).map(lambda whole: whole + 0.3717)
    plays: list[Told] = []
    for number in range(draw(st.integers(1, 4))):
        when = draw(
            st.one_of(
                st.builds(lambda to: {"score": {"rises_to": to}}, bound),
                st.builds(lambda to: {"score": {"falls_below": to}}, bound),
                st.builds(lambda to: {"score": {"rises_to": to, "of": "engagement"}}, bound),
                st.builds(lambda to: {"score": {"falls_below": -to / 2, "of": "fit"}}, bound),
                st.sampled_from(names).map(lambda name: {"happens": name}),
                st.builds(
                    lambda points, span: {"gains": points, "within": span},
                    st.sampled_from([7.3717, 15.3717, 30.3717]),
                    st.sampled_from(["6h", "1d", "7d", "30d"]),
                )
                if gains
                else st.nothing(),
            )
        )
        play = {"id": f"p-{number}", "when": when, "do": [{"alert": "sales"}]}
        if draw(st.integers(0, 3)) == 0:
            play["cooldown"] = draw(st.sampled_from(["1h", "3d"]))
        plays.append(play)
    return grid | {"plays": plays}


def text(grid: Told) -> str:
    """The grid as a file's text: JSON is YAML."""
    return json.dumps(grid, ensure_ascii=False, indent=1)
