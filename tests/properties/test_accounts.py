"""Accounts follow from their leads: at any moment, in any order, with leads that move, and over any crash."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.account_book import MARK, SETTLES, Book
from scorer.account_member import MemberReader
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.roll_up import Member, Scale
from scorer.times import DAY, SECOND, format_time
from tests.properties.effort import examples

_T0 = 1_790_000_000_000_000
_LEADS = 6
_ACCOUNTS = ("acme.fr", "globex.fr", None)
_PARTS = 2


def _grid(accounts: str) -> Plan:
    return Plan(
        parse_grid(
            f"""
grid: accounts
version: 1
scores: {{fit: {{min: -20, max: 40}}, engagement: {{min: -50, max: 100}}}}
criteria:
  - {{id: boss, score: fit, points: 10, lead: {{title: CEO}}}}
  - {{id: visit, score: engagement, points: 10, event: page_view, half_life: 7d, max: 60}}
  - {{id: leave, score: engagement, points: -10, event: unsubscribe, half_life: 1d}}
  - {{id: again, score: engagement, points: 15, event: page_view,
      repeat: {{at_least: 2, within: 3d}}}}
  - {{id: silent, score: engagement, points: -5, absent: {{for: 2d}}}}
tiers: [{{id: cold}}, {{id: warm, from: 20}}, {{id: hot, from: 50}}]
{accounts}
plays:
  - {{id: account-hot, when: {{account: {{enters: hot}}}}, do: [{{alert: sales}}]}}
  - {{id: account-left, when: {{account: {{leaves: hot}}}}, do: [{{alert: sales}}]}}
  - {{id: account-stays, when: {{account: {{stays: hot, for: 4d}}}}, do: [{{alert: sales}}]}}
""",
            "grid.yml",
        )
    )


_PLANS = [
    _grid(""),
    _grid("accounts: {tiers: [{id: cold}, {id: warm, from: 30}, {id: hot, from: 60}], hysteresis: 3}"),
    _grid(
        "accounts: {roll_up: sum, of: 3, cap_per_lead: 40, tiers: [{id: cold}, {id: warm, from: 30}, "
        "{id: hot, from: 60}], hysteresis: 3}"
    ),
    _grid("accounts: {roll_up: avg, leads_from: warm, tiers: [{id: cold}, {id: hot, from: 35}]}"),
    _grid("accounts: {roll_up: min, tiers: [{id: cold}, {id: hot, from: 15}]}"),
]
plans = st.sampled_from(_PLANS)


@dataclass(frozen=True)
class _Said:
    """A score record of the topic, or the deletion of one."""

    lead: str
    moment: int
    value: bytes | None
    place: tuple[int, int] = (0, 0)


_points = st.floats(0.5, 80)
_amounts = st.fixed_dictionaries(
    {},
    optional={
        "boss": st.just(10.0),
        "visit": _points,
        "leave": _points.map(lambda points: -points),
        "again": st.floats(1, 15),
        "silent": st.just(-5.0),
    },
)


def _record(lead: str, account: str | None, tier: str, moment: int, amounts: dict[str, float]) -> bytes:
    at = format_time(moment)
    fading: list[list[Any]] = []
    for name, half_life in (("visit", 7 * 86_400), ("leave", 86_400), ("again", None)):
        if name in amounts:
            until = format_time(moment + 2 * DAY) if name == "again" else None
            fading.append([name, amounts[name], half_life, at, until])
    pending = [["silent", -5.0, format_time(moment + DAY)]] if "silent" in amounts else []
    held = {name: points for name, points in amounts.items() if name != "silent"}
    traits = {"email": f"{lead}@{account}", "company": "Acme"} if account else {}
    record = {"lead_id": lead, "as_of": at, "tier": tier, "contributions": held, "fading": fading}
    return json.dumps(record | {"pending": pending, "traits": traits}).encode()


@st.composite
def _logs(draw: st.DrawFn, most: int = 16) -> list[_Said]:
    moment, ends, log = _T0, [0] * _PARTS, []
    for _ in range(draw(st.integers(1, most))):
        moment += draw(st.sampled_from((0, SECOND, 50 * SECOND, 3_600 * SECOND, DAY, 5 * DAY)))
        number = draw(st.integers(0, _LEADS - 1))
        lead, part = f"u-{number}", number % _PARTS
        value = None
        if draw(st.integers(0, 4)):
            tier = draw(st.sampled_from(("cold", "warm", "hot")))
            value = _record(lead, draw(st.sampled_from(_ACCOUNTS)), tier, moment, draw(_amounts))
        log.append(_Said(lead, moment, value, (part, ends[part])))
        ends[part] += 1
    return log


def _naive(plan: Plan, log: Sequence[_Said], moment: int) -> dict[str, tuple[float, int]]:
    """Score and count of each account, from the last record of every lead."""
    reader, rules = Reader(plan), plan.grid.accounts
    last = {said.lead: said.value for said in log}
    members: dict[str, list[dict[str, Any]]] = {}
    for value in last.values():
        record = json.loads(value) if value else {}
        if record.get("traits"):
            members.setdefault(record["traits"]["email"].split("@")[1], []).append(record)
    found = {}
    for account, records in members.items():
        order = ("cold", "warm", "hot")
        counting = [
            one for one in records if order.index(one["tier"]) >= order.index(rules.least_tier or "cold")
        ]
        scores = sorted((reader.score(one, moment) for one in counting), reverse=True)[: rules.of]
        scores = [min(one, rules.cap or 1e9) for one in scores] or [0.0]
        total = {"max": max(scores), "min": min(scores), "sum": sum(scores), "avg": sum(scores) / len(scores)}
        found[account] = total[rules.way], len(records)
    return found


@dataclass
class _Topic:
    """What a keeper of accounts wrote and told, over all its lives."""

    plan: Plan
    rows: dict[str, bytes] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)

    def take(self, book: Book, said: _Said, *, erased: bool = False) -> None:
        """Lets a book take a record."""
        found = None if said.value is None else MemberReader(self.plan).read(said.lead, said.value)
        book.take(said.place, said.lead, found[:2] if found else None, said.moment, erased=erased)
        self.reached[said.place[0]] = said.place[1] + 1

    def open(self, before: Sequence[_Said]) -> Book:
        """A book that has read all that there is."""
        book = Book(self.plan, self.rows)
        self.reached = {}
        for said in sorted(before, key=lambda said: said.place[1] >= book.start.get(said.place[0], 0)):
            self.take(book, said)
        book.loaded(self.reached)
        if not self.rows:
            self.write(book)
        return book

    def write(self, book: Book, whole: int = 1_000) -> bool:
        """Writes what changed; only the first rows of it where the keeper is killed meanwhile."""
        changes = list(book.changes(self.reached).items())
        for key, row in changes[:whole]:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        if whole < len(changes):
            return False
        book.written()
        told = book.untold()
        for alert in (alert for alerts in told.values() for alert in alerts):
            assert self.alerts.setdefault(alert["id"], alert) == alert
        for key, row in book.told(told).items():
            assert row is not None
            self.rows[key] = row
        return True

    def shown(self) -> dict[str, Any]:
        """The rows without what only their keeper reads."""
        rows = {key: json.loads(row) for key, row in self.rows.items() if key != MARK}
        return {key: {name: row[name] for name in row if name != "kept"} for key, row in rows.items()}


@examples(100)
@given(plans, _logs())
def test_an_account_is_what_its_leads_make_of_it(plan: Plan, log: list[_Said]) -> None:
    topic = _Topic(plan)
    book = topic.open([])
    for number, said in enumerate(log):
        topic.take(book, said)
        topic.write(book)
        found = _naive(plan, log[: number + 1], said.moment)
        for account, row in topic.shown().items():
            if row["as_of"] == format_time(said.moment):
                total, count = found.get(account, (0.0, 0))
                assert row["score"] == pytest.approx(total)
                assert row["count"] == count == sum(row["tiers"].values())
    book.advance(log[-1].moment + 2 * SETTLES, 1_000)
    topic.write(book)
    assert topic.shown().keys() == _naive(plan, log, log[-1].moment).keys()


@examples(200)
@given(plans, _logs(), st.data())
def test_a_crash_anywhere_changes_nothing(plan: Plan, log: list[_Said], data: st.DataObject) -> None:
    whole, broken = _Topic(plan), _Topic(plan)
    book = whole.open([])
    for said in log:
        whole.take(book, said)
        whole.write(book)
    other = broken.open([])
    for number, said in enumerate(log):
        broken.take(other, said)
        if data.draw(st.booleans()):
            kept = data.draw(st.integers(0, 4))
            if not broken.write(other, kept if kept < 4 else 1_000):
                other = broken.open(log[: number + 1])
    end = log[-1].moment + 30 * DAY
    for topic, each in 2 * [(whole, book), (broken, other)]:  # what is to be told goes before its account
        each.advance(end, 1_000)
        topic.write(each)
    assert broken.alerts == whole.alerts
    told = ("tier", "since", "tiers", "count")
    for account, row in whole.shown().items():
        assert {name: broken.shown()[account][name] for name in told} == {name: row[name] for name in told}
    assert whole.shown().keys() == broken.shown().keys()


@examples(200)
@given(st.sampled_from(_PLANS[1:]), _logs(most=6), st.integers(0, 2))
def test_a_tier_changes_at_the_very_moment(plan: Plan, log: list[_Said], current: int) -> None:
    scale, reader = Scale(plan), MemberReader(plan)
    current = min(current, len(scale.tiers) - 1)
    read = [reader.read(said.lead, said.value) for said in log if said.value]
    members: list[Member] = [found[1] for found in read if found]
    start = log[-1].moment
    end = start + 40 * DAY

    def tier(moment: int) -> int:
        scores = [(one, scale.score_of(one, moment)) for one in members]
        return scale.decide(members, scale.total(scores), current)

    current = tier(start)
    change = scale.next_change(members, current, start, end)
    quiet = scale.quiet_until(members, current, start)
    if change is not None:
        assert quiet <= change.at
        assert tier(change.at) == change.to != current
    last = change.at - 1 if change else end
    assert all(
        tier(start + 1 + (last - start - 1) * part // 100) == current for part in range(101) if last > start
    )


@examples(50)
@given(_logs())
def test_without_bounds_of_its_own_an_account_is_in_its_leads_highest_tier(log: list[_Said]) -> None:
    plan = _PLANS[0]
    topic = _Topic(plan)
    book = topic.open([])
    for said in log:
        topic.take(book, said)
    book.advance(log[-1].moment + 2 * SETTLES, 1_000)
    topic.write(book)
    topic.write(book)  # what is to be told goes before its account
    for row in (row for row in topic.shown().values() if row["count"]):
        assert row["tier"] == max(row["tiers"], key=("cold", "warm", "hot").index)


def test_a_lead_that_comes_again_under_another_id_lets_no_account_down() -> None:
    plan = _PLANS[0]
    topic = _Topic(plan)
    book = topic.open([])
    hot = _record("a-1", "acme.fr", "hot", _T0, {"visit": 60.0})
    for said in (_Said("a-1", _T0, hot), _Said("a-1", _T0 + SECOND, None, (0, 1))):
        topic.take(book, said)
        topic.write(book)
    assert topic.shown()["acme.fr"]["count"] == 0
    moment = _T0 + 2 * SECOND
    known = _record("u-1", "acme.fr", "hot", moment, {"visit": 60.0})
    topic.take(book, _Said("u-1", moment, known, (1, 0)))
    book.advance(moment + 2 * SETTLES, 10)
    topic.write(book)
    assert [one["play"] for one in topic.alerts.values()] == ["account-hot"]
    assert topic.shown()["acme.fr"]["since"] == format_time(_T0)


def test_of_an_erased_lead_nothing_stays() -> None:
    topic = _Topic(_PLANS[0])
    book = topic.open([])
    for number, lead in enumerate(("u-1", "u-2")):
        value = _record(lead, "acme.fr", "warm", _T0, {"visit": 30.0})
        topic.take(book, _Said(lead, _T0, value, (0, number)))
    topic.write(book)
    assert b"u-1" in topic.rows["acme.fr"]
    topic.take(book, _Said("u-1", _T0 + SECOND, None, (0, 2)), erased=True)
    topic.write(book)
    assert b"u-1" not in topic.rows["acme.fr"]
    topic.take(book, _Said("u-2", _T0 + SECOND, None, (0, 3)), erased=True)
    topic.write(book)
    assert topic.rows.keys() == {MARK}


def _hot_since(topic: _Topic, book: Book, moment: int, silent_until: int | None = None) -> None:
    hot = _record("u-1", "acme.fr", "hot", moment, {"visit": 60.0})
    read = MemberReader(topic.plan).read("u-1", hot)
    assert read is not None
    book.take((0, 0), "u-1", read[:2], moment, silent_until=silent_until)
    topic.write(book)


def _told(topic: _Topic) -> list[tuple[str, str]]:
    return [(one["play"], one["at"]) for one in topic.alerts.values()]


@pytest.mark.parametrize("plan", [0, 1], ids=["no-bounds", "bounds"])
def test_a_stay_sets_its_play_off_once_at_its_very_moment(plan: int) -> None:
    topic = _Topic(
        _PLANS[plan] if plan == 0 else _grid("accounts: {tiers: [{id: cold}, {id: hot, from: 1}]}")
    )
    book = topic.open([])
    _hot_since(topic, book, _T0)
    end = _T0 + 4 * DAY
    for now in (end - 1, end + 3 * SECOND, end + DAY):
        book.advance(now, 10)
        topic.write(book)
    assert _told(topic) == [("account-hot", format_time(_T0)), ("account-stays", format_time(end))]
    again = topic.open([_Said("u-1", _T0, _record("u-1", "acme.fr", "hot", _T0, {"visit": 60.0}))])
    again.advance(end + 2 * DAY, 10)
    topic.write(again)
    assert len(topic.alerts) == 2


def test_a_grid_that_asks_for_a_shorter_stay_sets_nothing_off_for_the_past() -> None:
    topic = _Topic(_PLANS[0])
    book = topic.open([])
    _hot_since(topic, book, _T0)
    late = _Said("u-2", _T0 + 3 * DAY, _record("u-2", "globex.fr", "cold", _T0 + 3 * DAY, {}), (1, 0))
    source = json.loads(json.dumps(_PLANS[0].grid.source))
    source["plays"][-1]["when"]["account"]["for"] = "2d"
    topic.plan = Plan(parse_grid(json.dumps(source), "grid.yml"))
    hot = _Said("u-1", _T0, _record("u-1", "acme.fr", "hot", _T0, {"visit": 60.0}))
    book = topic.open([hot, late])
    book.advance(_T0 + 5 * DAY, 10)
    topic.write(book)
    assert [play for play, _ in _told(topic)] == ["account-hot"]


def test_what_history_does_to_an_account_is_told_to_nobody() -> None:
    topic = _Topic(_PLANS[0])
    book = topic.open([])
    _hot_since(topic, book, _T0, silent_until=_T0 + 5 * DAY)
    book.advance(_T0 + 5 * DAY, 10)
    topic.write(book)
    assert topic.shown()["acme.fr"]["tier"] == "hot"
    assert topic.alerts == {}
    assert json.loads(topic.rows["acme.fr"])["kept"]["silent_until"] == _T0 + 5 * DAY
    cold = _Said("u-1", _T0 + 6 * DAY, _record("u-1", "acme.fr", "cold", _T0 + 6 * DAY, {}), (0, 1))
    topic.take(book, cold)
    topic.write(book)
    assert [play for play, _ in _told(topic)] == ["account-left"]


def test_a_lead_that_goes_by_history_cools_its_account_silently() -> None:
    topic = _Topic(_PLANS[0])
    book = topic.open([])
    _hot_since(topic, book, _T0)
    book.take((0, 1), "u-1", None, _T0 + DAY, silent_until=0)
    topic.write(book)
    warm = _record("u-2", "acme.fr", "warm", _T0 + DAY, {"visit": 30.0})
    read = MemberReader(topic.plan).read("u-2", warm)
    assert read is not None
    book.take((1, 0), "u-2", read[:2], _T0 + DAY, silent_until=0)
    book.advance(_T0 + DAY + 2 * SETTLES, 10)
    topic.write(book)
    assert topic.shown()["acme.fr"]["tier"] == "warm"
    assert [play for play, _ in _told(topic)] == ["account-hot"]
