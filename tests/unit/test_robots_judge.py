"""The judge, rule by rule: what weighs enough, what doesn't, and what comes out only later."""

import json
from typing import Any

import pytest

from connectors.ingest.robots.judge import Judge, Judgement
from connectors.ingest.robots.rules import load_rules
from scorer.event import decode
from scorer.times import SECOND, Micros, format_time, parse_time

T0 = parse_time("2026-09-14T07:00:00Z")
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
HEADLESS = CHROME.replace("Chrome/", "HeadlessChrome/")
AZURE, PROOFPOINT, OFFICE = "20.42.65.92", "67.231.152.9", "198.51.100.7"


def told(name: str, kind: str, after: float = 0, link: str = "/a", ip: str = OFFICE, **context: Any) -> bytes:
    event = {
        "id": name,
        "type": kind,
        "lead_id": context.pop("lead", "u-1"),
        "time": format_time(int(T0 + after * SECOND)),
        "properties": {"message_id": "m-1", "link": link},
        "context": {"ip": ip, "user_agent": CHROME} | context,
    }
    return json.dumps(event).encode()


def click(name: str, after: float = 0, **more: Any) -> bytes:
    return told(name, "email_click", after, **more)


def opened(name: str, after: float = 0, **more: Any) -> bytes:
    return told(name, "email_open", after, **more)


def delivered(after: float = 0, **more: Any) -> bytes:
    return told("d", "email_delivered", after, **more)


@pytest.fixture
def judge() -> Judge:
    return Judge(load_rules())


def at(after: float) -> Micros:
    return Micros(int(T0 + after * SECOND))


def reasons(judgement: Judgement, place: int = -1) -> list[str]:
    return list(json.loads(judgement.events[place]).get("context", {}).get("bot_reasons", []))


def taken_back(judgement: Judgement) -> list[str]:
    return [str(event.id) for event, _ in judgement.retractions]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (opened("o", machine_open=True), ["machine-open"]),
        (click("c", machine_open=True), []),
        (click("c", machine_open=True, ip=AZURE), ["machine-click", "cloud-network"]),
        (opened("o", proxy_open=True), []),
        (opened("o", user_agent="Mozilla/5.0"), ["apple-privacy-open"]),
        (click("c", user_agent="Mozilla/5.0"), []),
        (click("c", method="HEAD"), ["head-request"]),
        (click("c", method="GET"), []),
        (click("c", honeypot=True), ["honeypot"]),
        (click("c", user_agent=HEADLESS), ["crawler-agent"]),
        (click("c", user_agent="curl/8.5.0"), ["crawler-agent"]),
        (click("c", user_agent="BarracudaSentinel (EE)"), ["scanner-agent"]),
        (click("c", user_agent=""), []),
        (click("c", user_agent="", ip=AZURE), ["cloud-network", "empty-agent"]),
        (click("c", ip=PROOFPOINT), ["scanner-network"]),
        (opened("o", ip=PROOFPOINT), []),
        (click("c", ip=AZURE), []),
        (told("p", "page_view", user_agent=HEADLESS), ["crawler-agent"]),
        (told("p", "page_view", user_agent="python-requests/2.32.5"), []),
        (told("p", "page_view", ip=AZURE), []),
        (told("f", "form_submit", user_agent=HEADLESS), ["crawler-agent"]),
        (told("u", "unsubscribe", user_agent=HEADLESS), []),
        (told("i", "identify", user_agent=HEADLESS), []),
    ],
)
def test_one_event_alone(judge: Judge, event: bytes, why: list[str]) -> None:
    found = judge.judge([event], at(5))
    assert reasons(found) == why
    assert (found.events == [event]) is (not why)
    assert found.reasons == ([tuple(why)] if why else [])
    assert decode(found.events[0]).by_robot is bool(why)


def test_what_it_marks_is_otherwise_as_it_was(judge: Judge) -> None:
    event = click("c", honeypot=True)
    marked = json.loads(judge.judge([event], at(0)).events[0])
    assert marked["context"].pop("bot") is True
    assert marked["context"].pop("bot_rules") == "standard/1"
    assert marked["context"].pop("bot_reasons") == ["honeypot"]
    assert marked == json.loads(event)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (-61, []),
        (-2, ["before-delivery"]),
        (1.5, ["before-delivery"]),
        (1.6, []),
        (3, []),
        (5.1, []),
    ],
)
def test_how_soon_after_delivery(judge: Judge, after: float, why: list[str]) -> None:
    judge.judge([delivered()], at(0))
    assert reasons(judge.judge([click("c", after)], at(70))) == why


def test_soon_and_from_a_cloud(judge: Judge) -> None:
    judge.judge([delivered()], at(0))
    assert reasons(judge.judge([click("c", 5, ip=AZURE)], at(6))) == ["cloud-network", "soon-after-delivery"]
    assert reasons(judge.judge([click("e", 5.1, ip=AZURE)], at(6))) == []


def test_a_delivery_told_late_takes_the_click_back(judge: Judge) -> None:
    assert reasons(judge.judge([click("c", 1)], at(2))) == []
    found = judge.judge([delivered()], at(30))
    [(original, value)] = found.retractions
    retraction = decode(value)
    assert (retraction.type, retraction.id, retraction.lead_id) == ("retract", "retract-c", "u-1")
    assert retraction.original().id == original.id == "c"
    assert (retraction.properties or {})["bot_reasons"] == ["before-delivery"]
    assert json.loads(value)["properties"]["event"] == json.loads(click("c", 1))
    assert found.reasons == [("before-delivery",)]
    assert judge.judge([delivered()], at(31)).retractions == []


def test_the_first_delivery_counts(judge: Judge) -> None:
    judge.judge([delivered(), delivered(600)], at(600))
    assert reasons(judge.judge([click("c", 600.5)], at(601))) == []


def test_links_one_after_another(judge: Judge) -> None:
    for number in range(4):
        found = judge.judge([click(f"c{number}", 2 * number, link=f"/{number}")], at(2 * number))
        assert (found.retractions, reasons(found)) == ([], [])
    found = judge.judge([click("c4", 8, link="/4")], at(8))
    assert reasons(found) == ["all-links", "burst"]
    assert taken_back(found) == ["c3", "c2", "c1", "c0"]
    assert reasons(judge.judge([click("c5", 30, link="/5")], at(30))) == []


def test_three_links_need_another_sign(judge: Judge) -> None:
    judge.judge([delivered()], at(0))
    events = [click(f"c{number}", 4 + 2 * number, link=f"/{number}") for number in range(3)]
    found = judge.judge(events, at(9))
    assert [reasons(found, place) for place in range(3)] == [["burst", "soon-after-delivery"]] * 3


def test_the_same_link_again_is_no_other(judge: Judge) -> None:
    events = [click(f"c{number}", number) for number in range(6)]
    assert judge.judge(events, at(6)).events == events


def test_three_things_in_a_second(judge: Judge) -> None:
    judge.judge([opened("o", 60), click("c", 60.2)], at(61))
    found = judge.judge([click("e", 61, link="/b")], at(61))
    assert (reasons(found), taken_back(found)) == (["same-second"], ["c", "o"])
    assert reasons(judge.judge([click("f", 62.1, link="/c")], at(63))) == []


def test_a_honeypot_speaks_for_the_clicks_around_it(judge: Judge) -> None:
    judge.judge([click("a", 0), click("b", 41), opened("o", 42)], at(42))
    found = judge.judge([click("trap", 101, honeypot=True)], at(101))
    assert (reasons(found), taken_back(found)) == (["honeypot"], ["b"])
    assert reasons(judge.judge([click("c", 161, link="/c")], at(161))) == ["honeypot"]
    assert reasons(judge.judge([click("d", 162, link="/d")], at(162))) == []


def test_a_honeypot_by_its_address() -> None:
    rules = load_rules()
    honeypot = rules.rules.honeypot.model_copy(update={"links": ("https://*/nothing-*",)})
    judge = Judge(rules.model_copy(update={"rules": rules.rules.model_copy(update={"honeypot": honeypot})}))
    assert reasons(judge.judge([click("c", link="https://x.fr/nothing-here")], at(0))) == ["honeypot"]
    assert reasons(judge.judge([click("e", 90, link="https://x.fr/tarifs")], at(90))) == []


def test_of_a_check_and_its_click_the_persons_stays(judge: Judge) -> None:
    judge.judge([click("check", 600, ip=AZURE)], at(600))
    found = judge.judge([click("person", 600.2)], at(600.2))
    assert (reasons(found), taken_back(found)) == ([], ["check"])


def test_also_where_the_check_comes_second(judge: Judge) -> None:
    judge.judge([click("person", 600)], at(600))
    found = judge.judge([click("check", 600.2, ip=AZURE)], at(600.2))
    assert (reasons(found), taken_back(found)) == (["link-check", "cloud-network"], [])


def test_of_two_clicks_from_nowhere_known_one_stays(judge: Judge) -> None:
    judge.judge([click("a", 600)], at(600))
    found = judge.judge([click("b", 602, ip="198.51.100.8"), click("c", 604.1, ip="192.0.2.1")], at(605))
    assert (reasons(found, 0), reasons(found, 1), taken_back(found)) == ([], [], ["a"])


def test_many_leads_of_one_domain_at_once(judge: Judge) -> None:
    leads = [f"u{number}@acme.example" for number in range(6)]
    for lead in leads:
        judge.judge([delivered(lead=lead)], at(0))
    events = [click(f"c{lead}", 4 + number / 10, lead=lead) for number, lead in enumerate(leads[:5])]
    alone = judge.judge(events[:4], at(5))
    assert alone.reasons == []
    found = judge.judge(events[4:], at(5))
    assert reasons(found) == ["many-leads", "soon-after-delivery"]
    assert len(found.retractions) == 4
    later = [click(f"e{lead}", 600 + number / 10, lead=lead) for number, lead in enumerate(leads)]
    assert judge.judge(later, at(600)).reasons == []


def test_a_head_request_counts_for_nothing_else(judge: Judge) -> None:
    events = [click(f"c{number}", number, link=f"/{number}", method="HEAD") for number in range(4)]
    judge.judge(events, at(4))
    assert reasons(judge.judge([click("c", 4, link="/c")], at(4))) == []


def test_what_comes_together_is_marked_and_not_taken_back(judge: Judge) -> None:
    events = [click(f"c{number}", number, link=f"/{number}") for number in range(5)]
    found = judge.judge(events, at(5))
    assert [reasons(found, place) for place in range(5)] == [["all-links", "burst"]] * 5
    assert found.retractions == []


def test_copies_have_the_verdict_of_the_first_and_count_once(judge: Judge) -> None:
    event = click("c", 3, honeypot=True)
    first = judge.judge([event, event], at(3))
    again = judge.judge([event], at(4))
    assert first.events[0] == first.events[1] == again.events[0]
    assert (len(first.reasons), again.reasons, again.retractions) == (1, [], [])


def test_a_copy_of_what_was_taken_back_is_marked(judge: Judge) -> None:
    judge.judge([click("c", 1)], at(1))
    judge.judge([delivered()], at(2))
    assert reasons(judge.judge([click("c", 1)], at(3))) == ["before-delivery"]


def test_what_the_source_itself_says_stands(judge: Judge) -> None:
    event = click("c", 0, bot=True)
    assert judge.judge([event], at(0)).events == [event]
    assert judge.judge([delivered()], at(1)).retractions == []


def test_events_without_a_time_are_given_the_one_they_count_at(judge: Judge) -> None:
    event = json.loads(click("c"))
    del event["time"]
    ahead = json.loads(click("e")) | {"time": format_time(T0 + 3_600 * SECOND)}
    found = judge.judge([json.dumps(event).encode(), json.dumps(ahead).encode()], at(1))
    assert [json.loads(value)["time"] for value in found.events] == [format_time(at(1))] * 2


def test_the_window_forgets_by_age_and_by_number() -> None:
    rules = load_rules()
    window = rules.window.model_copy(update={"events": 100})
    judge = Judge(rules.model_copy(update={"window": window}))
    judge.judge([click("c", 1)], at(1))
    judge.judge([click(f"o{number}", 500, lead=f"u{number}") for number in range(100)], at(500))
    judge.judge([], at(500))
    assert judge.judge([delivered()], at(500)).retractions == []
    judge.judge([click("e", 600, lead="v")], at(600))
    assert judge.judge([delivered(599, lead="v")], at(1201)).retractions == []
    assert judge.remembered == 1


def test_odd_json_is_marked_as_it_is(judge: Judge) -> None:
    event = click("c", honeypot=True).replace(b'"/a"', b'"/a", "n": 1e400')
    assert b'"n": 1e400' in judge.judge([event], at(0)).events[0]
