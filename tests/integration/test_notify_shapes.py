"""Mails, Slack, Teams and whoever has a lead: a real SMTP server, receivers with chats' limits."""

import asyncio
import base64
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from connectors.answer_links import AnswerLinks
from connectors.mail.smtp import SmtpAccess
from connectors.notify.channels import parse_channels
from connectors.notify.config import MailAccess
from connectors.office.team import Team, parse_team
from scorer.times import SECOND, Micros
from tests.chat_receiver import chatting
from tests.notify_rig import START, Stage, alert
from tests.nurture_world import mail_server
from tests.unit.test_notify_injection import ATTEMPTS
from tests.webhook_receiver import Receiver, receiving

KEY = "a key of 16 or more"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TEAM = parse_team(
    "people: {claire: {name: Claire Martin, email: claire@acme.example, channel: claire-in}, paul: {}}",
    "t.yml",
)
BOARD = {"board_url": "https://board.example", "link_keys": (KEY,), "language": "en"}
ADA = {"first_name": "Ada", "last_name": "Lovelace", "company": "R&D <Acme>"}
REASONS = [{"criterion": "pricing", "label": {"en": "Pricing page"}, "points": 28.9}]


def channels(text: str) -> Any:
    return parse_channels(text, "channels.yml")


async def test_a_mail_arrives_with_reasons_and_links_by_which_it_is_answered() -> None:
    async with mail_server() as server:
        access = MailAccess(SmtpAccess("127.0.0.1", server.port, "none"), "leads@acme.example")
        names = channels("sales: [{mail: [claire@acme.example, paul@acme.example]}]")
        async with Stage(names, mail=access, **BOARD) as stage:
            await stage.take(alert(1, traits=ADA, reasons=REASONS))
            assert stage.states() == {"alert-1": "delivered delivered"}
        [mail] = server.inbox.to("claire@acme.example")
        assert len(server.inbox.to("paul@acme.example")) == 1
    assert mail["From"] == "LeadHeat <leads@acme.example>"
    assert mail["Subject"] == "Ada Lovelace (R&D <Acme>) is now hot: 73.2 points"
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    assert "+28.9  Pricing page" in plain.get_content()
    assert "R&amp;D &lt;Acme&gt;" in page.get_content()
    tokens = re.findall(r"https://board\.example/answer/([\w-]+)\?say=(\w+)", page.get_content())
    assert [said for _, said in tokens] == ["accepted", "rejected", "wrong"]
    link = AnswerLinks([KEY]).read(tokens[0][0], START)
    assert link is not None
    assert (link.alert, link.lead, link.by) == ("alert-1", "u-1", "sales")


@pytest.mark.parametrize(
    ("answer", "state"),
    [("450 4.2.1 busy", "retrying"), ("550 5.1.1 no such user", "parked"), ("552 5.2.2 full", "parked")],
)
async def test_a_mail_that_is_not_taken_is_tried_again_or_parked_without_the_address(
    answer: str, state: str
) -> None:
    async with mail_server() as server:
        server.inbox.answers["claire@acme.example"] = answer
        access = MailAccess(SmtpAccess("127.0.0.1", server.port, "none"), "leads@acme.example")
        names = channels("sales: [{mail: [claire@acme.example]}]")
        async with Stage(names, mail=access, **BOARD) as stage:
            await stage.take(alert(1))
            [row] = stage.all()
            assert row.state == state
            assert "claire" not in (row.error or "") + row.destination
            if state == "retrying":
                del server.inbox.answers["claire@acme.example"]
                await stage.until(Micros(START + 10 * SECOND))
                assert stage.states() == {"alert-1": "delivered"}
        assert len(server.inbox.mails) == (state == "retrying")


async def test_slack_and_teams_get_their_own_shapes() -> None:
    async with chatting() as chats:
        names = channels(f"sales: [{{slack: '{chats.url('slack')}'}}, {{teams: '{chats.url('teams')}'}}]")
        async with Stage(names, **BOARD) as stage:
            await stage.take(alert(1, traits=ADA, reasons=REASONS))
            assert stage.states() == {"alert-1": "delivered delivered"}
    [message], [card] = chats.slack, chats.teams
    assert message["text"] == "Ada Lovelace (R&amp;D &lt;Acme&gt;) is now hot: 73.2 points"
    assert message["blocks"][1]["fields"][0]["text"] == "+28.9\nPricing page"
    titles = ["See the lead", "I take it", "Not ready", "Wrong"]
    assert [one["text"]["text"] for one in message["blocks"][-1]["elements"]] == titles
    assert [one["title"] for one in card["actions"]] == titles
    assert all(one["url"].startswith("https://board.example/") for one in card["actions"])
    assert card["body"][0]["inlines"][0]["text"].startswith("Ada Lovelace (R&D <Acme>)")


async def test_everything_that_strangers_type_is_taken_by_slack_teams_and_mail() -> None:
    async with chatting() as chats, mail_server() as server:
        access = MailAccess(SmtpAccess("127.0.0.1", server.port, "none"), "leads@acme.example")
        names = channels(
            f"sales: [{{slack: '{chats.url('slack')}'}}, {{teams: '{chats.url('teams')}'}}, "
            "{mail: [claire@acme.example]}]"
        )
        async with Stage(names, mail=access, **BOARD) as stage:
            for number, text in enumerate(ATTEMPTS.values()):
                traits = dict.fromkeys(
                    ("first_name", "last_name", "title", "company", "email", "phone"), text
                )
                await stage.take(alert(number, lead=f"u-{number}", traits=traits))
            assert set(stage.states().values()) == {"delivered delivered delivered"}
        assert len(chats.slack) == len(chats.teams) == len(server.inbox.mails) == len(ATTEMPTS)
        assert {to for to, _ in server.inbox.mails} == {"claire@acme.example"}
        assert all("Bcc" not in mail for _, mail in server.inbox.mails)


@pytest.mark.parametrize(
    ("status", "headers", "state", "after_s"),
    [
        (429, {"retry-after": "120"}, "retrying", 120),
        (500, {}, "retrying", 5),
        (400, {}, "parked", 0),
        (404, {}, "parked", 0),
        (403, {}, "parked", 0),
    ],
)
async def test_what_a_chat_refuses_for_good_is_parked_the_rest_tried_again(
    status: int, headers: dict[str, str], state: str, after_s: int
) -> None:
    async with chatting() as chats:
        chats.answers = [PlainTextResponse("no_service", status, headers)]
        async with Stage(channels(f"sales: [{{slack: '{chats.url('slack')}'}}]"), **BOARD) as stage:
            await stage.take(alert(1))
            [row] = stage.all()
            assert row.state == state
            assert f"Slack answered {status}" in (row.error or "")
            if state == "retrying":
                assert after_s * SECOND <= row.due_at - START <= after_s * 1.1 * SECOND


async def test_an_alert_waits_a_moment_for_whom_its_lead_is_assigned_to() -> None:
    receiver = Receiver(SECRET)
    async with receiving(receiver):
        names = channels(f"sales: [{{webhook: '{receiver.url}', secret: {SECRET}}}]")
        async with Stage(names, team=TEAM, assigned_within_s=30.0, **BOARD) as stage:
            taking = asyncio.create_task(
                stage.take(alert(1, do=[{"alert": "sales"}, {"assign": "round-robin"}]))
            )
            while not stage.all():
                await asyncio.sleep(0)
            stage.assign("paul", "another")
            await asyncio.sleep(0)
            assert receiver.attempts == []
            stage.assign("claire", "alert-1")
            await taking
            await stage.take(alert(2))  # one that assigns nothing is for whoever has the lead
        first, second = (one["data"] for one in receiver.taken)
        claire = {"id": "claire", "name": "Claire Martin", "email": "claire@acme.example"}
        assert first["assigned"] == second["assigned"] == claire
        assert {**first, "assigned": None}.keys() - {"assigned"} == json.loads(alert(1)).keys()


async def test_an_alert_goes_without_a_name_where_the_office_says_nothing() -> None:
    receiver = Receiver(SECRET)
    async with receiving(receiver):
        names = channels(f"sales: [{{webhook: '{receiver.url}', secret: {SECRET}}}]")
        async with Stage(names, team=TEAM, assigned_within_s=0.05, **BOARD) as stage:
            await stage.take(alert(1, do=[{"alert": "sales"}, {"assign": "round-robin"}]))
            stage.now = Micros(stage.now + 60 * SECOND)
            await stage.take(alert(2, lead="u-2", do=[{"alert": "sales"}, {"assign": "round-robin"}]))
        assert [one["data"].get("assigned") for one in receiver.taken] == [None, None]


async def test_the_owners_alert_goes_to_the_owners_channel_once() -> None:
    mine, both = Receiver(SECRET), Receiver(SECRET)
    async with receiving(mine), receiving(both):
        names = channels(
            f"claire-in: [{{webhook: '{mine.url}', secret: {SECRET}}}, "
            f"{{webhook: '{both.url}', secret: {SECRET}}}]\n"
            f"sales: [{{webhook: '{both.url}', secret: {SECRET}}}]"
        )
        async with Stage(names, team=TEAM, **BOARD) as stage:
            stage.assign("claire", "before")
            asked = alert(1, do=[{"alert": "owner"}, {"alert": "sales"}])
            await stage.take(asked, asked)
            await stage.restart()
            await stage.take(asked)
            assert {row.channel: row.state for row in stage.all()} == {
                "owner": "delivered",
                "sales": "delivered",
                "claire-in": "delivered",
            }
            await stage.take(alert(2, withdrawn="alert-1", do=[{"alert": "owner"}, {"alert": "sales"}]))
        assert mine.attempts == both.attempts == ["alert-1", "alert-2"]


@pytest.mark.parametrize(
    ("team", "person", "reason"),
    [
        (TEAM, None, "the lead is assigned to nobody"),
        (TEAM, "paul", "paul has no `channel` in the team file"),
        (TEAM, "claire", "no channel 'claire-in' in the channels file"),
        (parse_team("people: {a: {}}", "t.yml"), "claire", "the lead is assigned to nobody"),
        (Team(), "claire", "no team file says who has leads: set LEADHEAT_TEAM"),
    ],
    ids=["nobody", "no-channel", "unknown-channel", "gone", "no-team"],
)
async def test_an_owners_alert_that_can_go_nowhere_is_parked(
    team: Any, person: str | None, reason: str
) -> None:
    async with Stage(channels("sales: [console]"), team=team, **BOARD) as stage:
        if person:
            stage.assign(person, "before")
        await stage.take(alert(1, to="owner"))
        assert stage.states() == {"alert-1": "parked"}
        assert reason in stage.lot.told[0][2]


async def test_an_erased_leads_assignment_is_forgotten() -> None:
    async with Stage(channels("sales: [console]"), team=TEAM, **BOARD) as stage:
        stage.assign("claire", "before")
        stage.assignments.note(SimpleNamespace(key=b"assigned:u-1", value=None))
        stage.assignments.note(SimpleNamespace(key=b"task:x:call", value=b"no row"))
        stage.assignments.note(SimpleNamespace(key=b"assigned:u-1", value=b"of another version"))
        await stage.take(alert(1, to="owner"))
        assert stage.states() == {"alert-1": "parked"}


async def test_the_schema_of_what_a_webhook_gets_knows_every_field() -> None:
    docs = Path(__file__).parents[2] / "docs" / "schemas" / "lead.alert.json"
    schema = json.loads(docs.read_text(encoding="utf-8"))["properties"]["data"]
    receiver = Receiver(SECRET)
    async with receiving(receiver):
        names = channels(f"flow: [{{webhook: '{receiver.url}', secret: {SECRET}}}]")
        async with Stage(names, team=TEAM, **BOARD) as stage:
            stage.assign("claire", "before")
            await stage.take(alert(1, do=[{"webhook": "flow"}], due=None, when={"enters": "hot"}))
    told = receiver.taken[0]["data"]
    assert set(schema["required"]) <= told.keys() <= schema["properties"].keys()
    assert told["assigned"].keys() == schema["properties"]["assigned"]["properties"].keys()
