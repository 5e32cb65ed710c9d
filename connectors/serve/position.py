"""How far a client of the event stream has read: an offset for each partition, as the id of an event."""

import re
from typing import Final

from scorer.topics import ACCOUNTS, ALERTS, OUTCOMES, SCORES

LETTERS: Final = {SCORES: "s", ALERTS: "a", OUTCOMES: "o", ACCOUNTS: "c"}
"""Topics that the stream tells of."""
_TOPICS: Final = {letter: topic for topic, letter in LETTERS.items()}
_PART: Final = re.compile(r"([saoc])([0-9]{1,18}(?:\.[0-9]{1,18}){0,999})\Z")


class Position:
    """The next offset to tell of, by topic and partition.

    Offsets, not numbers of the cache: so a position holds good over a rebuilt cache and on every server.

    >>> position = Position({"scores:0": 7, "scores:2": 1, "alerts:0": 3, "page-views:0": 9})
    >>> position.dump(), Position.load("s7.0.1-a3").dump()
    ('s7.0.1-a3', 's7.0.1-a3')
    """

    def __init__(self, offsets: dict[str, int]) -> None:
        self.offsets = {name: at for name, at in offsets.items() if name.split(":")[0] in LETTERS}

    @classmethod
    def load(cls, text: str) -> "Position":
        """Reads what `dump` wrote; raises ValueError."""
        offsets = {}
        for part in text.split("-") if text else ():
            if not (found := _PART.match(part)):
                raise ValueError("Last-Event-ID is none that this stream gave")
            for partition, offset in enumerate(found[2].split(".")):
                offsets[f"{_TOPICS[found[1]]}:{partition}"] = int(offset)
        return cls(offsets)

    def dump(self) -> str:
        """The id of the event that was told last."""
        parts = []
        for topic, letter in LETTERS.items():
            known = {
                int(name.split(":")[1]): at
                for name, at in self.offsets.items()
                if name.startswith(f"{topic}:")
            }
            if known:
                offsets = (str(known.get(partition, 0)) for partition in range(max(known) + 1))
                parts.append(letter + ".".join(offsets))
        return "-".join(parts)

    def has(self, place: str, offset: int) -> bool:
        """Whether a record was told already."""
        return offset < self.offsets.get(place, 0)

    def pass_by(self, place: str, offset: int) -> None:
        """Moves on past a record."""
        self.offsets[place] = offset + 1

    def misses(self, floors: dict[str, int]) -> bool:
        """Whether some of what comes next is no longer kept."""
        return any(self.offsets.get(name, 0) < floor for name, floor in floors.items())

    def beyond(self, offsets: dict[str, int]) -> bool:
        """Whether it is ahead of what there is: it was given over topics that are no more.

        >>> Position.load("s7.0-a3").beyond({"scores:0": 7, "scores:1": 2, "alerts:0": 3})
        False
        >>> Position.load("s7.0-a3").beyond({"scores:0": 2})
        True
        """
        return any(at > offsets.get(name, 0) for name, at in self.offsets.items())
