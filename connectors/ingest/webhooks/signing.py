"""What providers' signatures have in common: their age, how they are compared, how one is refused."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from connectors.ingest.errors import RefusedError
from scorer.times import SECOND, Micros

CHALLENGE: Final = 'Basic realm="LeadHeat webhooks"'
"""Amazon SNS sends the name and password of a URL only once it was asked for them."""
AHEAD_US: Final = 300 * SECOND
"""A signature may come from a clock that is five minutes ahead, as Standard Webhooks allows."""
_LONGEST_NUMBER: Final = 16


@dataclass(frozen=True)
class Proof:
    """A signature that holds: which delivery it is of, and when it was made."""

    once: str
    signed: Micros


def unproven(why: str) -> RefusedError:
    """The refusal of a request that does not show who sent it."""
    return RefusedError(401, why, challenge=CHALLENGE)


def fresh(text: str | None, unit: int, now: Micros, max_age_us: int) -> Micros:
    """When a signature was made, told as a number of `unit` microseconds; RefusedError 401: too old."""
    text = text or ""
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise unproven("the signature's timestamp is missing or no whole number")
    signed = Micros(int(text) * unit)
    require_fresh(signed, now, max_age_us)
    return signed


def require_fresh(signed: Micros, now: Micros, max_age_us: int) -> None:
    """Raises RefusedError 401 where a signature is older than that, or ahead of our clock."""
    if signed < now - max_age_us:
        raise unproven(f"the signature is older than {max_age_us // SECOND} s")
    if signed > now + AHEAD_US:
        raise unproven("the signature is of the future")


def hmac_sha256(secret: str, *parts: bytes) -> bytes:
    """The HMAC-SHA-256 of the parts, one after the other."""
    return hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).digest()


def one_of(given: bytes, right: Iterable[bytes]) -> bool:
    """Whether it is one of those, in the same time whichever it is."""
    return any([hmac.compare_digest(given, one) for one in right])  # noqa: C419 (constant time)


def require_hex_hmac(given: str | None, body: bytes, secrets: Iterable[str]) -> None:
    """Raises RefusedError 401 unless it is the HMAC-SHA-256 of the body in hexadecimal digits."""
    right = [hmac_sha256(secret, body).hex().encode() for secret in secrets]
    if not one_of((given or "").encode(), right):
        raise unproven("the signature is missing or wrong")
