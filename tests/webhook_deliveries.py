"""Deliveries of mail providers for tests, signed as each signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook
from starlette.datastructures import Headers, QueryParams

from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.protocol import Head
from connectors.ingest.webhooks.fetching import FetchError
from connectors.ingest.webhooks.provider import Delivery, Told
from connectors.ingest.webhooks.registry import providers
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof
from connectors.ingest.webhooks.sns import canonical
from scorer.times import SECOND, Micros, format_time, parse_time

AT: Final = parse_time("2026-11-01T09:00:00Z")
URL: Final = "https://leads.acme.test/v1/webhooks/"
SECRET: Final = "a-secret-of-the-tests"
WHSEC: Final = "whsec_" + base64.b64encode(b"a secret of 24 bytes' len").decode()
TOPIC: Final = "arn:aws:sns:eu-west-3:123456789012:mail"
CERTIFICATE_URL: Final = "https://sns.eu-west-3.amazonaws.com/SimpleNotificationService-0a1b2c.pem"

Signed = tuple[bytes, dict[str, str]]
"""A body and the headers that it comes with."""


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, info)).decode()


_EC: Final = ec.derive_private_key(4242, ec.SECP256R1())
SENDGRID_KEY: Final = _public(_EC)
OTHER_SENDGRID_KEY: Final = _public(ec.derive_private_key(4243, ec.SECP256R1()))
_RSA: Final = rsa.generate_private_key(65537, 2048)


def delivery(
    name: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    settings: ProviderSettings = ProviderSettings(),  # noqa: B008 (frozen)
    now: Micros = AT,
    fetch: Any = None,
) -> Delivery:
    """A request that came at a moment."""
    path = f"/v1/webhooks/{name}"
    head = Head("POST", path, {"provider": name}, QueryParams(""), Headers(headers or {}), now, None)
    return Delivery(head, body, path, settings, fetch or fetch_certificate, 1_000_000)


def events(
    name: str,
    body: Any,
    *,
    settings: ProviderSettings = ProviderSettings(),  # noqa: B008 (frozen)
    mapping: SourceMapping = PLAIN,
    headers: Mapping[str, str] | None = None,
    proof: Proof | None = None,
) -> list[dict[str, Any]]:
    """The events of a body, whoever sent it."""
    provider = providers()[name]
    told = Told(
        delivery(name, body if isinstance(body, bytes) else json.dumps(body).encode(), headers, settings),
        mapping,
        proof,
    )
    return [event for item in provider.items(told.delivery) for event in provider.events(item, told)]


def sendgrid(body: bytes, at: Micros = AT) -> Signed:
    stamp = str(at // SECOND)
    signature = _EC.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }


def mailgun(data: Mapping[str, Any], at: Micros = AT, token: str = "t" * 50) -> Signed:
    stamp = str(at // SECOND)
    signature = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return json.dumps({"signature": signed, "event-data": data}).encode(), {}


def mandrill(told: Any, url: str = URL + "mandrill") -> Signed:
    text = json.dumps(told)
    signature = hmac.new(SECRET.encode(), f"{url}mandrill_events{text}".encode(), hashlib.sha1).digest()
    return urlencode({"mandrill_events": text}).encode(), {
        "X-Mandrill-Signature": base64.b64encode(signature).decode()
    }


def hubspot_v3(body: bytes, at: Micros = AT, url: str = URL + "hubspot") -> Signed:
    stamp = str(at // 1_000)
    signed = b"POST" + url.encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    return body, {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}


def hubspot_v2(body: bytes, url: str = URL + "hubspot") -> Signed:
    signature = hashlib.sha256(f"{SECRET}POST{url}".encode() + body).hexdigest()
    return body, {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": "v2"}


def hubspot_v1(body: bytes) -> Signed:
    return body, {"X-HubSpot-Signature": hashlib.sha256(SECRET.encode() + body).hexdigest()}


def standard(body: bytes, at: Micros = AT, message_id: str = "msg_1", prefix: str = "webhook-") -> Signed:
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return body, {
        f"{prefix}id": message_id,
        f"{prefix}timestamp": str(at // SECOND),
        f"{prefix}signature": "v1,bm90IGl0 " + Webhook(WHSEC).sign(message_id, moment, body.decode()),
    }


def hex_hmac(body: bytes, header: str) -> Signed:
    return body, {header: hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


def sns(event: Any, at: Micros = AT, version: str = "1", **more: Any) -> Signed:
    """A message of Amazon SNS; `more` overrides its fields, before it is signed."""
    message = {
        "Type": "Notification",
        "MessageId": "19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": event if isinstance(event, str) else json.dumps(event) + "\n",
        "Timestamp": format_time(at),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **more,
    }
    hashed = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = _RSA.sign(canonical(message), padding.PKCS1v15(), hashed)
    message["Signature"] = base64.b64encode(signature).decode()
    return json.dumps(message).encode(), {"Content-Type": "text/plain; charset=UTF-8"}


class Amazon:
    """What is at Amazon's addresses, and who asked for it."""

    def __init__(self, *, away: bool = False) -> None:
        self.asked: list[str] = []
        self.away = away

    async def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self.away:
            raise FetchError("away")
        return _CERTIFICATE if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"


async def fetch_certificate(url: str) -> bytes:
    """The certificate, wherever it is asked for."""
    del url
    return _CERTIFICATE


def _certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(_RSA.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2027, 1, 1))
    return made.sign(_RSA, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


_CERTIFICATE: Final = _certificate()

SETTINGS: Final[Mapping[str, ProviderSettings]] = {
    "sendgrid": ProviderSettings((SENDGRID_KEY,)),
    "mandrill": ProviderSettings((SECRET,), URL + "mandrill"),
    "hubspot": ProviderSettings((SECRET,), URL + "hubspot", older=("v1", "v2")),
    "resend": ProviderSettings((WHSEC,)),
    "standard": ProviderSettings((WHSEC,)),
    "ses": ProviderSettings(topics=(TOPIC,)),
    **{name: ProviderSettings((SECRET,)) for name in ("mailgun", "mailtrap", "mailersend", "postmark")},
}
