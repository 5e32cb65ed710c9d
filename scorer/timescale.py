"""A clock that may run faster than the wall's and meets it again: one timescale for every role of a demo."""

from dataclasses import dataclass

from scorer.times import Micros


@dataclass(frozen=True)
class Timescale:
    """Maps the wall clock to the clock that the product runs on.

    From `wall_from` to `meets` (wall moments, microseconds) the clock runs evenly from `starts` to `meets`;
    before and after it is the wall clock itself, so the two agree once the demo is over.

    >>> scale = Timescale(wall_from=Micros(100), meets=Micros(200), starts=Micros(-900))
    >>> scale.at(Micros(100)), scale.at(Micros(150)), scale.at(Micros(200)), scale.at(Micros(250))
    (-900, -350, 200, 250)
    """

    wall_from: Micros
    meets: Micros
    starts: Micros

    @property
    def rate(self) -> float:
        """Seconds of this clock in one second of the wall's, before the two meet."""
        return (self.meets - self.starts) / (self.meets - self.wall_from)

    def at(self, wall: Micros) -> Micros:
        """What this clock shows at a moment of the wall clock."""
        if not self.wall_from <= wall < self.meets:
            return wall
        return Micros(
            self.starts
            + (wall - self.wall_from) * (self.meets - self.starts) // (self.meets - self.wall_from)
        )

    def dump(self) -> str:
        """The text that hands the timescale to another process."""
        return f"{self.wall_from},{self.meets},{self.starts}"

    @classmethod
    def load(cls, text: str) -> "Timescale":
        """Reads what `dump` wrote."""
        wall_from, meets, starts = (Micros(int(part)) for part in text.split(","))
        return cls(wall_from, meets, starts)
