"""Sequences through a real mail server: what arrives, when, and what keeps it from being sent."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from connectors.ingest.link_tokens import LinkKeys
from connectors.mail.errors import LaterError
from connectors.nurture.letter import Letter
from scorer.times import DAY, format_time
from tests.nurture_world import (
    LINK_KEY,
    MONDAY,
    PLAN,
    MailServer,
    World,
    alert,
    event,
    gone,
    lift,
    mail_server,
    plan,
    score,
    world,
)

START = [{"nurture": "keep-warm"}]
KEYS = LinkKeys([LINK_KEY])
SAME = {"email": "u-1@u-1.example"}


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest.fixture
async def here(server: MailServer) -> AsyncIterator[World]:
    carrier = server.carrier()
    yield world(plan(), carrier)
    await carrier.close()


def _subjects(server: MailServer, lead: str = "u-1") -> list[str]:
    return [str(one["Subject"]) for one in server.inbox.to(f"{lead}@{lead}.example")]


async def test_a_sequence_is_sent_with_what_mail_programs_want(here: World, server: MailServer) -> None:
    await here.take(alert("u-1", MONDAY, START, traits={"email": "u-1@u-1.example", "first_name": "Ada"}))
    [mail] = server.inbox.to("u-1@u-1.example")
    assert mail["Subject"] == "Bonjour Ada"
    assert mail["From"] == "Claire <claire@acme.example>"
    assert mail["Reply-To"] == "sales@acme.example"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [sent] = here.row("u-1").sent
    assert mail["Message-ID"] == f"<{sent.message}@acme.example>"
    assert b"\r\nList-Unsubscribe: <https://go.acme.example/m/u/" in b"\r\n" + server.inbox.raw[0]
    leave = re.fullmatch(r"<https://go\.acme\.example/m/u/(\S+)>", mail["List-Unsubscribe"])
    assert leave is not None
    link = KEYS.read("leave", leave[1])
    assert link is not None
    assert (link.lead, link.campaign, link.about) == ("u-1", "keep-warm/hello", "hash:u-1@u-1.example")
    text = mail.get_body(("plain",))
    page = mail.get_body(("html",))
    assert text is not None
    assert page is not None
    click = re.search(r"ici : https://go\.acme\.example/c/(\S+)", text.get_content())
    assert click is not None
    target = KEYS.read("click", click[1])
    assert target is not None
    assert (target.to, target.message, target.sent) == ("https://acme.example/a?x=1", sent.message, MONDAY)
    assert f'href="https://go.acme.example/c/{click[1]}"' in page.get_content()
    assert "/o/" not in page.get_content()  # nobody consented to that
    [delivered] = here.published.of("email_delivered")
    assert (delivered["campaign"], delivered["message_id"]) == ("keep-warm/hello", sent.message)


async def test_the_walk_waits_branches_and_ends(here: World, server: MailServer) -> None:
    for lead in ("u-1", "u-2"):
        await here.take(alert(lead, MONDAY, START))
    [sent] = here.row("u-1").sent
    await here.take(event("email_click", "u-1", MONDAY + 60_000_000, message_id=sent.message))
    await here.until(MONDAY + 28 * DAY)
    assert _subjects(server, "u-1") == ["Bonjour", "Guide", "Bonjour"]
    assert _subjects(server, "u-2") == ["Bonjour", "Au revoir", "Bonjour"]
    row = here.row("u-1")
    assert [format_time(one.at) for one in row.sent] == [
        "2026-11-02T09:00:00Z",
        "2026-11-05T09:00:00Z",
        "2026-11-16T08:00:00Z",  # ten days later was a Sunday
    ]
    assert row.place is None
    assert row.runs["keep-warm"].why == "end"


async def test_a_robots_click_and_one_taken_back_do_not_count(here: World) -> None:
    await here.take(alert("u-1", MONDAY, START))
    [sent] = here.row("u-1").sent
    click = event("email_click", "u-1", MONDAY, "e-1", message_id=sent.message)
    await here.take(click)
    await here.take(click)
    assert len(here.row("u-1").sent[0].clicked) == 1
    retract = event("retract", "u-1", MONDAY, "r-1", event=json.loads(click.value or b""))
    await here.take(retract)
    assert here.row("u-1").sent[0].clicked == []


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (lambda at: score("u-1", at, tier="hot"), "tier hot"),
        (lambda at: event("unsubscribe", "u-1", at), "unsubscribed"),
        (lambda at: event("email_complaint", "u-1", at), "complained"),
        (lambda at: event("email_bounce", "u-1", at, bounce="hard"), "bounced"),
        (lambda at: event("outcome", "u-1", at, outcome="accepted"), "taken by sales"),
        (lambda at: alert("u-1", at, [{"assign": "round-robin"}]), "taken by sales"),
        (lambda at: event("demo_requested", "u-1", at), "demo_requested"),
        (lambda at: alert("u-1", at, [{"nurture": {"stop": "all"}}]), "stopped"),
        (lambda at: alert("u-1", at, START, withdrawn=f"alert-u-1-{MONDAY}"), "withdrawn"),
    ],
    ids=[
        "hot",
        "unsubscribed",
        "complained",
        "bounced",
        "accepted",
        "assigned",
        "event",
        "stop",
        "withdrawn",
    ],
)
async def test_what_ends_a_sequence(here: World, server: MailServer, record: object, why: str) -> None:
    await here.take(alert("u-1", MONDAY, START))
    assert callable(record)
    await here.take(record(MONDAY + DAY))
    assert here.row("u-1").runs["keep-warm"].why == why
    await here.until(MONDAY + 28 * DAY)
    assert _subjects(server) == ["Bonjour"]


async def test_a_soft_bounce_ends_nothing(here: World, server: MailServer) -> None:
    await here.take(alert("u-1", MONDAY, START))
    await here.take(event("email_bounce", "u-1", MONDAY + DAY, bounce="soft"))
    await here.until(MONDAY + 28 * DAY)
    assert len(_subjects(server)) == 3


async def test_who_unsubscribed_stays_away_under_every_lead_and_after_an_erasure(
    here: World, server: MailServer
) -> None:
    await here.take(alert("u-1", MONDAY, START))
    leaves = event("unsubscribe", "u-1", MONDAY + DAY, address_hash=here.addresses.hash_of("old@u-1.example"))
    await here.take(leaves)
    del here.table.held[0]["u-1"]
    here.work.forgot(0, ["u-1"])
    same = {"email": "U-1@u-1.example"}
    await here.take(alert("u-9", MONDAY + 2 * DAY, START, traits=same))
    await here.take(alert("u-8", MONDAY + 2 * DAY, START, traits={"email": "old@u-1.example"}))
    await here.until(MONDAY + 28 * DAY)
    assert len(server.inbox.mails) == 1
    assert all(here.work.lead_of(key, b"") == "" for key in here.table.held[0] if key.startswith("\0"))


async def test_a_lifted_suppression_lets_the_next_play_write_to_the_lead_and_the_address(
    here: World, server: MailServer
) -> None:
    hashed = here.addresses.hash_of("u-1@u-1.example")
    await here.take(score("u-1", MONDAY), alert("u-1", MONDAY, START))
    await here.take(event("unsubscribe", "u-1", MONDAY))
    await here.take(alert("u-9", MONDAY, START, traits=SAME))
    await here.take(lift("u-1", MONDAY, "unsubscribed", hashes=(hashed,)))
    assert hashed not in str(here.table.held)
    await here.until(MONDAY + 28 * DAY)
    assert _subjects(server) == ["Bonjour"]
    later = MONDAY + 98 * DAY
    await here.until(later)
    await here.take(alert("u-1", later, START), alert("u-9", later, START, traits=SAME))
    assert _subjects(server) == ["Bonjour", "Bonjour", "Bonjour"]
    await here.take(event("unsubscribe", "u-1", later))
    await here.until(later + 28 * DAY)
    assert len(server.inbox.mails) == 3


@pytest.mark.parametrize(
    "order",
    [
        lambda hashed: lift("u-1", MONDAY, "unsubscribed", "complained", hashes=(hashed,), order=False),
        lambda hashed: lift("u-1", MONDAY, "bounced", "unsubscribed", hashes=(hashed,)),
        lambda hashed: event("email_allowed", "u-1", MONDAY, by="claire"),
    ],
    ids=["over-http", "not-of-complaints", "broken"],
)
async def test_what_does_not_lift_a_complaint(here: World, server: MailServer, order: object) -> None:
    await here.take(alert("u-1", MONDAY, START))
    await here.take(event("email_bounce", "u-1", MONDAY, bounce="hard"))
    await here.take(event("email_complaint", "u-1", MONDAY))
    assert callable(order)
    await here.take(order(here.addresses.hash_of("u-1@u-1.example")))
    await here.take(alert("u-9", MONDAY, START, traits=SAME))
    await here.until(MONDAY + 98 * DAY)
    await here.take(
        alert("u-1", MONDAY + 98 * DAY, START), alert("u-9", MONDAY + 98 * DAY, START, traits=SAME)
    )
    assert len(server.inbox.mails) == 1
    assert here.row("u-1").suppressed == "complained"


async def test_of_an_erased_lead_nothing_is_kept_but_that_an_old_mails_address_wants_no_more(
    here: World,
) -> None:
    here.erased.add("u-1")
    old = here.addresses.hash_of("u-1@u-1.example")
    await here.take(
        alert("u-1", MONDAY, START),
        event("survey_answered", "u-1", MONDAY, rating=9, message_id="m"),
        event("unsubscribe", "u-1", MONDAY, address_hash=old),
    )
    assert here.published.events == []
    [key] = here.table.held[0]
    assert key.endswith(old)


@pytest.mark.parametrize(
    ("traits", "why"),
    [
        ({"email": "u-1@u-1.example", "consent.email": False}, "consent refused"),
        ({"email": "u-1@u-1.example", "consent.marketing": False}, "consent refused"),
        ({"email": "ada@gmail.com"}, "no consent"),
        ({"email": "info@u-1.example"}, "address of a role"),
        ({"email": "no address"}, "no usable address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "no usable address"),
        ({}, "no usable address"),
    ],
    ids=["email", "marketing", "free", "role", "none", "injected", "missing"],
)
async def test_who_is_not_written_to(
    here: World, server: MailServer, traits: dict[str, object], why: str
) -> None:
    assert here.plan.sequences["keep-warm"].consent == "private"
    await here.take(alert("u-1", MONDAY, START, traits=traits))
    await here.until(MONDAY + 28 * DAY)
    assert server.inbox.mails == []


async def test_consent_given_lets_a_private_address_in(here: World, server: MailServer) -> None:
    await here.take(alert("u-1", MONDAY, START, traits={"email": "ada@gmail.com", "consent.email": True}))
    [mail] = server.inbox.to("ada@gmail.com")
    page = mail.get_body(("html",))
    assert page is not None
    assert "/o/" in page.get_content()


async def test_at_most_two_a_week_whatever_the_sequence(here: World, server: MailServer) -> None:
    await here.take(alert("u-1", MONDAY, [{"nurture": "cases"}]))
    await here.until(MONDAY + 2 * DAY)
    await here.take(alert("u-1", MONDAY + 2 * DAY, [{"nurture": "urgent"}], name="second"))
    await here.until(MONDAY + 28 * DAY)
    times = [one.at for one in here.row("u-1").sent]
    assert [one - MONDAY for one in times] == [0, DAY, 7 * DAY]


async def test_the_more_urgent_sequence_takes_over_and_the_other_one_waits(
    here: World, server: MailServer
) -> None:
    await here.take(alert("u-1", MONDAY, START))
    await here.take(alert("u-1", MONDAY + DAY, [{"nurture": "cases"}], name="waits"))
    assert [one.name for one in here.row("u-1").waiting] == ["cases"]
    await here.take(alert("u-1", MONDAY + DAY, [{"nurture": "urgent"}], name="urgent"))
    await here.until(MONDAY + 28 * DAY)
    row = here.row("u-1")
    assert row.runs["keep-warm"].why == "moved to urgent"
    assert [one.campaign for one in row.sent] == ["keep-warm", "urgent", "cases", "cases"]


async def test_again_only_after_a_while_and_the_same_alert_never(here: World, server: MailServer) -> None:
    first = alert("u-1", MONDAY, START)
    await here.take(first)
    await here.until(MONDAY + 20 * DAY)
    assert here.row("u-1").place is None
    await here.take(first, alert("u-1", MONDAY + 20 * DAY, START, name="soon"))
    assert len(here.row("u-1").sent) == 3
    here.clock.now = type(here.clock.now)(MONDAY + 140 * DAY)
    await here.take(first, alert("u-1", MONDAY + 140 * DAY, START, name="later"))
    row = here.row("u-1")
    assert row.place is not None
    assert row.place.run == 2
    assert len({one.message for one in row.sent}) == 4


async def test_what_the_server_answers_decides(here: World, server: MailServer) -> None:
    answers = server.inbox.answers
    answers["u-1@u-1.example"] = "550 5.1.1 no such user u-1@u-1.example"
    answers["u-2@u-2.example"] = "451 4.7.1 greylisted"
    answers["u-3@u-3.example"] = "550 5.7.1 policy"
    for lead in ("u-1", "u-2", "u-3"):
        await here.take(alert(lead, MONDAY, START))
    assert here.row("u-1").suppressed == "bounced"
    [bounce] = here.published.of("email_bounce")
    assert (bounce["lead_id"], bounce["bounce"]) == ("u-1", "hard")
    trying = here.row("u-2").outgoing
    assert trying is not None
    assert trying.attempts == 1
    assert 60_000_000 <= trying.due - MONDAY <= 75_000_000
    assert here.row("u-3").sent[0].fate == "refused"
    assert not here.row("u-3").suppressed
    del answers["u-2@u-2.example"]
    await here.until(MONDAY + DAY // 24)
    [mail] = server.inbox.to("u-2@u-2.example")
    assert mail["Message-ID"] == f"<{trying.message}@acme.example>"
    assert mail["Date"].datetime.timestamp() * 1e6 == MONDAY


async def test_a_server_that_is_away_costs_no_mail_for_two_days(server: MailServer) -> None:
    from connectors.mail.smtp import SmtpAccess, SmtpCarrier
    from deploy.ports import free_ports

    here = world(plan(), SmtpCarrier(SmtpAccess("127.0.0.1", free_ports(1)[0], "none")))
    await here.take(alert("u-1", MONDAY, START))
    await here.until(MONDAY + DAY // 2)
    assert here.row("u-1").outgoing is not None
    await here.until(MONDAY + 4 * DAY)
    assert here.row("u-1").sent[0].fate == "failed"


async def test_while_the_server_is_away_one_mail_is_tried_now_and_then() -> None:
    class Away:
        tried = 0
        away = True

        async def send(self, letter: Letter) -> None:
            self.tried += 1
            if self.away:
                raise LaterError("nobody answers", for_all=True)

        async def close(self) -> None:
            """Nothing to hang up."""

    carrier = Away()
    here = world(plan(), carrier)
    await here.work.take(0, [alert(f"u-{number}", MONDAY, START) for number in range(200)])
    await here.until(MONDAY + DAY // 24)
    assert carrier.tried < 64 + 30  # those that were under way, then one after each rest
    carrier.away = False
    await here.until(MONDAY + DAY // 12)
    assert sum(len(here.row(f"u-{number}").sent) for number in range(200)) == 200


async def test_a_file_that_has_changed_ends_what_it_no_longer_has(server: MailServer) -> None:
    carrier = server.carrier()
    here = world(plan(), carrier)
    await here.take(alert("u-1", MONDAY, START))
    other = PLAN.replace("{clicked: hello}", "{tier: warm}").replace("- mail: hello\n", "- mail: nps\n", 1)
    changed = world(plan(other), carrier)
    changed.table.held = here.table.held
    await changed.work.gained(0)
    await changed.until(MONDAY + 28 * DAY)
    assert changed.row("u-1").runs["keep-warm"].why == "the file has changed"
    assert _subjects(server) == ["Bonjour"]
    await carrier.close()


async def test_what_was_not_begun_in_time_does_not_begin(here: World, server: MailServer) -> None:
    late = alert("u-1", MONDAY - DAY, START, expires=format_time(MONDAY - DAY // 2))
    await here.take(late)
    assert server.inbox.mails == []


async def test_a_row_goes_over_to_the_lead_that_its_id_became(here: World, server: MailServer) -> None:
    traits = {"email": "ada@acme.example"}
    await here.take(alert("a-1", MONDAY, START, traits=traits))
    await here.take(score("u-1", MONDAY + DAY, traits=traits, identities=("a-1",)), gone("a-1", MONDAY + DAY))
    old = here.row("a-1")
    assert old.merged
    here.addresses.merged["a-1"] = old  # as the topic's follower tells
    await here.settle()
    new = here.row("u-1")
    assert new.adopted == ["a-1"]
    here.addresses.adopted.add("a-1")
    await here.until(MONDAY + 28 * DAY)
    assert "a-1" not in here.table.held[0]
    assert [str(one["Subject"]) for one in server.inbox.to("ada@acme.example")] == [
        "Bonjour",
        "Au revoir",
        "Bonjour",
    ]


async def test_a_survey_is_asked_answered_and_becomes_an_nps(here: World, server: MailServer) -> None:
    await here.take(score("u-1", MONDAY, "hot", 80.0))
    await here.take(event("project_delivered", "u-1", MONDAY))
    await here.until(MONDAY + 3 * DAY)
    [mail] = server.inbox.to("u-1@u-1.example")
    text = mail.get_body(("plain",))
    assert text is not None
    answers = re.findall(r"(\d+) : https://go\.acme\.example/m/n/(\S+)\?r=(\d+)", text.get_content())
    assert [(one, asked) for one, _, asked in answers] == [(str(n), str(n)) for n in range(11)]
    link = KEYS.read("answer", answers[9][1])
    assert link is not None
    assert link.campaign == "delivery"
    await here.take(score("u-1", MONDAY + 4 * DAY, "warm", 60.0))
    told = {"survey": "delivery", "message_id": link.message, "rating": 3, "comment": "lent"}
    rated = event("survey_answered", "u-1", MONDAY + 4 * DAY, **told)
    await here.take(rated)
    await here.take(rated)
    nps, again = here.published.of("nps")  # read twice, it is told twice, under the same id
    assert again == nps
    assert {name: nps[name] for name in ("rating", "survey", "comment", "score", "tier")} == {
        "rating": 3, "survey": "delivery", "comment": "lent", "score": 60.0, "tier": "warm"
    }  # fmt: skip
    assert (nps["score_sent"], nps["tier_sent"]) == (80.0, "hot")


async def test_one_survey_in_ninety_days(here: World, server: MailServer) -> None:
    await here.take(score("u-1", MONDAY))
    for number, days in enumerate((0, 20, 100)):
        at = MONDAY + days * DAY
        await here.until(at)
        await here.take(event("project_delivered", "u-1", at, f"e-{number}"))
    await here.until(MONDAY + 120 * DAY)
    assert _subjects(server) == ["Une note", "Une note"]
