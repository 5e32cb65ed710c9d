"""Who sent a delivery: each provider's signature, right, wrong, old, ahead, and over other bytes."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.provider import Delivery
from connectors.ingest.webhooks.registry import providers
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof
from connectors.ingest.webhooks.sns import Certificates
from scorer.times import SECOND, Micros
from tests import webhook_deliveries as make
from tests.gateway_live import CAPTURES
from tests.webhook_deliveries import AT, CERTIFICATE_URL, SETTINGS, URL, Amazon, Signed, delivery

BODY = b'[{"event": "open", "email": "ada@acme.test"}]\r\n'
EVENT = {"eventType": "Open", "mail": {"destination": ["ada@acme.test"]}}

TIMED: Mapping[str, Callable[[Micros], Signed]] = {
    "sendgrid": lambda at: make.sendgrid(BODY, at),
    "mailgun": lambda at: make.mailgun({"event": "opened"}, at),
    "hubspot": lambda at: make.hubspot_v3(BODY, at),
    "resend": lambda at: make.standard(BODY, at, prefix="svix-"),
    "standard": lambda at: make.standard(BODY, at),
    "ses": lambda at: make.sns(EVENT, at),
}
UNTIMED: Mapping[str, list[Signed]] = {
    "mandrill": [make.mandrill([{"event": "open"}])],
    "hubspot": [make.hubspot_v1(BODY), make.hubspot_v2(BODY)],
    "mailtrap": [make.hex_hmac(BODY, "Mailtrap-Signature")],
    "mailersend": [make.hex_hmac(BODY, "Signature")],
    "ses": [make.sns(EVENT, version="2"), make.sns(EVENT, Subject=None)],
}
EVERY = [
    *((name, sign(AT)) for name, sign in TIMED.items()),
    *((name, one) for name, several in UNTIMED.items() for one in several),
]


async def authenticated(given: Delivery) -> Proof | None:
    return await providers()[given.head.params["provider"]].authenticate(given)


async def refused(given: Delivery) -> str:
    with pytest.raises(RefusedError) as found:
        await authenticated(given)
    assert found.value.status in (400, 401, 403)
    return found.value.message


@pytest.mark.parametrize(("name", "signed"), EVERY)
async def test_right(name: str, signed: Signed) -> None:
    await authenticated(delivery(name, *signed, SETTINGS[name]))


@pytest.mark.parametrize(("name", "signed"), EVERY)
async def test_without_a_signature(name: str, signed: Signed) -> None:
    body, _ = signed
    if name == "mailgun":
        body = b'{"event-data": {"event": "opened"}}'
    if name == "ses":
        body = json.dumps({**json.loads(body), "Signature": ""}).encode()
    await refused(delivery(name, body, {}, SETTINGS[name]))


def _wrong(name: str) -> ProviderSettings:
    if name == "ses":
        return ProviderSettings(topics=("arn:aws:sns:eu-west-3:123456789012:another",))
    other = make.OTHER_SENDGRID_KEY if name == "sendgrid" else "whsec_" + "b3RoZXIh" * 4
    return ProviderSettings((other,), SETTINGS[name].url, older=SETTINGS[name].older)


@pytest.mark.parametrize(("name", "signed"), EVERY)
async def test_with_another_secret(name: str, signed: Signed) -> None:
    await refused(delivery(name, *signed, _wrong(name)))


@pytest.mark.parametrize(("name", "signed"), EVERY)
async def test_one_of_two_secrets_while_they_are_changed(name: str, signed: Signed) -> None:
    wrong, right = _wrong(name), SETTINGS[name]
    both = {"secrets": wrong.secrets + right.secrets, "topics": wrong.topics + right.topics}
    two = msgspec.structs.replace(right, **both)
    await authenticated(delivery(name, *signed, two))


@pytest.mark.parametrize(("name", "signed"), [one for one in EVERY if one[0] not in ("mailgun", "ses")])
async def test_over_the_same_json_written_otherwise(name: str, signed: Signed) -> None:
    body, headers = signed
    for other in (body.strip() + b" ", body.replace(b" ", b""), body.replace(b"open", b"click"), b""):
        if other != body:
            await refused(delivery(name, other, headers, SETTINGS[name]))


async def test_amazon_signs_fields_however_the_rest_is_written() -> None:
    body, headers = make.sns(EVENT)
    message = json.loads(body)
    await authenticated(delivery("ses", json.dumps(message, indent=1).encode(), headers, SETTINGS["ses"]))
    for field in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"):
        changed = {**message, field: message[field] + " "}
        await refused(delivery("ses", json.dumps(changed).encode(), headers, SETTINGS["ses"]))


@pytest.mark.parametrize("name", TIMED)
async def test_old_and_ahead(name: str) -> None:
    oldest = providers()[name].max_age_s * SECOND
    for at in (AT - oldest, AT + 300 * SECOND):
        await authenticated(delivery(name, *TIMED[name](Micros(at)), SETTINGS[name]))
    assert "older" in await refused(
        delivery(name, *TIMED[name](Micros(AT - oldest - SECOND)), SETTINGS[name])
    )
    assert "future" in await refused(delivery(name, *TIMED[name](Micros(AT + 301 * SECOND)), SETTINGS[name]))


@pytest.mark.parametrize("name", TIMED)
async def test_the_age_can_be_set(name: str) -> None:
    settings = SETTINGS[name]
    longer = ProviderSettings(settings.secrets, settings.url, 20 * 3600 * SECOND, settings.topics)
    await authenticated(delivery(name, *TIMED[name](Micros(AT - 19 * 3600 * SECOND)), longer))
    shorter = ProviderSettings(settings.secrets, settings.url, 10 * SECOND, settings.topics)
    await refused(delivery(name, *TIMED[name](Micros(AT - 11 * SECOND)), shorter))


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "١٢٣", "9" * 40, "1793523600.", "1793523600.5.5"])
async def test_a_timestamp_that_is_none(stamp: str) -> None:
    for name, header in (
        ("sendgrid", "X-Twilio-Email-Event-Webhook-Timestamp"),
        ("hubspot", "X-HubSpot-Request-Timestamp"),
        ("standard", "webhook-timestamp"),
    ):
        body, headers = TIMED[name](AT)
        headers = {**headers, header: stamp.encode().decode("latin-1")}
        await refused(delivery(name, body, headers, SETTINGS[name]))


@pytest.mark.parametrize("name", TIMED)
async def test_the_same_delivery_is_known_again_and_another_is_not(name: str) -> None:
    first = await authenticated(delivery(name, *TIMED[name](AT), SETTINGS[name]))
    again = await authenticated(delivery(name, *TIMED[name](AT), SETTINGS[name]))
    assert first == again and first is not None and first.once and first.signed == AT


async def test_digits_moved_between_mailgun_s_timestamp_and_token_are_the_same_delivery() -> None:
    body, _ = make.mailgun({"event": "opened"}, token="7" * 50)
    message = json.loads(body)
    first = await authenticated(delivery("mailgun", body, {}, SETTINGS["mailgun"]))
    stamp, token = message["signature"]["timestamp"], message["signature"]["token"]
    message["signature"] |= {"timestamp": stamp[:-1], "token": stamp[-1] + token}
    aged = ProviderSettings(SETTINGS["mailgun"].secrets, max_age_us=10**16)
    moved = await authenticated(delivery("mailgun", json.dumps(message).encode(), {}, aged))
    assert first is not None and moved is not None and first.once == moved.once


async def test_mailgun_s_parent_account_may_have_signed() -> None:
    message = json.loads(make.mailgun({"event": "opened"})[0])
    message["parent-signature"] = message["signature"]
    message["signature"] = {**message["signature"], "signature": "0" * 64}
    await authenticated(delivery("mailgun", json.dumps(message).encode(), {}, SETTINGS["mailgun"]))


async def test_an_address_is_what_the_request_says_where_none_is_set() -> None:
    seen = "leads.acme.test"
    settings = ProviderSettings(SETTINGS["mandrill"].secrets)
    for url, more in (
        (f"https://{seen}/v1/webhooks/mandrill", {}),
        (f"http://{seen}/v1/webhooks/mandrill", {}),
        (
            f"https://any:pass@{seen}/v1/webhooks/mandrill",
            {"Authorization": "Basic " + base64.b64encode(b"any:pass").decode()},
        ),
    ):
        body, headers = make.mandrill([], url)
        await authenticated(delivery("mandrill", body, {**headers, "Host": seen, **more}, settings))
        await refused(delivery("mandrill", body, {**headers, "Host": "elsewhere.test", **more}, settings))


async def test_hubspot_signs_an_address_plainly() -> None:
    settings = ProviderSettings(SETTINGS["hubspot"].secrets, URL + "hubspot?to=a%40b%2Fc&x=%C3%A9")
    signed = make.hubspot_v3(BODY, url=URL + "hubspot?to=a@b/c&x=%C3%A9")
    await authenticated(delivery("hubspot", *signed, settings))


async def test_hubspot_s_older_signatures_count_only_where_that_is_set() -> None:
    settings = SETTINGS["hubspot"]
    for signed, version in ((make.hubspot_v1(BODY), "v1"), (make.hubspot_v2(BODY), "v2")):
        only = msgspec.structs.replace(settings, older=(version,))
        await authenticated(delivery("hubspot", *signed, only))
        for others in ((), tuple(one for one in settings.older if one != version)):
            told = await refused(
                delivery("hubspot", *signed, msgspec.structs.replace(settings, older=others))
            )
            assert "no X-HubSpot-Signature-v3" in told
        body, headers = signed
        named = {**headers, "X-HubSpot-Signature-Version": "v3"}
        await refused(delivery("hubspot", body, named, settings))


async def test_a_wrong_third_signature_of_hubspot_is_not_saved_by_an_older_one() -> None:
    for older in (make.hubspot_v1(BODY), make.hubspot_v2(BODY)):
        body, right = make.hubspot_v3(BODY)
        await authenticated(delivery("hubspot", body, {**right, **older[1]}, SETTINGS["hubspot"]))
        for wrong in ("", "x", right["X-HubSpot-Signature-v3"].lower()):
            headers = {**right, **older[1], "X-HubSpot-Signature-v3": wrong}
            assert "wrong" in await refused(delivery("hubspot", body, headers, SETTINGS["hubspot"]))
        old = make.hubspot_v3(BODY, Micros(AT - 301 * SECOND))
        headers = {**old[1], **older[1]}
        assert "older than" in await refused(delivery("hubspot", body, headers, SETTINGS["hubspot"]))


async def test_standard_webhooks_passes_over_a_part_of_a_second() -> None:
    body, headers = make.standard(BODY)
    headers["webhook-timestamp"] += ".811513"
    await authenticated(delivery("standard", body, headers, SETTINGS["standard"]))


async def test_standard_webhooks_takes_any_of_several_signatures() -> None:
    body, headers = make.standard(BODY)
    right = headers["webhook-signature"].split()[1]
    for signatures in (f"v1a,xx {right}", f"{right} v1,xx", f"v2,xx v1, , {right}"):
        headers = {**headers, "webhook-signature": signatures}
        await authenticated(delivery("standard", body, headers, SETTINGS["standard"]))
    for signatures in (
        "",
        "v1",
        right.replace("v1,", "v2,"),
        right.removeprefix("v1,"),
        "v1,xx " * 20 + right,
    ):
        headers = {**headers, "webhook-signature": signatures}
        await refused(delivery("standard", body, headers, SETTINGS["standard"]))


# Amazon's certificates


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-3.amazonaws.com.evil.test/SimpleNotificationService-0a.pem",
        "https://evil.test/SimpleNotificationService-0a.pem",
        "https://sns.evil.test/?sns.eu-west-3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-3.amazonaws.com@evil.test/SimpleNotificationService-0a.pem",
        "https://evil@sns.eu-west-3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-3.amazonaws.com:8443/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-3.amazonaws.com/other.pem",
        "https://s3.eu-west-3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-3.amazonaws.com:port/SimpleNotificationService-0a.pem",
        "https://[sns/SimpleNotificationService-0a.pem",
        "",
    ],
)
async def test_a_certificate_from_elsewhere_is_not_even_fetched(url: str) -> None:
    amazon = Amazon()
    given = delivery("ses", *make.sns(EVENT, SigningCertURL=url), SETTINGS["ses"], fetch=amazon)
    assert "SigningCertURL" in await refused(given)
    assert not amazon.asked


async def test_a_certificate_is_fetched_once() -> None:
    amazon, ses = Amazon(), providers()["ses"]
    for version in ("1", "2", "1"):
        await ses.authenticate(
            delivery("ses", *make.sns(EVENT, version=version), SETTINGS["ses"], fetch=amazon)
        )
    assert amazon.asked == [CERTIFICATE_URL]


async def test_a_topic_that_is_not_ours_costs_no_fetch() -> None:
    amazon = Amazon()
    for topic in ("arn:aws:sns:eu-west-3:999999999999:mail", "", None):
        given = delivery("ses", *make.sns(EVENT, TopicArn=topic), SETTINGS["ses"], fetch=amazon)
        assert "TopicArn" in await refused(given)
    assert not amazon.asked


async def test_a_certificate_that_cannot_be_had_is_not_asked_for_all_the_time() -> None:
    amazon, certificates = Amazon(away=True), Certificates()
    for now in (AT, AT + SECOND, AT + 61 * SECOND):
        with pytest.raises(RefusedError) as found:
            await certificates.key(CERTIFICATE_URL, amazon, Micros(now))
        assert found.value.status == 503
    assert len(amazon.asked) == 2


# vectors of the vendors themselves


def _vectors(file: str) -> Any:
    path = CAPTURES / "email" / file
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    return json.loads(path.read_text(encoding="utf-8"))


async def test_sendgrid_s_vectors() -> None:
    for vector in _vectors("sendgrid_signature_vectors.json")["vectors"].values():
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": vector["signature"],
            "X-Twilio-Email-Event-Webhook-Timestamp": vector["timestamp"],
        }
        at = Micros(int(vector["timestamp"]) * SECOND)
        settings = ProviderSettings((vector["public_key"],))
        body = vector["raw_body"].encode()
        await authenticated(delivery("sendgrid", body, headers, settings, at))
        await refused(delivery("sendgrid", body.rstrip(), headers, settings, at))
        await refused(delivery("sendgrid", body, headers, SETTINGS["sendgrid"], at))
        await refused(delivery("sendgrid", body, headers, settings, Micros(at + 301 * SECOND)))


async def test_hubspot_s_vectors() -> None:
    for vector in _vectors("hubspot.json")["signature_vectors"]:
        name = {"v3": "X-HubSpot-Signature-v3"}.get(vector["version"], "X-HubSpot-Signature")
        stamp = vector.get("timestamp", "0")
        headers = {name: vector["signature"], "X-HubSpot-Request-Timestamp": stamp}
        if vector["version"] == "v2":
            headers["X-HubSpot-Signature-Version"] = "v2"
        settings = ProviderSettings((vector["client_secret"],), vector["url"], older=("v1", "v2"))
        given = delivery(
            "hubspot", vector["request_body"].encode(), headers, settings, Micros(int(stamp) * 1_000)
        )
        await authenticated(given)
        await refused(replace(given, raw=given.raw + b" "))


async def test_standard_webhooks_vector() -> None:
    vector = _vectors("standard_webhooks.json")["vector"]
    told = (
        ("id", vector["msg_id"]),
        ("timestamp", str(vector["timestamp"])),
        ("signature", vector["signature"]),
    )
    settings, at = ProviderSettings((vector["secret"],)), Micros(vector["timestamp"] * SECOND)
    for prefix in ("webhook-", "svix-"):
        headers = {f"{prefix}{name}": value for name, value in told}
        given = delivery("standard", vector["payload"].encode(), headers, settings, at)
        await authenticated(given)
        await refused(replace(given, raw=b'{"test":2432232314}'))
