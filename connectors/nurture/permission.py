"""Whether a lead may be written to: a usable address, consent as the law wants it."""

from collections.abc import Mapping
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email

from connectors.nurture.plan import Consent, Pixel
from scorer.email_kind import email_kind

PURPOSES: Final = ("email", "marketing")
"""Consents that mails are about: one refused, and none goes."""
_TRACKING: Final = "tracking"
_ROLES: Final = frozenset(
    [
        "abuse",
        "accounting",
        "admin",
        "administrator",
        "all",
        "billing",
        "bonjour",
        "compta",
        "comptabilite",
        "contact",
        "direction",
        "devnull",
        "everyone",
        "facturation",
        "hello",
        "help",
        "hostmaster",
        "hr",
        "info",
        "jobs",
        "list",
        "mail",
        "mailer-daemon",
        "marketing",
        "no-reply",
        "noc",
        "noreply",
        "office",
        "postmaster",
        "press",
        "privacy",
        "recrutement",
        "rh",
        "root",
        "sales",
        "secretariat",
        "security",
        "service",
        "spam",
        "staff",
        "support",
        "team",
        "unsubscribe",
        "webmaster",
    ]
)
"""Local parts that are no person's (RFC 2142, and what companies use)."""


def address_of(traits: Mapping[str, Any]) -> str | None:
    """The lead's address as mail servers take it; None where there is none that all of them take.

    >>> address_of({"email": " Ada@Acmé.example "}), address_of({"email": "a@b.example, c@d.example"})
    ('Ada@xn--acm-dma.example', None)
    """
    told = traits.get("email")
    if not isinstance(told, str):
        return None
    try:
        found = validate_email(
            told.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError:
        return None
    return found.ascii_email


def refusal(traits: Mapping[str, Any], required: Consent, roles: bool) -> str | None:
    """Why this lead may not be written to; None where it may."""
    address = address_of(traits)
    if address is None:
        return "no usable address"
    if not roles and _without_tag(address) in _ROLES:
        return "address of a role"
    said = [traits.get(f"consent.{purpose}") for purpose in PURPOSES]
    if any(one is False for one in said):
        return "consent refused"
    kind = email_kind(traits.get("email"))
    if kind in ("invalid", "missing"):
        return "no usable address"
    if kind == "disposable":
        return "disposable address"
    wanted = required == "always" or (required == "private" and kind != "work")
    return "no consent" if wanted and not any(one is True for one in said) else None


def may_see_openings(traits: Mapping[str, Any], pixel: Pixel) -> bool:
    """Whether a mail may hold the picture that tells of openings."""
    if pixel != "consent":
        return pixel == "always"
    said = [traits.get(f"consent.{purpose}") for purpose in (*PURPOSES, _TRACKING)]
    return any(one is True for one in said) and not any(one is False for one in said)


def _without_tag(address: str) -> str:
    return address.rpartition("@")[0].partition("+")[0].lower()
