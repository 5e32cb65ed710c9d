"""HubSpot's webhooks: what becomes of its contacts, and the properties by which it tells of their e-mails."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from connectors.ingest.names import traits_of
from connectors.ingest.webhooks.addressed import addresses
from connectors.ingest.webhooks.mail import BOUNCE, CLICK, OPEN, UNSUBSCRIBE, derived_id
from connectors.ingest.webhooks.provider import Delivery, SignedProvider, Told
from connectors.ingest.webhooks.reading import address, decoded, identity, moment, part, text
from connectors.ingest.webhooks.signing import Proof, fresh, one_of, unproven
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import format_time

_MILLISECOND_US: Final = 1_000
_CONTACT: Final = "0-1"
"""HubSpot's number of the type of object that is a person."""
_HAPPENED: Final = {
    "hs_email_last_open_date": OPEN,
    "hs_email_last_click_date": CLICK,
    "recent_conversion_date": "form_submit",
}
"""Properties whose new value is when something happened."""
_SAID: Final = {"hs_email_optout": UNSUBSCRIBE, "hs_email_bounce": BOUNCE}
"""Properties whose new value says that something did."""
_NO: Final = frozenset({"", "false", "0"})
_TRAITS: Final = {
    "jobtitle": "title",
    "firstname": "first_name",
    "lastname": "last_name",
    "numemployees": "employees",
    "numberofemployees": "employees",
    "annualrevenue": "revenue",
    "mobilephone": "phone",
}
_NOT_V3: Final = (
    "no X-HubSpot-Signature-v3: set `older: [v1, v2]` in the webhooks file to take what is signed by less"
)
_DECODED: Final = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot writes plainly in the address that it signs, however it is written in the request."""


class HubSpot(SignedProvider):
    """HubSpot. Its contact `123` is the lead `hubspot-123`, to which the contact's address is tied."""

    name = "hubspot"

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """By its third signature; by the first two, which sign no time, only where the settings say so.

        A request with the third is judged by that alone: none falls back to what proves less.
        """
        headers = delivery.head.headers
        if (given := headers.get("x-hubspot-signature-v3")) is not None:
            return _require_v3(delivery, given, delivery.max_age_us(self.max_age_s))
        given = headers.get("x-hubspot-signature", "")
        version = headers.get("x-hubspot-signature-version", "v1")
        if version not in delivery.settings.older:
            raise unproven(_NOT_V3)
        urls = addresses(delivery) if version == "v2" else []
        signed = [f"POST{url}".encode() for url in urls] if version == "v2" else [b""]
        right = [
            hashlib.sha256(secret.encode() + before + delivery.raw).hexdigest().encode()
            for secret in delivery.settings.secrets
            for before in signed
        ]
        if not one_of(given.encode(), right):
            raise unproven("the signature is missing or wrong: is `url` the address that HubSpot calls?")
        return None

    def events(self, item: bytes, told: Told) -> Iterator[dict[str, Any]]:
        """What a subscription, or a workflow that sends its contact, tells of a person."""
        message = decoded(item)
        if "subscriptionType" not in message:
            yield from _whole(message, told)
        elif _is_of_contact(message):
            yield from _changed(message, told)


def _require_v3(delivery: Delivery, given: str, max_age_us: int) -> Proof:
    stamp = delivery.head.headers.get("x-hubspot-request-timestamp", "")
    signed = fresh(stamp, _MILLISECOND_US, delivery.head.received, max_age_us)
    right = [
        base64.b64encode(
            hmac.new(secret.encode(), before + delivery.raw + stamp.encode(), hashlib.sha256).digest()
        )
        for secret in delivery.settings.secrets
        for url in addresses(delivery)
        for before in {f"POST{one}".encode() for one in (url, _plainly(url))}
    ]
    if not one_of(given.encode(), right):
        raise unproven("the signature is wrong: is `url` the address that HubSpot calls?")
    return Proof(given, signed)


def _plainly(url: str) -> str:
    return _DECODED.sub(lambda found: unquote(found[0]), url)


def _is_of_contact(message: Mapping[str, Any]) -> bool:
    kind = text(message, "subscriptionType") or ""
    return kind.startswith("contact.") or text(message, "objectTypeId") == _CONTACT


def _changed(message: Mapping[str, Any], told: Told) -> Iterator[dict[str, Any]]:
    contact = text(message, "objectId")
    if contact is None:
        raise EventError("objectId: missing: expected the number of a contact")
    action = (text(message, "subscriptionType") or "").partition(".")[2]
    lead, at = f"hubspot-{contact}", moment(message.get("occurredAt"))
    parts = [
        message.get(name) for name in ("portalId", "subscriptionId", "eventId", "occurredAt", "propertyName")
    ]
    base: dict[str, Any] = {"id": derived_id("hubspot", contact, *parts), "lead_id": lead}
    if at is not None:
        base["time"] = format_time(at)
    if action == "creation":
        yield {**base, "type": "identify"}
    elif action == "propertyChange":
        yield from _property(base, text(message, "propertyName") or "", message.get("propertyValue"), told)
    elif action == "merge":
        new = text(message, "newObjectId", "primaryObjectId") or contact
        merged = message.get("mergedObjectIds")
        former = (text({"id": one}, "id") for one in (merged if isinstance(merged, list) else []))
        for place, other in enumerate(former):
            if other not in (None, new):
                yield {
                    **base,
                    "id": f"{base['id']}/{place}",
                    "type": "alias",
                    "lead_id": f"hubspot-{new}",
                    "properties": {"previous_id": f"hubspot-{other}"},
                }


def _property(base: dict[str, Any], name: str, value: Any, told: Told) -> Iterator[dict[str, Any]]:
    context = {"channel": "email"}
    if name in _HAPPENED:
        if (at := moment(value)) is not None:
            yield {**base, "type": _HAPPENED[name], "time": format_time(at), "context": context}
    elif name in _SAID:
        if str(value).lower() not in _NO:
            yield {**base, "type": _SAID[name], "context": context}
    else:
        yield from _identified(base, {name: None if value == "" else value}, told)


def _whole(message: Mapping[str, Any], told: Told) -> Iterator[dict[str, Any]]:
    """A contact with all its properties, as a workflow's action sends it."""
    contact = text(message, "vid", "objectId", "hs_object_id")
    if contact is None:
        raise EventError("objectId: missing: expected what a subscription sends, or a contact")
    found = {
        name: value.get("value") if isinstance(value, dict) else value
        for name, value in part(message, "properties").items()
    }
    base = {"id": derived_id("hubspot", contact, repr(sorted(found.items(), key=lambda one: one[0]))),
            "lead_id": f"hubspot-{contact}"}  # fmt: skip
    yield from _identified(base, found, told)


def _identified(base: dict[str, Any], found: dict[str, Any], told: Told) -> Iterator[dict[str, Any]]:
    """The traits, the address as an identity of the lead, and whom an own property says the lead is."""
    traits = traits_of(found, {**_TRAITS, **told.mapping.traits})
    event = {**base, "type": "identify", "traits": traits}
    if isinstance(email := traits.get("email"), str) and "@" in email:
        event["anonymous_id"] = address(email)
    yield event
    own = somebody(identity(found, told.delivery.settings.lead_id))
    if own is not None and own != base["lead_id"]:
        former = {"previous_id": base["lead_id"]}
        yield {**base, "id": f"{base['id']}/alias", "type": "alias", "lead_id": own, "properties": former}
