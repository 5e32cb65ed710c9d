"""Mail providers' webhooks through a running gateway: who is let in, what lands, what counts once."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scorer.times import SECOND, Micros
from scorer.topics import FAILED
from tests import webhook_deliveries as make
from tests.gateway_live import CAPTURES, KEY, Live, live_gateway, running_broker
from tests.tracker_replay import send
from tests.webhook_deliveries import AT, SECRET, SENDGRID_KEY, TOPIC, WHSEC, Amazon, Signed

pytestmark = pytest.mark.embedded

SUBSCRIBE_URL = "https://sns.eu-west-3.amazonaws.com/?Action=ConfirmSubscription&Token=t"
FILE = f"""
sendgrid: {{secret: {SENDGRID_KEY}}}
mailgun: {{secret: [{{file: mailgun.key}}, an-old-one]}}
mandrill: {{secret: {SECRET}, url: {make.URL}mandrill}}
postmark: {{secret: {SECRET}}}
standard: {{secret: {WHSEC}}}
ses: {{topics: ["{TOPIC}"]}}
"""
OPENED = {"event": "opened", "id": "e-1", "recipient": "ada@acme.test", "timestamp": 1793523600.5}


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
async def live(tmp_path: Path, amazon: Amazon) -> AsyncIterator[Live]:
    (tmp_path / "mailgun.key").write_text(f"{SECRET}\n")
    (tmp_path / "webhooks.yml").write_text(FILE)
    keys = (KEY, "webhook:*")
    with running_broker() as broker:
        async with live_gateway(
            broker.bootstrap, write_keys=keys, webhooks=tmp_path / "webhooks.yml", fetch=amazon
        ) as running:
            running.clock.now = AT
            yield running


async def post(live: Live, name: str, signed: Signed, **more: Any) -> tuple[int, dict[str, Any]]:
    body, headers = signed
    answer = await live.client.post(f"/v1/webhooks/{name}", content=body, headers=headers, **more)
    return answer.status_code, answer.json()


def sendgrid(*kinds: str) -> bytes:
    told = [
        {"email": "ada@acme.test", "event": kind, "sg_event_id": f"e-{kind}", "timestamp": AT // SECOND}
        for kind in kinds
    ]
    return json.dumps(told).encode() + b"\r\n"


async def test_signed_deliveries_land_once_and_unsigned_ones_never(live: Live) -> None:
    right = make.sendgrid(sendgrid("open", "click", "processed"))
    assert await post(live, "sendgrid", right) == (200, {"accepted": 2})
    assert await post(live, "sendgrid", right) == (200, {"accepted": 0, "duplicate": True})
    body, headers = right
    for wrong in ((body.strip(), headers), (body, {}), make.sendgrid(body, Micros(AT - 301 * SECOND))):
        status, answer = await post(live, "sendgrid", wrong)
        assert status == 401 and "signature" in answer["error"]
    assert [(one["//topic"], one["type"], one["anonymous_id"]) for one in await live.events()] == [
        ("email-clicks", "email_click", "ada@acme.test"),
        ("email-clicks", "email_open", "ada@acme.test"),
    ]
    assert {one.key for one in await live.landed()} == {b"ada@acme.test"}


async def test_a_token_of_mailgun_s_counts_once_whatever_is_told_with_it(live: Live) -> None:
    assert (await post(live, "mailgun", make.mailgun(OPENED)))[0] == 200
    assert (await post(live, "mailgun", make.mailgun(OPENED)))[0] == 406
    assert (await post(live, "mailgun", make.mailgun({**OPENED, "event": "clicked", "id": "e-2"})))[0] == 406
    assert (await post(live, "mailgun", make.mailgun({**OPENED, "id": "e-3"}, token="another")))[0] == 200
    assert sorted(one["id"] for one in await live.events()) == ["e-1", "e-3"]


async def test_what_the_broker_did_not_take_may_come_again(tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text(f"mailgun: {{secret: {SECRET}}}")
    async with live_gateway(
        "127.0.0.1:1", topics=False, write_keys=("webhook:mailgun",), webhooks=tmp_path / "webhooks.yml"
    ) as away:
        away.clock.now = AT
        for _ in range(2):
            answer = await away.client.post("/v1/webhooks/mailgun", content=make.mailgun(OPENED)[0])
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


async def test_mandrill_asks_by_head_and_signs_its_form(live: Live) -> None:
    assert (await live.client.head("/v1/webhooks/mandrill")).status_code == 200
    msg = {"_id": "m", "email": "ada@acme.test", "metadata": {"lead_id": "u-42"}}
    signed = make.mandrill([{"event": "open", "_id": "m", "ts": AT // SECOND, "msg": msg}])
    assert await post(live, "mandrill", signed) == (200, {"accepted": 2})
    assert (await post(live, "mandrill", (signed[0] + b"&a=b", signed[1])))[0] == 401
    tie, opened = sorted(await live.events(), key=lambda one: one["//topic"], reverse=True)
    assert (tie["//topic"], tie["type"], tie["anonymous_id"]) == ("profiles", "identify", "ada@acme.test")
    assert (opened["type"], opened["lead_id"]) == ("email_open", "u-42")


async def test_a_subscription_of_our_topic_is_confirmed_at_amazon_only(live: Live, amazon: Amazon) -> None:
    def confirmation(**more: Any) -> Signed:
        told = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": SUBSCRIBE_URL, **more}
        return make.sns("You have chosen to subscribe", **told)

    elsewhere = "https://sns.eu-west-3.amazonaws.com.evil.test/?Action=ConfirmSubscription"
    assert (await post(live, "ses", confirmation(SubscribeURL=elsewhere)))[0] == 400
    assert (await post(live, "ses", confirmation(TopicArn=TOPIC + "s")))[0] == 403
    assert [one for one in amazon.asked if not one.endswith(".pem")] == []
    assert await post(live, "ses", confirmation()) == (200, {"accepted": 0})
    assert amazon.asked[-1] == SUBSCRIBE_URL
    clicked = {
        "eventType": "Click",
        "mail": {"destination": ["ada@acme.test"], "messageId": "m"},
        "click": {"timestamp": "2026-11-01T08:59:00.5Z", "link": "https://acme.test/"},
    }
    assert await post(live, "amazon_ses", make.sns(clicked, version="2", MessageId="2")) == (
        200,
        {"accepted": 1},
    )
    assert [one["time"] for one in await live.events()] == ["2026-11-01T08:59:00.500000Z"]
    assert sum(one.endswith(".pem") for one in amazon.asked) == 1


async def test_a_subscription_that_could_not_be_confirmed_comes_again(live: Live, amazon: Amazon) -> None:
    signed = make.sns("m", Type="SubscriptionConfirmation", SubscribeURL=SUBSCRIBE_URL, Token="t")
    amazon.away = True
    assert (await post(live, "ses", signed))[0] == 503
    amazon.away = False
    live.clock.now = Micros(AT + 120 * SECOND)
    assert await post(live, "ses", signed) == (200, {"accepted": 0})


async def test_a_key_shows_who_sends_where_there_is_no_signature(live: Live) -> None:
    body = json.dumps({"RecordType": "Open", "Recipient": "ada@acme.test", "MessageID": "m"}).encode()
    url = "/v1/webhooks/postmark"
    asked = await live.client.post(url, content=body)
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"].startswith("Basic ")  # by which Amazon sends what it was told
    for auth in (("any", SECRET), ("any", KEY), ("", SECRET), (SECRET, "")):
        assert (await live.client.post(url, content=body, auth=auth)).status_code == 200
    for key in (SECRET, KEY):
        assert (await live.client.post(f"{url}?key={key}", content=body)).status_code == 200
        bearer = {"Authorization": f"Bearer {key}"}
        assert (await live.client.post(url, content=body, headers=bearer)).status_code == 200
    for wrong in (("any", "x"), ("any", "postmark"), ("any", "*"), (SECRET, "x"), ("any", "")):
        assert (await live.client.post(url, content=body, auth=wrong)).status_code in (401, 403)
    assert len({one["id"] for one in await live.events()}) == 1


async def test_a_key_is_no_way_round_a_signature_that_can_be_checked(live: Live) -> None:
    answer = await live.client.post("/v1/webhooks/sendgrid", content=sendgrid("open"), auth=("any", KEY))
    assert answer.status_code == 401
    assert await live.events() == []


async def test_without_a_secret_it_is_said_what_to_set(live: Live) -> None:
    for name in ("hubspot", "resend", "mailersend", "mailtrap"):
        status, answer = await post(live, name, (b"[]", {}))
        assert status == 403 and "LEADHEAT_WEBHOOKS" in answer["error"] and name in answer["error"]
    status, answer = await post(live, "nobody", (b"[]", {}))
    assert status == 404 and "sendgrid" in answer["error"]


async def test_a_write_key_names_the_providers_that_may_call(tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text(FILE.replace("{file: mailgun.key}", SECRET))
    settings: dict[str, Any] = {"write_keys": ("webhook:mailgun",), "webhooks": tmp_path / "webhooks.yml"}
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, **settings) as live:
            live.clock.now = AT
            assert (await post(live, "mailgun", make.mailgun(OPENED)))[0] == 200
            status, answer = await post(live, "sendgrid", make.sendgrid(sendgrid("open")))
            assert status == 403 and "webhook:sendgrid" in answer["error"]
            for key in ("mailgun", "webhook:mailgun", SECRET):
                told = await live.client.post("/v1/webhooks/brevo", content=b"{}", auth=("any", key))
                assert told.status_code in (401, 403)


async def test_what_cannot_be_read_is_a_dead_letter_and_no_reason_to_send_again(live: Live) -> None:
    body = b'[{"event": "open"}, {"email": "ada@acme.test"}, 7]'
    assert await post(live, "sendgrid", make.sendgrid(body)) == (200, {"accepted": 0})
    dead = await live.landed([FAILED])
    reasons = {one.value: dict(one.headers)["errors.message"].decode() for one in dead}
    assert reasons[b'{"event": "open"}'].startswith("recipient: missing")
    assert reasons[b'{"email": "ada@acme.test"}'] == "the kind of event is missing"
    assert set(dict(dead[0].headers)) >= {"errors.topic", "errors.class"}
    assert dict(dead[0].headers)["errors.topic"] == b"gateway:/v1/webhooks/sendgrid"
    assert (await post(live, "sendgrid", make.sendgrid(b"no json")))[0] == 400


async def test_a_bounce_may_bring_its_whole_message_back(live: Live) -> None:
    bounce = {
        "RecordType": "Bounce",
        "ID": 7,
        "Type": "HardBounce",
        "Email": "a@b.test",
        "Content": "x" * 200_000,
    }
    answer = await live.client.post(
        "/v1/webhooks/postmark", content=json.dumps(bounce).encode(), auth=("any", SECRET)
    )
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    assert [one["properties"]["bounce"] for one in await live.events()] == ["hard"]


async def test_an_empty_body_tries_the_address(live: Live) -> None:
    assert await post(live, "brevo", (b"", {}), auth=("any", KEY)) == (200, {"accepted": 0})
    assert await post(live, "sendgrid", make.sendgrid(b"")) == (200, {"accepted": 0})
    assert (await post(live, "sendgrid", (b"", {})))[0] == 401


async def test_events_of_ours_by_standard_webhooks(live: Live) -> None:
    body = b'{"type": "email_click", "lead_id": "u-42", "properties": {"link": "https://acme.test/"}}'
    assert await post(live, "standard", make.standard(body)) == (200, {"accepted": 1})
    later = make.standard(body, Micros(AT + SECOND))  # the same message, sent and signed again
    assert await post(live, "generic", later) == (200, {"accepted": 0, "duplicate": True})
    assert [one["lead_id"] for one in await live.events()] == ["u-42"]


@pytest.mark.parametrize("name", ["sendgrid", "mailgun", "postmark", "brevo"])
async def test_captured_requests_byte_for_byte(name: str) -> None:
    """With the password of the captures as a secret write key; unit tests check those that are signed."""
    path = CAPTURES / "email" / f"{name}.json"
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    cases = [
        case
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
        if case["headers"].get("Authorization") == "Basic dXNlcm5hbWU6cGFzc3dvcmQ="
    ]
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=("password",)) as live:
            for case in cases:
                body = base64.b64decode(case["body_b64"]) if case["body_b64"] else case["body"].encode()
                headers = case["headers"] | {"Content-Type": case["content_type"], "Host": "leads.acme.test"}
                lines = [f"{title}: {value}" for title, value in headers.items()]
                head = [f"POST /v1/webhooks/{name} HTTP/1.1", *lines, f"Content-Length: {len(body)}"]
                answer = await send(live.url, "\r\n".join(head).encode() + b"\r\n\r\n" + body)
                assert answer.status == 200, case["test"]
            # some were sampled in one second, as only robots act: what takes those back is not theirs
            landed = [one for one in await live.events() if one["type"] != "retract"]
    assert {one["//topic"] for one in landed} <= {"email-clicks", "profiles", "signals"}
    assert len(landed) == {"sendgrid": 5, "mailgun": 11, "postmark": 8, "brevo": 12}[name]
