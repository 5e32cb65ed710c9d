"""Under which keys of the cache a lead is found: orders, words, accounts."""

import re
from typing import Any, Final

from connectors.serve.scoring import Scoring
from scorer.account_name import accounts_of, normal
from scorer.times import Micros, parse_time

Entry = tuple[str, str, float | None]
"""Key (without the cache's prefix) and member of a sorted set; the bound by which it stands, or its text."""

_END: Final = 10**17
_WORD: Final = re.compile(r"\w+")
_MOST_WORDS: Final = 64
SEPARATOR: Final = "\x00"


def entries(lead: str, record: dict[str, Any], recent: Micros | None, scoring: Scoring) -> list[Entry]:
    """Every place at which a lead is found; one of a tier that the grid doesn't know stands in the first."""
    tier = record["tier"] if record["tier"] in scoring.tiers else scoring.tiers[0]
    bound = scoring.upper_bound(record, parse_time(record["as_of"]))
    found: list[Entry] = [(order_key("score", scoring, tier), lead, bound)]
    for order in ("cools", "recent", "name"):
        member = sort_member(order, lead, record, recent, scoring)
        found.append((order_key(order, scoring, tier), member, None))
    found += [("words", f"{word}{SEPARATOR}{lead}", None) for word in lead_words(record)]
    found += [(f"account:{account}", lead, None) for account in accounts_of(record["traits"])]
    return found


def recently(lead: str, before: list[list[str]], at: Micros) -> list[Entry]:
    """Where a lead stands after it did something, given where it stood."""
    member = f"{_END - at:018d}{SEPARATOR}{lead}"
    return [
        (
            name,
            min(held, member) if name.startswith("order:") and name.split(":")[2] == "recent" else held,
            None,
        )
        for name, held in before
    ]


def order_key(order: str, scoring: Scoring, tier: str) -> str:
    """The key of the leads of a tier in an order, by a grid."""
    return f"order:{scoring.digest}:{order}:{tier}"


def sort_member(
    order: str, lead: str, record: dict[str, Any], recent: Micros | None, scoring: Scoring
) -> str:
    """The text by which a lead sorts in an order, first things first; ends with the lead."""
    if order == "cools":
        at = scoring.cools(record)
        key = f"{_END if at is None else at:018d}"
    elif order == "recent":
        key = f"{_END - recent if recent is not None else 2 * _END:018d}"
    else:
        key = normal(name_of(record)).replace(SEPARATOR, "")
    return f"{key}{SEPARATOR}{lead}"


def lead_of(member: str) -> str:
    """The lead at the end of a member of an order."""
    return member.split(SEPARATOR, 1)[1]


def name_of(record: dict[str, Any]) -> str:
    """What people call the lead.

    >>> name_of({"lead_id": "u-1", "traits": {"first_name": "Anne", "last_name": "Roux"}})
    'Anne Roux'
    >>> name_of({"lead_id": "u-1", "traits": {"company": "Acme"}}), name_of({"lead_id": "u-1", "traits": {}})
    ('Acme', 'u-1')
    """
    traits = record["traits"]
    full = " ".join(str(traits[part]) for part in ("first_name", "last_name") if traits.get(part))
    return full or str(
        traits.get("name") or traits.get("email") or traits.get("company") or record["lead_id"]
    )


def words_of(text: str) -> list[str]:
    """The words of a text, as they are searched.

    >>> words_of("Anne.Roux@acme.fr")
    ['anne', 'roux', 'acme', 'fr']
    """
    return [word[:100] for word in _WORD.findall(normal(text))]


def lead_words(record: dict[str, Any]) -> list[str]:
    """What a lead is found by: name, company, e-mail, ids."""
    traits = record["traits"]
    named = [traits.get(name) for name in ("first_name", "last_name", "name", "company", "email")]
    texts = [
        *(text for text in named if isinstance(text, str)),
        *record["identities"][:16],
        record["lead_id"],
    ]
    return list(dict.fromkeys(word for text in texts for word in words_of(text)))[:_MOST_WORDS]
