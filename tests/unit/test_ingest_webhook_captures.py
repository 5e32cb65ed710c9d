"""Every captured delivery of a mail provider gives what a person who reads it would say."""

import base64
import json
from typing import Any, Final

import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.mailgun import Mailgun
from connectors.ingest.webhooks.settings import ProviderSettings
from scorer.errors import EventError
from scorer.times import format_time, parse_time
from tests.gateway_live import CAPTURES
from tests.webhook_deliveries import delivery, events

PROVIDERS: Final = ("sendgrid", "mailgun", "postmark", "brevo")
TYPES: Final = {
    "delivered": "email_delivered",
    "opened": "email_open",
    "clicked": "email_click",
    "bounced": "email_bounce",
    "complained": "email_complaint",
    "unsubscribed": "unsubscribe",
    "subscribed": "resubscribe",
}
NO_EVENT: Final = frozenset({"queued", "deferred", "rejected", "failed", "unknown"})
"""What merely happens to a message."""
NOT_READ_BY_THE_OTHER: Final = {
    "test_complaint": "2020-11-09T14:54:14Z",  # `ts_event`
    "test_proxy_open_event": "2018-08-17T06:18:02Z",  # `s_epoch`
    "test_unique_proxy_open_event": "2018-08-17T06:18:02Z",
}
"""Times of Brevo that the normalised events don't have."""


def _cases(provider: str) -> list[dict[str, Any]]:
    path = CAPTURES / "email" / f"{provider}.json"
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return found


def _body(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["body_b64"]) if case["body_b64"] else case["body"].encode()


def _found(provider: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        told = events(provider, _body(case))
    except EventError:
        return []
    return [event for event in told if event["type"] != "identify"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_gives_the_normalised_events(provider: str) -> None:
    compared = 0
    for case in _cases(provider):
        expected = [
            one
            for one in case["normalised_events"]
            if one["event_type"] not in NO_EVENT and one["recipient"] is not None
        ]
        found = _found(provider, case)
        if not case["normalised_events"]:
            continue  # refused for its signature, see below
        types = [TYPES[one["event_type"]] for one in expected]
        assert [event["type"] for event in found] == types, case["test"]
        for event, one in zip(found, expected, strict=True):
            _require_same(event, one, case["test"].rpartition(".")[2])
            compared += 1
    assert compared >= {"sendgrid": 5, "mailgun": 10, "postmark": 8, "brevo": 12}[provider]


def _require_same(event: dict[str, Any], one: dict[str, Any], test: str) -> None:
    properties = event["properties"]
    assert event["anonymous_id"] == one["recipient"].lower()
    assert event.get("time") == NOT_READ_BY_THE_OTHER.get(test, _time(one["timestamp"]))
    assert properties.get("link") == one["click_url"]
    tags = one["tags"] if isinstance(one["tags"], list) else [one["tags"]]
    flat = [tag for one in tags for tag in (one if isinstance(one, list) else [one]) if tag]
    assert properties.get("tags", []) == flat
    assert properties.get("campaign") == (flat[0] if flat else None)
    assert event["context"]["channel"] == "email"
    assert event["context"].get("user_agent") == one["user_agent"]
    told = {name: value for name, value in properties.get("metadata", {}).items() if name != "anymail_id"}
    assert told.items() <= one["metadata"].items()
    if event["type"] == "email_bounce" and one["mta_response"]:
        assert properties["reason"] == one["mta_response"]
    if (message_id := one["message_id"]) and one["esp_name"] != "SendGrid":
        assert properties["message_id"].strip("<>") == message_id.strip("<>")


def _time(text: str) -> str | None:
    return None if text == "None" else format_time(parse_time(text))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_redelivery_has_the_ids_of_the_first(provider: str) -> None:
    for case in _cases(provider):
        assert [one["id"] for one in _found(provider, case)] == [one["id"] for one in _found(provider, case)]


@pytest.mark.parametrize("provider", ["postmark", "brevo"])
def test_no_two_happenings_have_one_id(provider: str) -> None:
    told: dict[str, Any] = {}
    for case in _cases(provider):
        for event in _found(provider, case):
            kind = event["properties"].pop("event").replace("unique_", "")  # which Brevo says of the first
            assert told.setdefault(event["id"], (kind, event)) == (kind, event)


async def test_mailgun_s_signatures_hold() -> None:
    cases = _cases("mailgun")
    key = json.loads((CAPTURES / "email" / "KEYS.json").read_text(encoding="utf-8"))["mailgun"]
    settings = ProviderSettings((key,), max_age_us=10**16)
    seen = set()
    for case in cases:
        given = delivery("mailgun", _body(case), case["headers"], settings)
        if case["http_status"] == 400:
            with pytest.raises(RefusedError, match="signature"):
                await Mailgun().authenticate(given)
        elif "Settings" not in case["test"]:  # which use other keys
            seen.add(await Mailgun().authenticate(given))
    assert len(seen) > 10
