"""Reads a lead's score record as its account needs it."""

from typing import Any, Final

import msgspec

from scorer.account_name import account_of
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.roll_up import Member
from scorer.times import parse_time

_LONGEST: Final = 200


class MemberError(ValueError):
    """No score record."""


class _Record(msgspec.Struct):
    as_of: str
    tier: str
    contributions: dict[str, float]
    fading: list[tuple[str, float, float | None, str, str | None]]
    pending: list[tuple[str, float, str]]
    traits: dict[str, Any]


_decoder: Final = msgspec.json.Decoder(_Record)


class MemberReader:
    """Reads score records by a grid."""

    def __init__(self, plan: Plan) -> None:
        self._tiers = plan.tier_index
        self._reader = Reader(plan)

    def read(self, lead: str, value: bytes) -> tuple[str, Member, int] | None:
        """The account that a lead is of, the lead as a member, and the moment of its record (microseconds).

        None for a lead without an account; MemberError where the value is no score record.
        """
        try:
            record = _decoder.decode(value)
            account = account_of(record.traits)
            if account is None:
                return None
            terms = self._reader.terms(msgspec.structs.asdict(record))
            moment = parse_time(record.as_of)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise MemberError(str(error)) from None
        traits = record.traits
        company = _line(traits.get("company"))
        member = Member(lead, self._tiers.get(record.tier, 0), tuple(terms), company, _name(traits))
        return account, member, moment


def _name(traits: dict[str, Any]) -> str | None:
    parts = (_line(traits.get(part)) for part in ("first_name", "last_name"))
    return " ".join(filter(None, parts)) or _line(traits.get("name")) or _line(traits.get("email"))


def _line(value: object) -> str | None:
    return value.strip()[:_LONGEST] or None if isinstance(value, str) else None
