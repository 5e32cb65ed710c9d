"""The sample leads: the same for a seed, within their six weeks, scored as their stories say."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.demo.generator import LEADS, LEFT_ALONE, generate
from deploy.demo.hours import PARIS, TELLS
from deploy.demo.people import RIVALS
from deploy.demo.stories import COOLS_AFTER
from deploy.settings import DEFAULT_GRID
from scorer.email_kind import email_kind
from scorer.event import check
from scorer.files import score_lines, transitions
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.times import SECOND, parse_time

_PLAN = Plan(load_grid(DEFAULT_GRID))
_A_TUESDAY = "2026-11-24T10:00:00Z"
_A_SUNDAY_NIGHT = "2026-11-29T03:00:00Z"
_A_MONDAY_AFTER_HOLIDAYS = "2027-01-04T07:30:00Z"
_AFTER_THE_CLOCKS_CHANGED = "2027-03-29T05:00:00Z"
ENDS = (_A_TUESDAY, _A_SUNDAY_NIGHT, _A_MONDAY_AFTER_HOLIDAYS, _AFTER_THE_CLOCKS_CHANGED)


class Told:
    """The sample leads up to an end, scored."""

    def __init__(self, end: str) -> None:
        self.end = parse_time(end)
        self.played = generate(self.end)
        lines = [
            ("sample", number, json.dumps(event).encode()) for number, (_, event) in enumerate(self.played)
        ]
        self.records = {record["lead_id"]: record for record in score_lines(lines, _PLAN, self.end)}
        self.steps = transitions(lines, _PLAN, self.end)

    def named(self, last_name: str) -> dict[str, Any]:
        [found] = [
            record
            for lead, record in self.records.items()
            if lead < "u-1009" and record["traits"].get("last_name") == last_name
        ]
        return found

    def walk(self, record: dict[str, Any]) -> list[str]:
        return [step["to"] for step in self.steps if step["lead_id"] == record["lead_id"]]


@pytest.fixture(scope="module", params=ENDS)
def told(request: pytest.FixtureRequest) -> Told:
    return Told(request.param)


def test_the_same_seed_and_end_give_the_same_events() -> None:
    end = parse_time(_A_TUESDAY)
    assert generate(end) == generate(end)
    assert generate(end) != generate(end, seed=8)


def test_events_are_right_in_order_of_time_and_within_six_weeks(told: Told) -> None:
    moments = [moment for moment, _ in told.played]
    assert moments == sorted(moments)
    assert told.end - TELLS <= moments[0] and moments[-1] <= told.end
    assert all(check(event).moment == moment for moment, event in told.played)
    ids = [event["id"] for _, event in told.played]
    assert len(set(ids)) == len(ids)


def test_there_are_as_many_leads_as_said_and_events_enough(told: Told) -> None:
    assert len(told.records) == LEADS
    assert 6_000 < len(told.played) < 12_000


def test_one_lead_in_ten_or_so_is_hot_at_some_time_and_most_are_cold(told: Told) -> None:
    tiers = Counter(record["tier"] for record in told.records.values())
    assert 8 <= tiers["hot"] <= 20
    assert 40 <= tiers["warm"] <= 80
    assert tiers["cold"] > LEADS / 2
    assert 25 <= len({step["lead_id"] for step in told.steps if step["to"] == "hot"}) <= 42
    assert sum(step["from"] == "hot" for step in told.steps) >= 10


def test_all_who_work_somewhere_have_work_addresses_that_are_nobodys(told: Told) -> None:
    emails = [event["traits"]["email"] for _, event in told.played if event["type"] == "identify"]
    kinds = Counter(email_kind(email) for email in emails)
    assert set(kinds) == {"work", "free"}
    assert kinds["work"] > kinds["free"]
    assert all(email.endswith(".example") for email in emails if email_kind(email) == "work")
    assert any(email.endswith(RIVALS[0]) for email in emails)


def test_most_is_done_in_working_hours(told: Told) -> None:
    times = [datetime.fromtimestamp(moment / SECOND, UTC).astimezone(PARIS) for moment, _ in told.played]
    at_work = [at for at in times if at.weekday() < 5 and 8 <= at.hour < 19]
    assert len(at_work) > 0.8 * len(times)


def test_what_a_browser_did_before_its_owner_was_known_carries_no_lead_id(told: Told) -> None:
    known = {
        event["anonymous_id"]: moment
        for moment, event in told.played
        if event["type"] == "identify" and "anonymous_id" in event
    }
    assert len(known) > 150
    before = [
        event
        for moment, event in told.played
        if moment < known.get(event.get("anonymous_id"), told.end - TELLS)
    ]
    assert not any("lead_id" in event for event in before)
    assert len({event["anonymous_id"] for event in before}) > 100


def test_the_managing_director_is_hot(told: Told) -> None:
    claire = told.named("Delaunay")
    assert claire["tier"] == "hot"
    assert {"ceo-reads-crm", "demo-mail-again", "pricing-page"} <= claire["contributions"].keys()
    assert claire["traits"]["employees"] == 100


def test_the_visitor_who_came_back_is_hot_from_the_moment_we_know_who_it_is(told: Told) -> None:
    karim = told.named("Benali")
    assert told.walk(karim)[-1] == "hot"
    assert karim["score"] >= 70
    [identified] = [
        moment
        for moment, event in told.played
        if event.get("traits", {}).get("last_name") == "Benali" and event["lead_id"] == karim["lead_id"]
    ]
    assert parse_time(karim["since"]) == identified
    assert len(karim["identities"]) == 2


def test_the_one_left_alone_was_hot_and_cooled(told: Told) -> None:
    guillaume = told.named("Tessier")
    assert guillaume["lead_id"] == LEFT_ALONE
    assert told.walk(guillaume)[-2:] == ["hot", "warm"]
    assert guillaume["score"] + 30 > 70


def test_one_cools_some_minutes_after_the_end_with_no_event_near_it(told: Told) -> None:
    nadia = told.named("Ferhat")
    assert nadia["tier"] == "hot"
    assert nadia["next_tier"]["tier"] == "warm"
    assert abs(parse_time(nadia["next_tier"]["at"]) - told.end - COOLS_AFTER) < 2 * SECOND


def test_the_student_is_cold_all_along(told: Told) -> None:
    mathieu = told.named("Roux")
    assert (mathieu["tier"], told.walk(mathieu)) == ("cold", [])


def test_of_the_colleagues_the_one_who_decides_is_hot(told: Told) -> None:
    helene = told.named("Castaing")
    assert helene["tier"] == "hot"
    colleagues = [
        record["tier"]
        for record in told.records.values()
        if record["traits"].get("company") == helene["traits"]["company"]
    ]
    assert len(colleagues) >= 3


def test_fewer_leads_are_the_stories_and_a_few_others() -> None:
    end = parse_time(_A_TUESDAY)
    leads = {event.get("lead_id") for _, event in generate(end, leads=12)}
    assert LEFT_ALONE in leads
    assert len(leads - {None}) <= 12
