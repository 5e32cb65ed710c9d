"""When a delivery is tried again: the schedule that Standard Webhooks gives as its example."""

from typing import Final

from scorer.times import Micros, micros

DELAYS_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After the first attempt, which is made at once; more than three days in all."""
JITTER: Final = 0.1
"""By up to this part a delay is longer, so that receivers don't get all retries at once; never shorter."""
PATIENCE: Final = micros(sum(DELAYS_S) * (1 + JITTER) + 600)
"""How long a delivery is tried at all, with room for ten attempts that take their time. One that waited
behind others has fewer attempts."""
LONGEST_RETRY_AFTER_S: Final = float(DELAYS_S[-1])
"""What a receiver's Retry-After may ask for at most."""


def next_attempt(
    attempts: int, since: Micros, now: Micros, retry_after_s: float | None, chance: float
) -> Micros | None:
    """When to try again after so many attempts, of which the last failed now; None: no more.

    `chance` is from 0 to 1.

    >>> next_attempt(1, Micros(0), Micros(0), None, 0.0), next_attempt(1, Micros(0), Micros(0), 60.0, 0.0)
    (5000000, 60000000)
    >>> next_attempt(10, Micros(0), Micros(0), None, 0.0) is None
    True
    """
    if attempts > len(DELAYS_S):
        return None
    delay_s = DELAYS_S[attempts - 1] * (1 + JITTER * chance)
    asked_s = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
    due = Micros(now + micros(max(delay_s, asked_s)))
    return due if due <= since + PATIENCE else None
