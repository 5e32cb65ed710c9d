"""The grid in force: read from its file, and read again when that changes."""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.watched_file import WatchedFile
from scorer.account_why_not import account_why_not
from scorer.grid import load_grid
from scorer.history import History, replay
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.roll_up import Member, Scale
from scorer.times import SECOND, Micros, format_time, parse_time
from scorer.why_not import why_not

Record = dict[str, Any]


class Scoring:
    """A grid and what reads score records by it."""

    def __init__(self, path: Path) -> None:
        """Raises GridError where the grid is wrong or can't be read."""
        self.grid = load_grid(path)
        content = msgspec.json.encode(self.grid.as_json())
        self.digest: Final = blake2b(content, digest_size=8).hexdigest()
        """Names the orders of leads that were made by this grid."""
        self.tiers: Final = tuple(tier.id for tier in self.grid.tiers)
        self._plan = Plan(self.grid)
        self.labels: Final = self._plan.labels
        self._reader = Reader(self._plan)
        self.scale: Final = Scale(self._plan)
        """By which accounts are measured."""

    def read(self, record: Record, moment: int) -> Record:
        """The record as it is at a moment, with what the reader needs to fade it further."""
        read = self._reader.at(record, moment)
        as_of = parse_time(read["as_of"])
        read["fading"] = record["fading"]
        read["pending"] = [entry for entry in record["pending"] if parse_time(entry[2]) > as_of]
        return read

    def score(self, record: Record, moment: int) -> float:
        """The total at a moment."""
        return self._reader.score(record, moment)

    def as_member(self, record: Record) -> Member:
        """A lead as its account counts it; its score is read from the record."""
        tiers = self._plan.tier_index
        return Member(record["lead_id"], tiers.get(record["tier"], 0), (), None, None)

    def upper_bound(self, record: Record, moment: int) -> float:
        """What the total can't pass from a moment on, if nothing more happens."""
        return self._reader.upper_bound(self._rebased(record, moment))

    def _rebased(self, record: Record, moment: int) -> Record:
        """The topic's record as it would be written at a moment."""
        if moment <= parse_time(record["as_of"]):
            return record
        text = format_time(moment)
        fading = []
        for name, points, half_life_s, since, until in record["fading"]:
            if until is None or parse_time(until) > moment:
                age = (moment - parse_time(since)) / SECOND
                left = points if half_life_s is None else points * 2 ** (-age / half_life_s)
                fading.append([name, left, half_life_s, text, until])
        ended = {entry[0] for entry in record["fading"]} - {entry[0] for entry in fading}
        read = self.read(record, moment)
        contributions = {name: points for name, points in read["contributions"].items() if name not in ended}
        return {
            **record,
            "as_of": text,
            "contributions": contributions,
            "fading": fading,
            "pending": read["pending"],
        }

    def cools(self, record: Record) -> Micros | None:
        """When the tier falls if nothing more happens; None: never, or it can't."""
        tier = record["tier"]
        if tier not in self.tiers or tier == self.tiers[0]:
            return None
        change = self._reader.at(record, parse_time(record["as_of"]))["next_tier"]
        if change is None or self.tiers.index(change["tier"]) > self.tiers.index(tier):
            return None
        return parse_time(change["at"])

    def why_not(
        self,
        record: Record,
        last: Mapping[str, int],
        moment: int,
        gained: Callable[[int], float | None],
    ) -> list[Record]:
        """Of each play how it stands for a lead: `last` when each went off, `gained` within a time."""
        return why_not(self._plan, self._reader.at(record, moment), last, moment, gained)

    def account_why_not(self, row: Record, last: Mapping[str, int], moment: int) -> list[Record]:
        """Of each play of accounts how it stands for one."""
        return account_why_not(self._plan, row, last, moment)

    @property
    def watches_gains(self) -> bool:
        """Whether a play asks how much a lead gained."""
        return bool(self._plan.gains)

    def replay(self, events: list[bytes], at: Micros) -> History:
        """What the events of one lead did to its score, up to a moment."""
        return replay(self._plan, events, at)


class GridFile(WatchedFile[Scoring]):
    """The grid's file as the read API reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Scoring)
