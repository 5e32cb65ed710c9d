"""Makes the sample leads: six weeks of some 300 people, the same for the same seed and end."""

from collections.abc import Iterator
from random import Random
from typing import Final

from deploy.demo import mailings, stories
from deploy.demo.hours import TELLS, Hours
from deploy.demo.journey import Journey, Played
from deploy.demo.people import person
from deploy.demo.personas import PERSONAS, Persona
from scorer.times import Micros

SEED: Final = 7
LEADS: Final = 300
_FIRST_NUMBER: Final = 1001
LEFT_ALONE: Final = f"u-{_FIRST_NUMBER + stories.LEFT_ALONE}"
"""The lead who was hot and cooled: one demo asked for, and sales is alerted again."""

_CHANNELS: Final = {"search": 42, "linkedin": 18, "ads": 14, "direct": 12, "email": 8, "event": 6}


def generate(end: Micros, seed: int = SEED, leads: int = LEADS) -> list[Played]:
    """The events of so many leads in the six weeks up to `end` (microseconds), in order of time.

    >>> first, *_ = generate(Micros(1_790_000_000_000_000), leads=10)
    >>> sorted(first[1])
    ['anonymous_id', 'context', 'id', 'properties', 'time', 'type']
    """
    hours = Hours(Micros(end - TELLS), end)
    played = []
    for journey in _journeys(seed, leads, hours):
        mailings.send(journey)
        played += journey.events()
    return sorted(played, key=lambda one: (one[0], one[1]["id"]))


def _journeys(seed: int, leads: int, hours: Hours) -> Iterator[Journey]:
    yield from stories.journeys(seed, hours, _FIRST_NUMBER)
    ordinary = max(leads - stories.COUNT, 0)
    for number, persona in enumerate(_mixed(seed, ordinary), _FIRST_NUMBER + stories.COUNT):
        yield _journey(persona, number, Random(f"{seed}-{number}"), hours)


def _mixed(seed: int, count: int) -> list[Persona]:
    """So many personas, each by its share, in no order."""
    total = sum(persona.share for persona in PERSONAS)
    found: list[Persona] = []
    passed = 0
    for persona in PERSONAS:
        passed += persona.share
        found += [persona] * (round(count * passed / total) - len(found))
    Random(f"{seed}-mix").shuffle(found)
    return found


def _journey(persona: Persona, number: int, rng: Random, hours: Hours) -> Journey:
    title = rng.choice(persona.title) if persona.title else None
    channel = rng.choices(list(_CHANNELS), list(_CHANNELS.values()))[0]
    journey = Journey(number, rng, hours, person(rng, persona.likes, persona.company, title), channel)
    journey.evening = persona.evening
    persona.does(journey)
    return journey
