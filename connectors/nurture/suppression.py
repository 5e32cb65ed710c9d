"""Why an address, or a lead, gets no mail any more, and the order by which it may get some again."""

from typing import Any, Final

import msgspec

SUPPRESSED: Final = "\0suppressed/"
"""Begins the key of a row that says: this address, given as a hash, gets no mail any more. It has no lead."""
REASONS: Final = ("bounced", "unsubscribed", "complained")
"""Each weighs more than those before it: what is lifted for one reason must not lift another."""
LIFTED: Final = "email_allowed"
"""The event by which `leadheat suppressed lift` says that mails may go again."""
ORDER: Final = "leadheat.order"
"""Header of that event's record. The gateway never sets it, so nobody lifts anything over HTTP."""


class Suppression(msgspec.Struct):
    """A row of an address: it outlives the lead's erasure."""

    why: str
    at: int
    of: str = ""
    """Hash of the lead's id, as an erasure's: by it one sees whether the lead was erased since."""


class Lift(msgspec.Struct):
    """An order, as properties of its event."""

    by: str
    """Who gave it."""
    reason: str
    lifts: list[str]
    """Of `REASONS`: what came for another one meanwhile stays."""
    address_hashes: list[str]


def graver(one: str, other: str) -> str:
    """The reason that weighs more.

    >>> graver("bounced", "complained"), graver("unsubscribed", ""), graver("", "")
    ('complained', 'unsubscribed', '')
    """
    return max(one, other, key=_weight)


def lift_of(properties: Any) -> Lift | None:
    """The order in an event's properties; None where they are none."""
    try:
        return msgspec.convert(properties, Lift)
    except msgspec.ValidationError:
        return None


def _weight(reason: str) -> int:
    return REASONS.index(reason) if reason in REASONS else -1
