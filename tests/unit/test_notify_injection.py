"""What strangers typed into any field of a lead is shown as typed, in any channel, and does nothing there."""

import email
import email.policy
import io
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from rich.console import Console as Terminal

from connectors.answer_links import AnswerLinks
from connectors.mail.mime import bytes_of
from connectors.notify.console import ConsoleSender
from connectors.notify.mail import From, written
from connectors.notify.message import Message
from connectors.notify.messages import Writer
from connectors.notify.slack import (
    MOST_BUTTON,
    MOST_FIELD,
    MOST_FIELDS,
    MOST_HEADER,
    MOST_TEXT,
    MOST_URL,
    slack_message,
)
from connectors.notify.teams import MOST_BYTES, teams_message
from connectors.office.team import parse_team
from scorer.times import parse_time
from tests.unit.test_notify_messages import alert

NOW = parse_time("2026-11-01T12:00:00Z")
TEAM = parse_team("people: {claire: {name: Claire Martin}}", "team.yml")
ATTEMPTS = {
    "slack-call": "<!here> <!channel> @channel @here @everyone <@U123>",
    "slack-link": "<https://evil.example|See the lead>",
    "mrkdwn": "*bold* _it_ ~gone~ `code` &lt;",
    "html": '"><script>alert(1)</script><img src=x onerror=alert(1)><a href="https://evil.example">x</a>',
    "card": "[See the lead](https://evil.example) **b** # h {{DATE(2026-01-01T00:00:00Z)}} ${evil}",
    "card-at": "<at>Everybody</at>",
    "header": "x\r\nBcc: evil@evil.example\r\n\r\n<p>more",
    "header-lf": "x\nBcc: evil@evil.example\n",
    "encoded": "=?utf-8?q?=0d=0aBcc:_evil@evil.example?=",
    "template": "{{ 7*7 }}{% include '/etc/passwd' %}{who.__class__}{0}",
    "terminal": "\x1b[2J\x1b]8;;https://evil.example\x07x",
    "rich": "[bold red]x[/] [link=https://evil.example]x[/link]",
    "separators": "x\u2028y\u2029z\u202ew\x00v\x85u",
    "long": "<&>" * 5_000,
}
FIELDS = (
    *("lead_id", "company", "account", "task", "play", "criterion", "label", "leads", "tier", "do"),
    *(
        f"traits.{name}"
        for name in (
            *("first_name", "last_name", "title", "company", "email"),
            *("phone", "industry", "employees", "city", "country"),
        )
    ),
)


def told(field: str, text: str) -> Message:
    """A message whose alert has a text in one field."""
    fields: dict[str, Any] = {"expires": "2026-11-01T11:00:00Z"}
    if field.startswith("traits."):
        fields["traits"] = {"first_name": "Ada", field.removeprefix("traits."): text}
    elif field in ("criterion", "label"):
        label = {"label": {"fr": text}} if field == "label" else {}
        fields["reasons"] = [{"criterion": text, "points": 3, **label}]
        fields["when"] = {"happens": text, **label}
    elif field == "leads":
        fields |= {"account": "a", "leads": [{"lead_id": text, "name": text, "score": 1, "tier": text}]}
    elif field == "tier":
        fields |= {"from": text, "to": text, "when": {"leaves": text}}
    elif field == "do":
        fields["do"] = [{"task": text}, {text: text}, {"nurture": {"start": text}}]
    elif field == "company":
        fields |= {"account": "a", "company": text}
    elif field == "task":
        fields |= {"escalates": "f0", "task": text}
    else:
        fields[field] = text
    writer = Writer("fr", "https://board.example", AnswerLinks(["a key of 16 or more"]), TEAM)
    return writer.write(alert(**fields), NOW, "sales", TEAM.people["claire"])


every_attempt = pytest.mark.parametrize("attempt", ATTEMPTS)
every_field = pytest.mark.parametrize("field", FIELDS)


def texts(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Every text of JSON, with the name it stands under."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in texts(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in texts(inner, name)]
    return [(name, value)] if isinstance(value, str) else []


@every_field
@every_attempt
def test_slack(field: str, attempt: str) -> None:
    found = slack_message(told(field, ATTEMPTS[attempt]))
    shown = [text for name, text in texts(found) if name == "text"]
    assert not any(re.search(r"[<>]|&(?!amp;|lt;|gt;)", text) for text in shown)
    assert not any(re.search(r"@(channel|here|everyone)", text) for text in shown)
    assert found["parse"] == "none"
    assert not found["link_names"]
    kinds = {one["text"]["type"] for one in found["blocks"] if "text" in one}
    kinds |= {field["type"] for one in found["blocks"] for field in one.get("fields", ())}
    assert kinds == {"plain_text"}
    urls = [url for name, url in texts(found) if name == "url"]
    assert all(
        re.match(r"https://board\.example/(accounts|leads|answer)/[\w%.~-]+(\?say=\w+)?\Z", url)
        for url in urls
    )
    _within_slack(found)


def _within_slack(found: dict[str, Any]) -> None:
    """As the reference of Block Kit says: see slack.py."""
    assert 1 <= len(found["text"]) <= MOST_TEXT
    assert 1 <= len(found["blocks"]) <= 50
    for block in found["blocks"]:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= MOST_HEADER
        elif "text" in block:
            assert 1 <= len(block["text"]["text"]) <= MOST_TEXT
        fields = block.get("fields", [])
        assert len(fields) <= MOST_FIELDS
        assert all(1 <= len(one["text"]) <= MOST_FIELD for one in fields)
        buttons = block.get("elements", [])
        assert len({one["action_id"] for one in buttons}) == len(buttons) <= 25
        assert all(len(one["url"]) <= MOST_URL and len(one["text"]["text"]) <= MOST_BUTTON for one in buttons)


@every_field
@every_attempt
def test_teams(field: str, attempt: str) -> None:
    found = teams_message(told(field, ATTEMPTS[attempt]))
    assert len(msgspec.json.encode(found)) <= MOST_BYTES
    card = found["attachments"][0]["content"]
    assert _kinds(card) <= {
        "AdaptiveCard",
        "RichTextBlock",
        "TextRun",
        "ColumnSet",
        "Column",
        "Action.OpenUrl",
    }
    assert "entities" not in card["msteams"]
    assert not any("{{" in text or "${" in text for _, text in texts(card))
    urls = [url for name, url in texts(card) if name == "url"]
    assert all(url.startswith("https://board.example/") for url in urls)
    assert {title for name, title in texts(card["actions"]) if name == "title"} <= {
        "Voir la fiche",
        "Je prends",
        "Pas prêt",
        "Erreur",
    }


def _kinds(value: Any) -> set[str]:
    if isinstance(value, dict):
        return (
            {value["type"]} | _kinds(list(value.values())) if "type" in value else _kinds([*value.values()])
        )
    return {kind for inner in value for kind in _kinds(inner)} if isinstance(value, list) else set()


class Tags(HTMLParser):
    """Takes down what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@every_field
@every_attempt
def test_mail(field: str, attempt: str) -> None:
    message = told(field, ATTEMPTS[attempt])
    mail = written(alert(), message, From("leads@acme.example"), "sales@acme.example", NOW)
    data = bytes_of(mail)
    assert max(map(len, data.split(b"\r\n"))) <= 998
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert set(read.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
        *("Auto-Submitted", "X-Auto-Response-Suppress"),
    }
    assert read["To"] == "sales@acme.example"
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    page = read.get_body(("html",))
    assert page is not None
    tags = Tags()
    tags.feed(page.get_content())
    assert tags.tags <= {
        *("html", "head", "meta", "title", "body", "div", "p", "h1", "table", "tr", "td", "strong", "a")
    }
    assert tags.names <= {"lang", "charset", "name", "content", "style", "role", "href"}
    assert all(link.startswith("https://board.example/") for link in tags.links)
    assert message.title in tags.text


@every_field
@every_attempt
async def test_console(field: str, attempt: str) -> None:
    screen = io.StringIO()
    message = told(field, ATTEMPTS[attempt])
    await ConsoleSender(Terminal(file=screen, width=90, force_terminal=False)).send(alert(), message)
    assert not set(screen.getvalue()) & set("\x1b\x07\x00\r\u202e\u2028\x85")


@every_field
@every_attempt
def test_every_text_is_one_line(field: str, attempt: str) -> None:
    message = told(field, ATTEMPTS[attempt])
    every = [message.title, *message.lines, *(link.label for link in message.links)]
    assert all(text.isprintable() for text in every)
    assert max(map(len, every)) <= 2_000
    assert "49" not in message.title or "49" in ATTEMPTS[attempt]


def test_slack_shows_a_title_that_is_too_long_for_a_header_below_it() -> None:
    title = "a" * 151
    blocks = slack_message(Message("en", title))["blocks"]
    assert blocks[0]["text"]["text"] == "a" * 149 + "…"
    assert blocks[1]["text"]["text"] == title
    assert len(slack_message(Message("en", "a" * 150))["blocks"]) == 1


def test_teams_leaves_out_what_would_make_a_card_too_large() -> None:
    from connectors.notify.message import Fact, Reason

    reasons = tuple(Reason("+1", "é" * 1_000) for _ in range(5))
    facts = tuple(Fact("name", "é" * 1_000) for _ in range(12))
    whole = teams_message(Message("en", "t", why="Why", reasons=reasons, facts=facts[:2]))
    assert "name" in str(whole)
    cut = teams_message(Message("en", "t", why="Why", reasons=reasons, facts=facts))
    assert "name" not in str(cut["attachments"][0]["content"]["body"]).replace("'name'", "")
    assert "Why:" in str(cut)
    bare = teams_message(Message("en", "t", why="Why", reasons=reasons * 4, facts=facts))
    assert "Why" not in str(bare)
    assert len(msgspec.json.encode(bare)) <= MOST_BYTES
