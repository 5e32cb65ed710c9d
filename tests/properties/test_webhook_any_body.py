"""Whatever is posted as a provider's webhook gets a sensible answer, never a fault of the gateway's own."""

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import RefusedError
from connectors.ingest.gateway import create_app
from connectors.ingest.mapping import PLAIN
from connectors.ingest.receiving import records_of
from connectors.ingest.shape import DEFAULT
from connectors.ingest.webhooks.provider import Told
from connectors.ingest.webhooks.registry import providers
from scorer.errors import EventError
from scorer.event import decode
from scorer.times import Micros
from tests.properties.effort import examples
from tests.webhook_deliveries import AT, SECRET, SENDGRID_KEY, SETTINGS, TOPIC, WHSEC, delivery

KEY = "wk"
NAMES = sorted(providers())
SENSIBLE = {200, 400, 401, 403, 406, 413, 503}

words = st.sampled_from(
    [
        "open",
        "click",
        "bounce",
        "delivered",
        "clicked",
        "opened",
        "failed",
        "unsubscribed",
        "Open",
        "Click",
        "Bounce",
        "HardBounce",
        "Delivery",
        "SubscriptionChange",
        "hard_bounce",
        "proxy_open",
        "spam",
        "unsub",
        "activity.clicked",
        "email.clicked",
        "email.bounced",
        "contact.propertyChange",
        "contact.creation",
        "contact.merge",
        "object.creation",
        "hs_email_last_open_date",
        "email",
        "Notification",
        "SubscriptionConfirmation",
        "permanent",
        "10",
        "90",
        "1461095250",
        "2026-11-01T09:00:00Z",
        "ada@acme.test",
        "Ada<ada@acme.test>",
        "lead_id",
        "u-42",
        "null",
        '{"lead_id":"u"}',
        '["t"]',
        "[",
    ]
)
names = st.sampled_from(
    [
        "event",
        "type",
        "email",
        "recipient",
        "timestamp",
        "ts",
        "time",
        "ts_epoch",
        "url",
        "link",
        "tags",
        "tag",
        "category",
        "metadata",
        "Payload",
        "sg_event_id",
        "RecordType",
        "Type",
        "Recipient",
        "Email",
        "MessageID",
        "Metadata",
        "ReceivedAt",
        "SuppressSending",
        "Geo",
        "msg",
        "msys",
        "track_event",
        "rcpt_to",
        "rcpt_meta",
        "event-data",
        "signature",
        "token",
        "severity",
        "message",
        "headers",
        "client-info",
        "campaigns",
        "user-variables",
        "data",
        "to",
        "click",
        "open",
        "created_at",
        "custom_variables",
        "events",
        "morph",
        "recipient",
        "Message",
        "TopicArn",
        "eventType",
        "mail",
        "bounce",
        "bouncedRecipients",
        "emailAddress",
        "destination",
        "subscriptionType",
        "objectId",
        "propertyName",
        "propertyValue",
        "mergedObjectIds",
        "occurredAt",
        "properties",
        "vid",
        "contact",
        "lead_id",
        "name",
        "value",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=8),
    max_leaves=25,
)
objects = st.dictionaries(names, values, max_size=12)
jsons = objects | st.lists(objects, max_size=3) | values
forms = st.dictionaries(names | st.just("mandrill_events"), st.text(max_size=8) | jsons.map(json.dumps))
bodies = st.one_of(
    st.binary(max_size=300),
    jsons.map(lambda value: json.dumps(value).encode()),
    objects.map(lambda value: json.dumps({"Type": "Notification", "Message": json.dumps(value)}).encode()),
    forms.map(lambda fields: urlencode(fields).encode()),
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., httpx.Response]:
    """Posts a body with a key, to be read, or without, to have its signature checked."""
    path: Path = tmp_path_factory.mktemp("webhooks") / "webhooks.yml"
    secrets: dict[str, Any] = {name: {"secret": SECRET} for name in ("mailgun", "mandrill", "hubspot")}
    secrets |= {name: {"secret": SECRET} for name in ("mailtrap", "mailersend")}
    secrets |= {"sendgrid": {"secret": SENDGRID_KEY}, "ses": {"topics": [TOPIC]}}
    secrets |= {"resend": {"secret": WHSEC}, "standard": {"secret": WHSEC}}
    path.write_text(json.dumps(secrets))

    async def nothing(url: str) -> bytes:
        return url.encode()

    def app(**more: Any) -> Any:
        keys = (KEY, "webhook:*")
        return create_app(GatewayConfig("127.0.0.1:1", "leadheat", keys, lambda: AT, fetch=nothing, **more))

    unsigned, signed = app(), app(webhooks=path)

    async def post(name: str, body: bytes, key: bool) -> httpx.Response:
        transport = httpx.ASGITransport(unsigned if key else signed)
        auth = ("any", KEY) if key else None
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", auth=auth) as client:
            return await client.post(f"/v1/webhooks/{name}", content=body)

    return lambda name, body, key: asyncio.run(post(name, body, key))


@examples(200)
@given(st.sampled_from(NAMES), bodies)
@example("mailgun", b"[null]")
@example("marketo", b"[7]")
def test_what_can_be_read_can_be_scored(name: str, body: bytes) -> None:
    provider = providers()[name]
    told = Told(delivery(name, body), PLAIN)
    try:
        items = provider.items(told.delivery)
    except RefusedError:
        return
    for item in items:
        try:
            found = records_of(lambda one: provider.events(one, told), 1_000_000, 32_000, DEFAULT, item)
        except EventError:
            continue
        for record in found:
            event = decode(record.value)
            assert record.key == event.key.encode() and event.id is not None


@examples(40)
@given(bodies, st.booleans())
@example(b"[" * 200_000, True)
@example(b'{"a":' * 100_000, True)
@example(b'{"event-data":' + b'{"a":' * 900 + b"1" + b"}" * 901, True)
@example(b'{"signature":' + b'{"a":' * 900 + b"1" + b"}" * 901, False)
@example(b'{"event":"open","email":"a@b.test","timestamp":' + b"9" * 4_200 + b"}", True)
@example(b'{"event":"open","email":"a@b.test","timestamp":1e308,"lead_id":' + b"9" * 5_000 + b"}", True)
@example(b'{"event":"open","email":"\\ud800@b.test"}', True)
@example(b"--x\r\nContent-Disposition: form-data; name=event\r\n\r\nopened\r\n--x", True)
@example(b"--x\r\n\r\n--x--\r\n" * 3_000, True)
@example(b"a&" * 2_000, False)
@example(gzip.compress(b"\0" * 50_000_000), False)
@example(b'{"Type":"Notification","Message":"\xb2"}', True)
@example(b'{"Type":"Notification","Message":"\xb2"}', False)
@example(b"", False)
def test_any_body_gets_a_sensible_answer(ask: Callable[..., httpx.Response], body: bytes, key: bool) -> None:
    for name in NAMES:
        answer = ask(name, body, key)
        assert answer.status_code in SENSIBLE, name
        assert "error" in answer.json() or answer.json()["accepted"] == 0, name


@examples(200)
@given(
    st.sampled_from(sorted(SETTINGS)),
    bodies,
    st.dictionaries(
        st.sampled_from(
            [
                "X-Twilio-Email-Event-Webhook-Signature",
                "X-Twilio-Email-Event-Webhook-Timestamp",
                "X-Mandrill-Signature",
                "X-HubSpot-Signature",
                "X-HubSpot-Signature-v3",
                "X-HubSpot-Signature-Version",
                "X-HubSpot-Request-Timestamp",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
                "svix-id",
                "svix-timestamp",
                "svix-signature",
                "Mailtrap-Signature",
                "Signature",
                "Authorization",
                "Host",
            ]
        ),
        st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=30)
        | st.just(str(AT // 1_000_000))
        | st.just("v2"),
    ),
)
def test_no_guess_is_a_signature(name: str, body: bytes, headers: dict[str, str]) -> None:
    provider = providers()[name]
    if not provider.signs(SETTINGS[name]) or name == "postmark":
        return
    latin = {title: text.encode("latin-1").decode("latin-1") for title, text in headers.items()}
    with pytest.raises(RefusedError) as found:
        asyncio.run(provider.authenticate(delivery(name, body, latin, SETTINGS[name], Micros(AT))))
    assert found.value.status in (400, 401, 403, 413)
