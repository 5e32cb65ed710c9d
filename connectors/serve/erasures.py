"""The block list as the read side knows it: nothing of an erased id is taken into the cache."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from connectors.serve.facts import (
    AccountFact,
    AlertFact,
    DeliveryFact,
    ErasureFact,
    EventFact,
    Fact,
    Incoming,
    ParkedFact,
    ScoreFact,
    TaskFact,
)
from scorer.blocks import Hasher
from scorer.times import Micros

NOBODY: Final = ""
"""In place of an erased lead among the ties of a computer that others use too."""


class Erasures:
    """Hashes of erased ids, and from when on what comes of them counts again."""

    def __init__(self, key: bytes) -> None:
        self._hasher = Hasher(key)
        self._blocks: dict[bytes, Micros | None] = {}

    def note(self, fact: ErasureFact) -> None:
        """Takes up a notice; raises BlocksError where it was made with another key."""
        self._hasher.require_own(fact.hashed)
        self._blocks[fact.hashed] = fact.allowed

    def erase(self, hashed: bytes, moment: Micros) -> Micros | None:
        """A lead's own record says that it was erased; gives from when on it was allowed again, if it was."""
        allowed = self._blocks.get(hashed)
        if allowed is None or moment > allowed:
            self.note(ErasureFact(hashed, None))
            return None
        return allowed

    @property
    def digest(self) -> str:
        """Changes with the list."""
        return self._hasher.hash(repr(sorted(self._blocks.items())).encode()).hex()

    def holds(self, identity: str, received: Micros) -> bool:
        """Whether what came of an id at a moment is to be left out."""
        if not self._blocks:
            return False
        hashed = self._hasher.hash(identity)
        if hashed not in self._blocks:
            return False
        allowed = self._blocks[hashed]
        return allowed is None or received < allowed

    def gone(self, identity: str) -> bool:
        """Whether an id is erased, and may not come again."""
        return bool(self._blocks) and self._blocks.get(self._hasher.hash(identity), 0) is None

    def let(self, record: Incoming, fact: Fact | None) -> Fact | None:
        """A fact without what is erased; None where nothing is left of it."""
        if fact is None or not self._blocks:
            return fact
        if isinstance(fact, EventFact):
            return self._event(fact, record.timestamp)
        if isinstance(fact, AccountFact):
            return fact if fact.record is None else self._of_account(fact, record.timestamp)
        lead: Any = None
        if isinstance(fact, ScoreFact) and fact.record is not None:
            lead = fact.lead
        elif isinstance(fact, AlertFact):
            lead, fact = fact.record["lead_id"], self._of_alert(fact, record.timestamp)
        elif isinstance(fact, ParkedFact):
            lead = _lead_of(fact)
        elif isinstance(fact, DeliveryFact | TaskFact):
            lead = fact.lead
        return None if isinstance(lead, str) and self.holds(lead, record.timestamp) else fact

    def _of_account(self, fact: AccountFact, received: Micros) -> AccountFact:
        """An account without the erased among its leads."""
        return AccountFact(fact.account, without(fact.record or {}, lambda one: self.holds(one, received)))

    def _of_alert(self, fact: AlertFact, received: Micros) -> AlertFact:
        """An account's alert without the erased among its leads."""
        kept = without(fact.record, lambda one: self.holds(one, received))
        if kept is fact.record:
            return fact
        return AlertFact(fact.id, fact.at, kept, msgspec.json.encode(kept).decode())

    def _event(self, fact: EventFact, received: Micros) -> EventFact | None:
        other = fact.tie[0] if fact.tie else None
        if self.holds(fact.key, received):
            if other is None or self.holds(other, received):
                return None
            # Not told of this tie, the computer's next user would be shown what the erased one did.
            empty = {"stored": "", "last": None, "channel": None, "answer": None}
            return msgspec.structs.replace(fact, copies=(), tie=(other, NOBODY), **empty)
        if other is not None and self.holds(other, received):
            return msgspec.structs.replace(fact, copies=fact.copies[:1], tie=None)
        return fact


def without(record: dict[str, Any], gone: Callable[[str], bool]) -> dict[str, Any]:
    """What tells of an account, its row or an alert, without those of the leads that it names."""
    leads = record.get("leads") or ()
    kept = [one for one in leads if not gone(str(one.get("lead_id")))]
    return record if len(kept) == len(leads) else record | {"leads": kept}


def _lead_of(fact: ParkedFact) -> Any:
    try:
        told = msgspec.json.decode(fact.text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    alert = told.get("alert")
    return alert.get("lead_id") if isinstance(alert, dict) else None
