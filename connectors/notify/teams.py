"""An alert as an Adaptive Card, for a workflow of Microsoft Teams that posts what its webhook gets.

What is posted: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
(28 KB at most). Strangers' words stand in text runs, which unlike text blocks read no markdown:
https://adaptivecards.io/explorer/TextRun.html. The `{{DATE(…)}}` of cards is broken up everywhere.
"""

from typing import Any, Final

import msgspec

from connectors.notify.message import Link, Message

MOST_BYTES: Final = 28_000
_MOST_LINE: Final = 1_000


def teams_message(message: Message) -> dict[str, Any]:
    """What is posted; where it would be too large, its facts go first, then its reasons."""
    full = _envelope(message, facts=True, reasons=True)
    for kept in ({"facts": False, "reasons": True}, {"facts": False, "reasons": False}):
        if len(msgspec.json.encode(full)) <= MOST_BYTES:
            break
        full = _envelope(message, **kept)
    return full


def _envelope(message: Message, *, facts: bool, reasons: bool) -> dict[str, Any]:
    body = [_text(message.title, size="large", weight="bolder")]
    body += [_text(notice, color="warning") for notice in message.notices]
    if message.recipient:
        body.append(_text(message.recipient, weight="bolder"))
    if reasons and message.reasons:
        body.append(_text(message.why + message.colon, weight="bolder"))
        body += [_pair(reason.points, reason.label) for reason in message.reasons]
    if facts and message.facts:
        body += [_pair(fact.name, fact.value, first=place == 0) for place, fact in enumerate(message.facts)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": _safe(message.title),
        "body": body,
        "actions": [_open(link) for link in message.links],
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": _safe(text), **style}]}


def _pair(name: str, value: str, *, first: bool = False) -> dict[str, Any]:
    columns = [
        {"type": "Column", "width": "90px", "items": [_text(name, weight="bolder")]},
        {"type": "Column", "width": "stretch", "items": [_text(value)]},
    ]
    return {
        "type": "ColumnSet",
        "columns": columns,
        "spacing": "medium" if first else "small",
        "separator": first,
    }


def _open(link: Link) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": link.label, "url": link.url}


def _safe(text: str) -> str:
    """Without what cards compute."""
    text = text.replace("{{", "{ {").replace("${", "$ {")
    return text if len(text) <= _MOST_LINE else text[: _MOST_LINE - 1] + "…"
