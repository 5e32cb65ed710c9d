"""What salespeople read, and to whom it goes."""

import io
import json
from typing import Any

import pytest
from rich.console import Console as Terminal

from connectors.answer_links import AnswerLinks
from connectors.notify.alert import Alert, AlertError
from connectors.notify.channels import Channels, Chat, Console, Owner
from connectors.notify.config import Language
from connectors.notify.console import ConsoleSender
from connectors.notify.message import Message
from connectors.notify.messages import Writer
from connectors.notify.routing import Delivery, route
from connectors.office.team import parse_team
from scorer.times import DAY, Micros, parse_time

CHAT = Chat("json://127.0.0.1")
KEY = "a key of 16 or more"
NOW = parse_time("2026-11-01T09:00:10Z")
TEAM = parse_team("timezone: Europe/Paris\npeople: {claire: {name: Claire Martin}}", "team.yml")


def alert(**fields: Any) -> Alert:
    """An alert as the worker publishes it."""
    told = {
        "id": "f00",
        "play": "call-now",
        "lead_id": "u/42",
        "from": "warm",
        "to": "hot",
        "score": 73.24,
        "at": "2026-11-01T09:00:00Z",
        "reasons": [
            {"criterion": "pricing", "label": {"fr": "Page tarifs", "en": "Pricing page"}, "points": 28.9},
            {"criterion": "silent", "label": {}, "points": -15},
        ],
        "do": [{"alert": "sales"}, {"assign": "round-robin"}, {"task": "call"}],
        "traits": {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "title": "CEO",
            "company": "Acme",
            "employees": 9,
        },
    }
    return Alert.read(json.dumps(told | fields).encode())


def message_of(told: Alert, language: Language, board_url: str | None = None) -> Message:
    """What is said of it without links to answer by."""
    return Writer(language, board_url).write(told)


def test_the_message_says_who_how_much_why_and_what_to_do() -> None:
    french = message_of(alert(), "fr", "https://board.example/")
    assert french.title == "Ada Lovelace, CEO (Acme) passe en chaud : 73,2 points"
    assert french.body.splitlines() == [
        "Pourquoi :",
        "  +28,9  Page tarifs",
        "  −15  silent",
        "À faire : attribution « round-robin », appeler",
        "Effectif : 9",
        "Voir la fiche : https://board.example/leads/u%2F42",
    ]
    english = message_of(alert(), "en", None)
    assert english.title == "Ada Lovelace, CEO (Acme) is now hot: 73.2 points"
    assert english.body.splitlines()[1] == "  +28.9  Pricing page"
    assert english.links == ()


def test_an_accounts_alert_names_the_company_and_its_hottest_leads() -> None:
    leads = [
        {"lead_id": "u/42", "name": "Ada\nLovelace", "score": 73.24, "tier": "hot"},
        {"lead_id": "u-7", "name": None, "score": 31.0, "tier": "warm"},
    ]
    told = alert(account="acme sa", company="Acme SA", leads=leads, reasons=[], score=104.24)
    french = message_of(told, "fr", "https://board.example")
    assert french.title == "Le compte Acme SA passe en chaud : 104,2 points"
    assert "Ada Lovelace 73,2 (chaud), u-7 31 (tiède)" in french.body
    assert "https://board.example/accounts/acme%20sa" in french.body
    nameless = alert(account="acme.fr", leads=leads[:1], reasons=[])
    assert "acme.fr" in message_of(nameless, "en", None).title


def test_a_withdrawn_alert_asks_nothing() -> None:
    told = message_of(alert(withdrawn="f0f", to="warm", **{"from": "hot"}), "en", None)
    assert told.title == "Alert withdrawn: Ada Lovelace, CEO (Acme) is warm, 73.2 points"
    assert told.body == "What set it off was a robot’s doing."
    assert message_of(alert(withdrawn="f0f", to="warm"), "fr", None).title.startswith("Alerte retirée : Ada")


def test_the_message_says_when_the_lead_cools_where_that_is_known() -> None:
    told = alert(next_tier={"tier": "warm", "at": "2026-11-03T14:02:55Z"})
    assert (
        "Ensuite : passera en tiède le 2026-11-03 14:02 UTC, si rien ne se passe"
        in message_of(told, "fr", None).lines
    )
    assert (
        "Next: will be warm on 2026-11-03 14:02 UTC if nothing happens" in message_of(told, "en", None).lines
    )


@pytest.mark.parametrize(
    ("traits", "who"),
    [
        ({}, "u/42"),
        ({"email": "ada@acme.fr", "company": "Acme"}, "ada@acme.fr (Acme)"),
        ({"first_name": "Ada\n\x1b[31m+99 \u202eevil", "company": 7}, "Ada [31m+99 evil"),
        ({"last_name": "x" * 999}, "x" * 199 + "…"),
    ],
)
def test_a_lead_is_named_by_what_is_known_of_it_on_one_line(traits: dict[str, Any], who: str) -> None:
    assert message_of(alert(traits=traits), "en", None).title == f"{who} is now hot: 73.2 points"


def test_a_stay_is_no_change() -> None:
    assert "reste en chaud" in message_of(alert(**{"from": "hot"}), "fr", None).title


@pytest.mark.parametrize(
    ("fields", "french", "english"),
    [
        (
            {"when": {"leaves": "hot"}, "from": "hot", "to": "warm"},
            "n’est plus chaud, mais tiède : 73,2 points",
            "is no longer hot but warm: 73.2 points",
        ),
        ({"when": {"stays": "hot", "for": "14d"}}, "reste en chaud", "is still hot"),
        (
            {"when": {"score": {"rises_to": 60}}},
            "atteint 60 points (73,2 au total)",
            "has reached 60 points (73.2 in all)",
        ),
        (
            {"when": {"score": {"falls_below": 20, "of": "engagement"}}},
            "descend sous 20 points en engagement",
            "has fallen below 20 points of engagement",
        ),
        (
            {"when": {"happens": "detractor", "label": {"fr": "Détracteur", "en": "Detractor"}}},
            "Acme) : Détracteur (73,2 points)",
            "Acme): Detractor (73.2 points)",
        ),
        (
            {"when": {"gains": 20, "within": "1d"}},
            "gagne 20 points en 1 j : 73,2 points",
            "has gained 20 points within 1 d: 73.2 points",
        ),
        (
            {"escalates": "f0e", "task": "call"},
            "Personne n’a appelé Ada Lovelace, CEO (Acme) : c’était à faire avant le 2026-11-01 10:00 CET",
            "Nobody has called Ada Lovelace, CEO (Acme): it was to be done by 2026-11-01 10:00 CET",
        ),
        ({"escalates": "f0e", "task": "demo"}, "« demo » n’est pas fait pour Ada", "“demo” is not done for"),
        (
            {"account": "acme.fr", "company": "Acme SA", "when": {"enters": "hot"}},
            "Le compte Acme SA passe en chaud : 73,2 points",
            "The account Acme SA is now hot: 73.2 points",
        ),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_the_title_says_what_the_play_is_about(fields: dict[str, Any], french: str, english: str) -> None:
    told = alert(**fields)
    assert french in Writer("fr", team=TEAM).write(told).title
    assert english in Writer("en", team=TEAM).write(told).title


def test_it_is_said_for_whom_it_is_and_by_when_the_task_is_to_be_done() -> None:
    told = alert(
        do=[{"assign": "round-robin"}, {"task": {"do": "call", "within": "4h", "escalate": "managers"}}],
        traits={"email": "ada@acme.fr", "phone": "+33 1 23", "employees": True},
    )
    lines = Writer("fr", team=TEAM).write(told, NOW, "sales", TEAM.people["claire"]).lines
    assert lines[0] == "Pour Claire Martin"
    assert lines[-3:] == (
        "À faire : appeler avant le 2026-11-01 14:00 CET",
        "E-mail : ada@acme.fr",
        "Téléphone : +33 1 23",
    )


def test_an_account_names_its_hottest_leads() -> None:
    leads = [
        {"lead_id": "u-1", "name": "Ada Lovelace", "score": 80.0, "tier": "hot"},
        {"lead_id": "u-2", "name": None, "score": 12.5, "tier": "cold"},
    ]
    told = alert(account="acme.fr", company=None, leads=leads, reasons=[], do=[], traits={})
    assert Writer("fr").write(told).lines == ("Contacts : Ada Lovelace 80 (chaud), u-2 12,5 (froid)",)


def test_it_is_answered_by_signed_links_that_say_who_was_asked() -> None:
    links = AnswerLinks([KEY])
    writer = Writer("en", "https://board.example/", links, TEAM)

    def by(message: Message) -> list[tuple[str, str, str]]:
        found = []
        for label, url in message.answers:
            token, _, said = url.removeprefix("https://board.example/answer/").partition("?say=")
            link = links.read(token, NOW)
            assert link is not None
            assert link.lead == "u/42"
            assert links.read(token, Micros(NOW + 31 * DAY)) is None
            found.append((f"{label}={said}", link.alert, link.by))
        return found

    asked = ["I take it=accepted", "Not ready=rejected", "Wrong=wrong"]
    assert by(writer.write(alert(), NOW, "sales")) == [(one, "f00", "sales") for one in asked]
    assert by(writer.write(alert(), NOW, "sales", TEAM.people["claire"])) == [
        (one, "f00", "claire") for one in asked
    ]
    overdue = writer.write(alert(escalates="f0e", task="call", person="claire"), NOW, "managers")
    assert by(overdue) == [(one, "f0e", "claire") for one in asked]
    assert overdue.recipient == "For Claire Martin"


def test_there_is_no_link_to_answer_by_without_a_key_a_board_or_a_question() -> None:
    links = AnswerLinks([KEY])
    assert Writer("en", "https://b", AnswerLinks()).write(alert(), NOW).answers == ()
    assert Writer("en", None, links).write(alert(), NOW).links == ()
    assert Writer("en", "https://b", links).write(alert(withdrawn="f0f"), NOW).answers == ()
    too_long = Writer("en", "https://b", links).write(alert(lead_id="u" * 4_000), NOW)
    assert too_long.links == ()


async def test_the_console_prints_a_panel_and_takes_no_markup_from_strangers() -> None:
    screen = io.StringIO()
    told = alert(traits={"last_name": "[bold]Ada[/bold]"})
    await ConsoleSender(Terminal(file=screen, width=90)).send(told, message_of(told, "fr", "http://b"))
    printed = screen.getvalue()
    assert "[bold]Ada[/bold] passe en chaud : 73,2 points" in printed
    assert "+28,9  Page tarifs" in printed
    assert "http://b/leads/u%2F42" in printed


def test_with_no_file_everything_is_said_once_on_the_console() -> None:
    assert route(alert(), None) == [Delivery("console", Console())]
    assert route(alert(do=[]), None) == []


def test_an_alert_goes_by_its_name_other_verbs_by_their_own_where_there_is_such_a_channel() -> None:
    channels: Channels = {"sales": (Console(),), "task": (CHAT, Console())}
    assert route(alert(), channels) == [Delivery("sales", Console()), Delivery("task", CHAT)]
    assert route(alert(do=[{"nurture": "keep-warm"}]), channels) == []
    assert route(alert(do=[{"alert": "support"}]), channels) == [Delivery("support", None)]
    assert route(alert(do=[{"webhook": "flow"}, {"webhook": "sales"}]), channels) == [
        Delivery("sales", Console()),
        Delivery("flow", None),
    ]
    assert route(alert(do=[{"alert": "owner"}]), channels) == [Delivery("owner", Owner())]


@pytest.mark.parametrize("value", [b"", b"[]", b"{", b'{"id": "x"}', b'{"id": 7}', b"\xff", b"[" * 100_000])
def test_what_is_no_alert_is_refused(value: bytes) -> None:
    with pytest.raises(AlertError, match="the record is no alert"):
        Alert.read(value)
