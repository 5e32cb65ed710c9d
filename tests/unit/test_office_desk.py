"""Who gets a lead, what is to be done until when, and what answers change."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.office import desk
from connectors.office.assignment import Book, choose
from connectors.office.rows import Assigned, Row, Task, assigned_key, dump, load, task_key
from connectors.office.team import Team, parse_team
from scorer.times import DAY, Micros, parse_time

NOW = parse_time("2026-11-26T09:00:00Z")
TEAM = parse_team(
    """
timezone: Europe/Paris
people:
  claire: {email: claire@acme.fr, capacity: 2}
  paul: {}
  zoé: {away: [{from: 2026-11-20, to: 2026-11-30}]}
teams:
  sales:
    people: [claire, paul, zoé]
    territories: [{lead: {country: be}, people: [paul]}, {lead: {country: ch}, people: [zoé]}]
""",
    "team.yml",
)


def alert(number: int, lead: str = "u-1", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"alert-{number}",
        "play": "call-now",
        "lead_id": lead,
        "at": "2026-11-26T09:00:00Z",
        "do": [{"alert": "sales"}, {"assign": "round-robin"}, {"task": "call"}],
        "traits": {},
        **fields,
    }


def assigned(lead: str, person: str, at: Micros, account: str | None = None) -> Assigned:
    return Assigned(lead, person, "turn", at, "alert", account)


def chosen(how: Any, traits: dict[str, Any], book: Book, team: Team = TEAM) -> tuple[str | None, str]:
    choice = choose(team, how, "u-1", traits, book, NOW)
    return choice.person.id if choice.person else None, choice.why


def test_in_turn_by_who_was_given_nothing_for_longest() -> None:
    book = Book()
    assert chosen("round-robin", {}, book) == ("claire", "turn")
    book.note("a", assigned("a", "claire", Micros(NOW - 2)))
    assert chosen("round-robin", {}, book) == ("paul", "turn")
    book.note("b", assigned("b", "paul", Micros(NOW - 1)))
    assert chosen("round-robin", {}, book) == ("claire", "turn")


def test_who_has_enough_is_passed_over_until_something_is_dealt_with() -> None:
    book = Book()
    for lead in ("a", "b"):
        book.note(lead, assigned(lead, "claire", Micros(NOW - DAY)))
    book.note("c", assigned("c", "paul", NOW))
    assert chosen("sales", {}, book) == ("paul", "turn")
    book.note("a", msgspec.structs.replace(assigned("a", "claire", Micros(NOW - DAY)), open=False))
    assert chosen("sales", {}, book) == ("claire", "turn")


def test_the_lead_and_its_account_stay_with_who_has_them() -> None:
    book = Book()
    book.note("u-2", assigned("u-2", "paul", NOW, "client.fr"))
    assert chosen("round-robin", {"email": "anne@client.fr"}, book) == ("paul", "account")
    book.note("u-1", assigned("u-1", "claire", NOW))
    assert chosen("territory", {"email": "anne@client.fr", "country": "be"}, book) == ("claire", "lead")


@pytest.mark.parametrize(
    ("how", "traits", "right"),
    [
        ("territory", {"country": "be"}, ("paul", "territory")),
        ("territory", {"country": "ch"}, ("claire", "turn")),  # zoé is away
        ("territory", {"country": "fr"}, ("claire", "turn")),
        ({"by": "owner", "team": "sales"}, {"owner": "Claire@acme.fr"}, ("claire", "owner")),
        ("owner", {"owner": "somebody else"}, ("claire", "turn")),
        ("owner", {"owner": "zoé"}, ("claire", "turn")),
        ("paul", {}, ("paul", "turn")),
        ("zoé", {}, (None, "nobody")),
        ("everybody", {}, ("claire", "turn")),
    ],
)
def test_methods(how: Any, traits: dict[str, Any], right: tuple[str | None, str]) -> None:
    assert chosen(how, traits, Book()) == right


@given(st.lists(st.integers(0, 40), max_size=60))
def test_turns_are_fair_and_a_lead_never_changes_hands(leads: list[int]) -> None:
    team = parse_team("people: {a: {}, b: {}, c: {}}", "team.yml")
    book, given_to = Book(), dict[int, str]()
    for step, lead in enumerate(leads):
        now = Micros(NOW + step)
        choice = choose(team, "round-robin", str(lead), {}, book, now)
        assert choice.person is not None
        assert given_to.setdefault(lead, choice.person.id) == choice.person.id
        if choice.why == "turn":
            book.note(str(lead), assigned(str(lead), choice.person.id, now))
    counts = [list(given_to.values()).count(person) for person in "abc"]
    assert max(counts) - min(counts) <= 1


def test_an_alert_makes_rows_once() -> None:
    book = Book()
    rows = desk.alerted(alert(1), {}, TEAM, book, NOW)
    assert rows == {
        assigned_key("u-1"): Assigned("u-1", "claire", "turn", NOW, "alert-1"),
        task_key("alert-1", "call"): Task("u-1", "alert-1", "call", NOW, "claire"),
    }
    assert {key: load(dump(row)) for key, row in rows.items()} == rows
    assert desk.alerted(alert(1), rows, TEAM, book, Micros(NOW + DAY)) == {}


@pytest.mark.parametrize(
    ("told", "what"),
    [("call", "call"), ({"do": "visit"}, "visit"), ({"call": "back"}, "back"), ({"within": "4h"}, "call")],
)
def test_what_a_task_asks_for(told: Any, what: str) -> None:
    (task,) = desk.alerted(alert(1, do=[{"task": told}]), {}, TEAM, Book(), NOW).values()
    assert isinstance(task, Task) and task.what == what


def test_without_a_team_a_task_is_everybodys() -> None:
    rows = desk.alerted(alert(1), {}, Team(), Book(), NOW)
    assert rows == {task_key("alert-1", "call"): Task("u-1", "alert-1", "call", NOW, None)}


def test_a_task_that_nobody_does_is_told_of_once() -> None:
    told = alert(1, due="2026-11-26T10:00:00Z", expires="2026-11-26T12:00:00Z")
    told["do"] = [{"task": {"do": "call", "within": "4h", "escalate": "managers"}}]
    ((key, task),) = desk.alerted(told, {}, TEAM, Book(), NOW).items()
    assert isinstance(task, Task)
    assert task.due == desk.next_moment(task) == parse_time("2026-11-26T14:00:00Z")
    again = desk.escalation(task)
    assert again is not None
    assert again["do"] == [{"alert": "managers"}]
    assert (again["escalates"], again["at"], again["lead_id"]) == ("alert-1", "2026-11-26T14:00:00Z", "u-1")
    assert again["id"] == (desk.escalation(task) or {})["id"] != "alert-1"
    assert {"due", "expires"}.isdisjoint(again)
    after = desk.overdue(task, task.due)
    assert isinstance(after, Task) and after.state == "escalated" and not after.told
    assert desk.answered(_outcome("accepted"), {key: after})[key] == msgspec.structs.replace(
        after, state="done", by="claire"
    )


def _outcome(said: str, **properties: Any) -> dict[str, Any]:
    told = {"outcome": said, "by": "claire", **properties}
    return {"type": "outcome", "lead_id": "u-1", "properties": told}


def test_answers_end_tasks_and_free_people() -> None:
    rows: dict[str, Row] = dict(desk.alerted(alert(1), {}, TEAM, Book(), NOW))
    other = desk.answered(_outcome("accepted", alert_id="alert-2"), rows)
    assert other == {}
    taken = desk.answered(_outcome("accepted", alert_id="alert-1"), rows)
    assert {key: type(row) for key, row in taken.items()} == {task_key("alert-1", "call"): Task}
    lost = desk.answered(_outcome("lost"), rows)
    (gone,) = (row for row in lost.values() if isinstance(row, Assigned))
    assert not gone.open
    assert desk.answered({"type": "outcome", "lead_id": "u-2", "properties": {"outcome": "lost"}}, rows) == {}


def test_an_alert_taken_back_takes_its_task_along() -> None:
    rows = desk.alerted(alert(1), {}, TEAM, Book(), NOW)
    changes = desk.alerted(alert(2, withdrawn="alert-1"), rows, TEAM, Book(), NOW)
    (task,) = changes.values()
    assert isinstance(task, Task) and task.state == "withdrawn"
