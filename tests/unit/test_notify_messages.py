"""What salespeople read, and to whom it goes."""

import io
import json
from typing import Any

import pytest
from rich.console import Console as Terminal

from connectors.notify.alert import Alert, AlertError
from connectors.notify.channels import Channels, Chat, Console
from connectors.notify.console import ConsoleSender
from connectors.notify.messages import message_of
from connectors.notify.routing import Delivery, route

CHAT = Chat("json://127.0.0.1")


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


def test_the_message_says_who_how_much_why_and_what_to_do() -> None:
    french = message_of(alert(), "fr", "https://board.example/")
    assert french.title == "Ada Lovelace, CEO (Acme) passe en chaud : 73,2 points"
    assert french.body.splitlines() == [
        "Pourquoi :",
        "  +28,9  Page tarifs",
        "  −15  silent",
        "À faire : attribution « round-robin », tâche « call »",
        "https://board.example/leads/u%2F42",
    ]
    english = message_of(alert(), "en", None)
    assert english.title == "Ada Lovelace, CEO (Acme) is now hot: 73.2 points"
    assert english.body.splitlines()[1] == "  +28.9  Pricing page"
    assert english.link is None


def test_an_accounts_alert_names_the_company_and_its_hottest_leads() -> None:
    leads = [
        {"lead_id": "u/42", "name": "Ada\nLovelace", "score": 73.24, "tier": "hot"},
        {"lead_id": "u-7", "name": None, "score": 31.0, "tier": "warm"},
    ]
    told = alert(account="acme sa", company="Acme SA", leads=leads, reasons=[], score=104.24)
    french = message_of(told, "fr", "https://board.example")
    assert french.title == "Acme SA passe en chaud : 104,2 points"
    assert french.body.splitlines() == [
        "Leads du compte :",
        "  73,2  Ada Lovelace",
        "  31  u-7",
        "À faire : attribution « round-robin », tâche « call »",
        "https://board.example/accounts/acme%20sa",
    ]
    nameless = alert(account="acme.fr", leads=leads[:1], reasons=[])
    assert message_of(nameless, "en", None).title == "acme.fr is now hot: 73.2 points"


def test_a_withdrawn_alert_asks_nothing() -> None:
    told = message_of(alert(withdrawn="f0f", to="warm", **{"from": "hot"}), "en", None)
    assert told.title == "Alert withdrawn: Ada Lovelace, CEO (Acme) is warm, 73.2 points"
    assert told.body == "What set it off was a robot’s doing."
    assert message_of(alert(withdrawn="f0f", to="warm"), "fr", None).title.startswith("Alerte retirée : Ada")


def test_the_message_says_when_the_lead_cools_where_that_is_known() -> None:
    told = alert(next_tier={"tier": "warm", "at": "2026-11-03T14:02:55Z"})
    assert (
        "Passera en tiède le 2026-11-03 14:02 UTC, si rien ne se passe" in message_of(told, "fr", None).lines
    )
    assert "Will be warm on 2026-11-03 14:02 UTC if nothing happens" in message_of(told, "en", None).lines


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


@pytest.mark.parametrize("value", [b"", b"[]", b"{", b'{"id": "x"}', b'{"id": 7}', b"\xff", b"[" * 100_000])
def test_what_is_no_alert_is_refused(value: bytes) -> None:
    with pytest.raises(AlertError, match="the record is no alert"):
        Alert.read(value)
