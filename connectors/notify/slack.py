"""An alert as a message of Slack: Block Kit, for an incoming webhook.

Limits: https://docs.slack.dev/reference/block-kit/blocks (header 150 characters, ten fields of 2,000, 50
blocks), https://docs.slack.dev/reference/block-kit/block-elements/button-element (text 75, url 3,000).
"""

import re
from typing import Any, Final

from connectors.notify.message import Link, Message

MOST_HEADER: Final = 150
MOST_FIELD: Final = 2_000
MOST_FIELDS: Final = 10
MOST_TEXT: Final = 3_000
MOST_URL: Final = 3_000
MOST_BUTTON: Final = 75
_CALLS: Final = re.compile(r"@(channel|here|everyone)", re.IGNORECASE)
_WORD_JOINER: Final = "\u2060"


def slack_message(message: Message) -> dict[str, Any]:
    """What is posted: plain texts only, in which Slack reads no markup; `text` is for notifications."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(message.title, MOST_HEADER)}]
    above = [*message.notices, *((message.recipient,) if message.recipient else ())]
    if len(message.title) > MOST_HEADER:
        above.insert(0, message.title)
    if above:
        blocks.append({"type": "section", "text": _plain("\n".join(above), MOST_TEXT)})
    if message.reasons:
        fields = [_plain(f"{points}\n{label}", MOST_FIELD) for points, label in message.reasons]
        blocks.append(
            {
                "type": "section",
                "text": _plain(message.why + message.colon, MOST_TEXT),
                "fields": fields[:MOST_FIELDS],
            }
        )
    if message.facts:
        fields = [_plain(f"{name}\n{value}", MOST_FIELD) for name, value in message.facts]
        blocks.append({"type": "section", "fields": fields[:MOST_FIELDS]})
    if buttons := [_button(link, first=place == 0) for place, link in enumerate(message.links)]:
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": _escaped(message.title, MOST_TEXT),
        "blocks": blocks,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _button(link: Link, *, first: bool) -> dict[str, Any]:
    style = {"style": "primary"} if first else {}
    return {
        "type": "button",
        "text": _plain(link.label, MOST_BUTTON),
        "url": link.url,
        "action_id": link.label[:MOST_BUTTON],
        **style,
    }


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, most), "emoji": False}


def _escaped(text: str, most: int) -> str:
    """Text in which nobody is called, cut so that what is escaped fits.

    >>> _escaped("<!here> R&D @channel", 100) == "&lt;!here&gt; R&amp;D @\\u2060channel"
    True
    >>> _escaped("<<<<", 10)
    '&lt;&lt;…'
    """
    text = _CALLS.sub(rf"@{_WORD_JOINER}\1", text)
    escaped = [_ENTITIES.get(letter, letter) for letter in text]
    if sum(map(len, escaped)) <= most:
        return "".join(escaped)
    found, room = "", most - 1
    for letters in escaped:
        if len(letters) > room:
            break
        found, room = found + letters, room - len(letters)
    return found + "…"


_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
