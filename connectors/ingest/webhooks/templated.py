"""Tools whose user writes what they send (Marketo, Plezi): fields named as ours or as theirs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.ingest.names import field_name, properties_of, traits_of
from connectors.ingest.webhooks.forms import form_fields, is_json, one_or_form
from connectors.ingest.webhooks.mail import (
    BOUNCE,
    CLICK,
    DELIVERED,
    LEAD_ID,
    OPEN,
    UNSUBSCRIBE,
    derived_id,
    type_of,
)
from connectors.ingest.webhooks.provider import Delivery, MailProvider, Told
from connectors.ingest.webhooks.reading import address, custom, decoded, identity, moment, text
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import format_time

_IDENTIFY: Final = "identify"
_MARKETO: Final[Mapping[str, str | None]] = {
    "send_email": None,
    "email_delivered": DELIVERED,
    "email_bounced": BOUNCE,
    "email_bounced_soft": BOUNCE,
    "open_email": OPEN,
    "click_email": CLICK,
    "unsubscribe_email": UNSUBSCRIBE,
    "visit_webpage": "page_view",
    "fill_out_form": "form_submit",
}
"""Marketo's names of activities."""
_PLEZI: Final[Mapping[str, str | None]] = {
    "form_filled": "form_submit",
    "form_submitted": "form_submit",
    "contact_created": _IDENTIFY,
    "contact_updated": _IDENTIFY,
    "page_visited": "page_view",
}
_KINDS: Final = ("type", "event", "event_type", "event_name", "activity")
_TIMES: Final = ("time", "timestamp", "date", "occurred_at", "created_at")
_TRAITS: Final = frozenset(
    [
        "email",
        "first_name",
        "last_name",
        "phone",
        "company",
        "employees",
        "revenue",
        "industry",
        "country",
        "city",
        "job_title",
    ]
)
_JOB: Final = {"job_title": "title", "email_address": "email"}
"""Of a person; `title` alone may be a page's."""
_WHOLE: Final = ("contact", "lead", "data", "properties", "traits")
"""Objects in which the fields may be."""


class Templated(MailProvider):
    """A tool of which each request holds a flat object, or a form, written by its user."""

    def __init__(self, name: str, types: Mapping[str, str | None]) -> None:
        self.name = name  # type: ignore[misc]  # of each instance here
        self.types = types  # type: ignore[misc]

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The object or list, or the form as a whole."""
        return one_or_form(delivery.body)

    def events(self, item: bytes, told: Told) -> Iterator[dict[str, Any]]:
        """An event, and an `identify` before it where there is something to tell of the person."""
        fields = _fields(decoded(item) if is_json(told.delivery.body) else dict(form_fields(item)))
        kind = text(fields, *_KINDS) or _IDENTIFY
        of_type = _IDENTIFY if kind == _IDENTIFY else type_of(kind, self.types, told.mapping)
        if of_type is None:
            return
        at = moment(text(fields, *_TIMES))
        event_id = text(fields, "event_id") or derived_id(self.name, item)
        base = {
            **_who(fields, told.delivery.settings.lead_id),
            **({} if at is None else {"time": format_time(at)}),
        }
        known = {*_KINDS, *_TIMES, *LEAD_ID, "event_id", "anonymous_id", *told.delivery.settings.lead_id}
        others = {name: value for name, value in fields.items() if name not in known}
        of_person = others if of_type == _IDENTIFY else _of_person(others)
        traits = traits_of(of_person, {**_JOB, **told.mapping.traits})
        if of_type == _IDENTIFY or traits:
            identify_id = event_id if of_type == _IDENTIFY else f"{event_id}/identify"
            yield {"id": identify_id, **base, "type": _IDENTIFY, "traits": traits}
        if of_type != _IDENTIFY:
            properties = properties_of(
                {name: value for name, value in others.items() if name not in of_person},
                of_type,
                told.mapping.properties,
            )
            context = {"channel": "email"} if of_type.startswith("email_") or of_type == UNSUBSCRIBE else {}
            yield {"id": event_id, **base, "type": of_type, "properties": {**properties, "event": kind},
                   "context": context}  # fmt: skip


def marketo() -> Templated:
    """Marketo Engage."""
    return Templated("marketo", _MARKETO)


def plezi() -> Templated:
    """Plezi."""
    return Templated("plezi", _PLEZI)


def _fields(told: Mapping[str, Any]) -> dict[str, Any]:
    found = {field_name(name): value for name, value in told.items()}
    for name in _WHOLE:
        if isinstance(found.get(name), dict):
            for inner, value in custom(found.pop(name)).items():
                found.setdefault(field_name(inner), value)
    return found


def _of_person(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in _TRAITS or name in _JOB}


def _who(fields: Mapping[str, Any], lead_id: tuple[str, ...]) -> dict[str, str]:
    lead = somebody(identity(fields, (*lead_id, *LEAD_ID)))
    mail, anonymous = text(fields, "email", "email_address"), somebody(text(fields, "anonymous_id"))
    if mail is not None:
        anonymous = address(mail)
    who = {"lead_id": lead, "anonymous_id": anonymous}
    if lead is None and anonymous is None:
        raise EventError("email: missing: expected an address, a lead_id or an anonymous_id")
    return {name: value for name, value in who.items() if value is not None}
