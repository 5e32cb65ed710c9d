"""How large a scenario is: short in every run of the tests, long and soak by `make faults`."""

import os
import random
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    """What a scenario is given; the same code runs all sizes."""

    name: str
    seconds: float
    """How long events are sent and faults happen."""
    rate: int
    """Events a second of the crowd."""
    crowd: int
    """Leads in the crowd; the events go to them by Zipf's law."""
    told: int
    """Leads of each other kind."""
    heal_within_s: float
    """When everything must have been caught up with, after the last fault."""


SMOKE: Final = Size("smoke", seconds=8, rate=1_000, crowd=300, told=15, heal_within_s=15)
"""While a scenario is being written."""
SHORT: Final = Size("short", seconds=20, rate=1_200, crowd=2_000, told=40, heal_within_s=90)
LONG: Final = Size("long", seconds=270, rate=1_500, crowd=50_000, told=250, heal_within_s=240)
SOAK: Final = Size("soak", seconds=1_800, rate=300, crowd=100_000, told=600, heal_within_s=300)

_SIZES: Final = {size.name: size for size in (SMOKE, SHORT, LONG, SOAK)}


def size() -> Size:
    """The size that LEADHEAT_FAULTS names; short by default."""
    return _SIZES[os.environ.get("LEADHEAT_FAULTS", "short")]


def seed() -> int:
    """LEADHEAT_FAULTS_SEED, else one for all short runs and a new one for others; verdicts print it."""
    given = os.environ.get("LEADHEAT_FAULTS_SEED")
    if given is not None:
        return int(given)
    return 1 if size() in (SMOKE, SHORT) else random.SystemRandom().randrange(1_000_000)
