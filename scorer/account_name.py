"""Which account a lead belongs to: the domain of its work e-mail, else the company that it names."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from scorer.email_kind import email_domain, email_kind

_LONGEST: Final = 300


def account_of(traits: Mapping[str, Any]) -> str | None:
    """The one account that a lead counts for.

    >>> account_of({"email": "anne@acme.fr", "company": "Acme SA"}), account_of({"company": "Acme SA"})
    ('acme.fr', 'acme sa')
    """
    return next(iter(accounts_of(traits)), None)


def accounts_of(traits: Mapping[str, Any]) -> list[str]:
    """The names by which a lead's account is looked up: domain of the work e-mail, company as it is written.

    >>> accounts_of({"email": "anne@acme.fr", "company": "Acme SA"}), accounts_of({"email": "a@gmail.com"})
    (['acme.fr', 'acme sa'], [])
    """
    email, company = traits.get("email"), traits.get("company")
    domain = email_domain(email) if email_kind(email) == "work" else None
    named = (account_key(one) for one in (domain, company) if isinstance(one, str))
    return [key for key in named if key]


@lru_cache(maxsize=65_536)
def account_key(name: str) -> str:
    """An account's name for comparing; empty where it says nothing.

    >>> account_key(" ACME   S.A. ")
    'acme s.a.'
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in normal(name))
    return " ".join(shown.split())[:_LONGEST]


def normal(text: str) -> str:
    """Text for comparing: without case and accents.

    >>> normal("Hélène ROUX")
    'helene roux'
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
