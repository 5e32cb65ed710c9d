"""Strategies for small realistic event logs, with ties, copies, lateness and people who become known."""

import json
from datetime import timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.oracle.lines import DAY, EPOCH, SECOND, Line, micros

Told = dict[str, Any]

START = micros("2026-10-12T06:00:00Z")  # two weeks before the clocks change in Paris, three before New York
HOUR = 3_600 * SECOND

LEADS = ["u-1", "u-2", "ü 3"]
VISITORS = ["a-1", "a-2", "a-3"]
URLS = [
    "https://www.acme.fr/tarifs",
    "https://www.acme.fr/tarifs/pro?utm_source=mail&utm_source=ads",
    "https://WWW.acme.fr/int%C3%A9gration-crm?utm_source=",
    "https://blog.acme.fr",
]
TEXTS = ["demo-1", "demo-2", "Démonstration du Cœur", "newsletter"]
TITLES = ["CEO", "Directeur général", "Chef de projet", "directrice, DG", "ceo-office"]
EMAILS = ["ada@acme.fr", "ada@gmail.com", "ada@mailinator.com", "ada@acme.test", "nobody"]
BEHAVIOURS = ["page_view", "page_time", "email_open", "demo_requested"]
HAPPENINGS = ["email_delivered", "email_bounce", "unsubscribe", "nps", "outcome"]
NOBODY = ["null", "Anonymous", "", "0"]


@cache
def times() -> st.SearchStrategy[int]:
    """Moments over six weeks: mostly full hours, so that windows and days end exactly on some."""
    hours = st.integers(0, 42 * 24).map(lambda hour: START + hour * HOUR)
    return hours | st.integers(START, START + 42 * DAY)


@cache
def moments() -> st.SearchStrategy[int]:
    """What may be asked for as `--at`: among the events, or up to a month after the last."""
    hours = st.integers(10 * 24, 72 * 24).map(lambda hour: START + hour * HOUR)
    return hours | st.integers(START, START + 72 * DAY)


@cache
def properties() -> st.SearchStrategy[Told]:
    fields: Told = {
        "url": st.sampled_from(URLS),
        "title": st.sampled_from(TEXTS),
        "campaign": st.sampled_from(TEXTS),
        "duration_s": st.sampled_from([0, 30, 90.5, 600, -5, None, "60"]),
        "rating": st.integers(0, 10),
        "form": st.fixed_dictionaries({"name": st.sampled_from(TEXTS)}),
        "tags": st.lists(st.sampled_from(TEXTS), max_size=2),
        "returning": st.booleans(),
    }
    return st.fixed_dictionaries({}, optional=fields)


@cache
def traits() -> st.SearchStrategy[Told]:
    fields: Told = {
        "title": st.sampled_from(TITLES) | st.none(),
        "employees": st.sampled_from([5, 100, "250", "5000", None]),
        "country": st.sampled_from(["FR", "DE", "Ελλάδα", None]),
        "email": st.sampled_from(EMAILS) | st.none(),
        "company": st.just("Acme"),
        "address": st.fixed_dictionaries({"city": st.sampled_from(["Lyon", "Köln"])}),
    }
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def people(draw: st.DrawFn, kind: str) -> Told:
    """Who an event names."""
    lead, visitor = draw(st.sampled_from(LEADS)), draw(st.sampled_from(VISITORS))
    if kind == "alias":
        return {"lead_id": lead}
    one: Told = draw(
        st.sampled_from(
            [{"lead_id": lead}, {"anonymous_id": visitor}, {"lead_id": lead, "anonymous_id": visitor}]
        )
    )
    if "lead_id" not in one and draw(st.integers(0, 9)) == 0:
        one = one | {"lead_id": draw(st.sampled_from(NOBODY))}
    return one


@st.composite
def written_times(draw: st.DrawFn, moment: int) -> str:
    """One of the ways to write a moment."""
    aware = EPOCH + timedelta(microseconds=moment)
    way = draw(st.sampled_from(["Z", "none", "offset"]))
    if way == "offset":
        return aware.astimezone(timezone(timedelta(hours=2))).isoformat()
    return aware.isoformat().replace("+00:00", "Z" if way == "Z" else "")


@st.composite
def events(draw: st.DrawFn, number: int, pool: list[int], identity: bool) -> Told:
    """One event; the number keeps its id apart from all others."""
    kinds = [*BEHAVIOURS * 4, *HAPPENINGS, "identify", "identify"]
    kind = draw(st.sampled_from([*kinds, "identify", "identify", "alias"] if identity else kinds))
    who = draw(people(kind)) if identity else {"lead_id": draw(st.sampled_from(LEADS))}
    told: Told = {"type": kind, **who, "time": draw(written_times(draw(st.sampled_from(pool))))}
    if draw(st.integers(0, 9)):
        told["id"] = draw(st.sampled_from([f"e{number}", f"{9 - number % 10}x{number}", number]))
    if kind == "identify":
        told["traits"] = draw(traits())
    elif kind == "alias":
        told["properties"] = {"previous_id": draw(st.sampled_from([*LEADS, *LEADS, *VISITORS]))}
    elif kind == "outcome":
        told["properties"] = {"outcome": draw(st.sampled_from(["accepted", "rejected", "won"]))}
    elif kind == "nps":
        told["properties"] = {"rating": draw(st.integers(0, 10))}
    else:
        told["properties"] = draw(properties())
        if draw(st.booleans()):
            told["context"] = {"channel": draw(st.sampled_from(["web", "mail"]))}
    return told


@st.composite
def logs(
    draw: st.DrawFn,
    identity: bool = True,
    copies: bool = True,
    all_ids: bool = False,
    in_order: bool = False,
    most: int = 18,
) -> list[Told]:
    """A log: events out of a few moments, in any order, some of them twice."""
    pool = draw(st.lists(times(), min_size=1, max_size=7, unique=True))
    count = draw(st.integers(1, most) | st.integers(most // 2, most))
    log = [draw(events(number, pool, identity)) for number in range(count)]
    if all_ids or in_order:
        log = [{"id": f"d{number}"} | told for number, told in enumerate(log)]
    if in_order or draw(st.booleans()):
        log.sort(key=lambda told: (micros(told["time"]), str(told.get("id", ""))))
    if copies:
        for told in draw(st.lists(st.sampled_from(log), max_size=3)):
            if "id" in told:  # without one it is another event
                earliest = log.index(told) + 1 if in_order else 0
                log.insert(draw(st.integers(earliest, len(log))), told)
    return log


def lines(log: list[Told], file: str = "log.jsonl") -> list[Line]:
    """The log as lines of a file."""
    return [
        (file, number, json.dumps(told, ensure_ascii=False).encode()) for number, told in enumerate(log, 1)
    ]
