"""Reads a grid from YAML and says everything that is wrong in it, with the line and what would be right."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from scorer.account_model import AccountPlay, RollUp
from scorer.account_reader import is_of_accounts, read_account_play, read_roll_up
from scorer.checked import Checked
from scorer.criterion_reader import read_criterion
from scorer.errors import GridError
from scorer.grid_model import Criterion, Dimension, Grid, Play, Tier
from scorer.hours import Hours
from scorer.hours_reader import read_hours
from scorer.play_reader import Known, read_play
from scorer.yaml_file import Path, YamlFile

_TOP: Final = {
    "grid": True,
    "version": True,
    "timezone": False,
    "scores": True,
    "half_life": False,
    "criteria": True,
    "tiers": True,
    "hysteresis": False,
    "accounts": False,
    "hours": False,
    "plays": False,
}


class GridReader(Checked):
    """One reading of one grid file."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(YamlFile(text, file))

    def read(self) -> Grid:
        """The grid; raises GridError where it is wrong."""
        top = self.mapping(self.data, (), _TOP, "the fields of a grid")
        if self.problems and not top:
            raise GridError(self.problems)
        scores = self._named("scores", top, self._dimension, "such as {fit: {min: -50, max: 60}}")
        half_life = self.half_life(top.get("half_life"), ("half_life",))
        criteria = self._criteria(top, scores, half_life)
        tiers = self._tiers(top, scores)
        hysteresis = self.number(top.get("hysteresis", 0), ("hysteresis",), "5", least=0)
        timezone = self._timezone(top)

        def hours(spec: Any, path: Path) -> Hours | None:
            return read_hours(self, spec, path, timezone)

        known = Known(
            tiers=[tier.id for tier in tiers],
            scores=scores,
            criteria=[criterion.id for criterion in criteria],
            hysteresis=hysteresis,
            hours=hours,
            default_hours=hours(top["hours"], ("hours",)) if "hours" in top else None,
        )
        accounts = read_roll_up(self, top["accounts"], known.tiers) if "accounts" in top else RollUp()
        plays, account_plays = self._plays(
            top, known, known._replace(tiers=[one.id for one in accounts.tiers] or known.tiers)
        )
        grid = Grid(
            name=self.text(top.get("grid"), ("grid",), "b2b-fr") if "grid" in top else "",
            version=self._version(top),
            timezone=timezone,
            scores=scores,
            criteria=criteria,
            tiers=tiers,
            hysteresis=hysteresis,
            plays=plays,
            source=top,
            accounts=accounts,
            account_plays=account_plays,
        )
        if self.problems:
            raise GridError(self.problems)
        return grid

    def _version(self, top: Mapping[str, Any]) -> int:
        version = top.get("version", 0)
        if isinstance(version, bool) or not isinstance(version, int) or version < 0:
            self.report(("version",), "expected a whole number, such as 3")
            return 0
        return version

    def _timezone(self, top: Mapping[str, Any]) -> ZoneInfo:
        name = top.get("timezone", "UTC")
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, TypeError, KeyError):
            self.report(("timezone",), f"no such timezone {name!r}: expected a name such as Europe/Paris")
            return ZoneInfo("UTC")

    def _named(
        self, field: str, top: Mapping[str, Any], read: Callable[[Any, Path], Dimension], example: str
    ) -> dict[str, Dimension]:
        found = top.get(field)
        if not isinstance(found, dict) or not found:
            if field in top:
                self.report((field,), f"expected a name and bounds for each score, {example}")
            return {}
        return {name: read(spec, (field, name)) for name, spec in found.items()}

    def _dimension(self, spec: Any, path: Path) -> Dimension:
        fields = self.mapping({} if spec is None else spec, path, {"min": False, "max": False}, "min and max")
        low = self.number(fields["min"], (*path, "min"), "-50") if "min" in fields else -math.inf
        high = self.number(fields["max"], (*path, "max"), "60") if "max" in fields else math.inf
        if low > high:
            self.report((*path, "max"), f"{high:g} is below min {low:g}: expected min <= max")
        return Dimension(low, high)

    def _items(self, field: str, top: Mapping[str, Any], example: str) -> list[Any]:
        found = top.get(field, [] if not _TOP[field] else None)
        if not isinstance(found, list) or (_TOP[field] and not found):
            if field in top:
                self.report((field,), f"expected a list, such as [{example}]")
            return []
        return found

    def _criteria(
        self, top: Mapping[str, Any], scores: Mapping[str, Dimension], half_life: float
    ) -> tuple[Criterion, ...]:
        items = self._items(
            "criteria", top, "{id: pricing-page, score: engagement, points: 10, event: page_view}"
        )
        found = [
            read_criterion(self, item, ("criteria", index), scores, half_life)
            for index, item in enumerate(items)
        ]
        self.unique([criterion.id for criterion in found], "criteria")
        return tuple(found)

    def _tiers(self, top: Mapping[str, Any], scores: Mapping[str, Dimension]) -> tuple[Tier, ...]:
        items = self._items("tiers", top, "{id: cold}, {id: hot, from: 70}")
        tiers = [self._tier(item, ("tiers", index), scores) for index, item in enumerate(items)]
        self.unique([tier.id for tier in tiers], "tiers")
        self._reachable(tiers)
        return tuple(tiers)

    def _tier(self, item: Any, path: Path, scores: Mapping[str, Dimension]) -> Tier:
        fields = self.mapping(
            item, path, {"id": True, "from": False, "requires": False}, "id, from and requires"
        )
        requires: dict[str, float] = {}
        wanted = fields.get("requires", {})
        if not isinstance(wanted, dict):
            self.report((*path, "requires"), "expected a score and its least value, such as {fit: 10}")
            wanted = {}
        for name, least in wanted.items():
            if name not in scores:
                self.report((*path, "requires", name), f"no such score: {self.choice(name, scores)}")
            requires[name] = self.number(least, (*path, "requires", name), "10")
        return Tier(
            id=self.name(fields.get("id"), (*path, "id"), "hot") if "id" in fields else "",
            from_=self.number(fields["from"], (*path, "from"), "70") if "from" in fields else None,
            requires=requires,
        )

    def _reachable(self, tiers: list[Tier]) -> None:
        for index, tier in enumerate(tiers[1:], 1):
            if tier.from_ is None and not tier.requires:
                self.report(
                    ("tiers", index), "holds always: expected from or requires on every tier but the first"
                )
            elif not tier.requires and tier.from_ is not None:
                over = [t for t in tiers[1:index] if t.from_ is not None and t.from_ >= tier.from_]
                if over:
                    said = f"{over[0].id} (from {over[0].from_:g}) can never be reached below it"
                    self.report(("tiers", index, "from"), f"{said}: expected tiers in rising order")

    def _plays(
        self, top: Mapping[str, Any], known: Known, of_accounts: Known
    ) -> tuple[tuple[Play, ...], tuple[AccountPlay, ...]]:
        """The plays of leads, and those of accounts."""
        items = self._items("plays", top, "{id: call-now, when: {enters: hot}, do: [{alert: sales}]}")
        found: list[Play | AccountPlay] = [
            read_account_play(self, item, ("plays", index), of_accounts)
            if is_of_accounts(item)
            else read_play(self, item, ("plays", index), known)
            for index, item in enumerate(items)
        ]
        self.unique([play.id for play in found], "plays")
        plays = tuple(play for play in found if isinstance(play, Play))
        return plays, tuple(play for play in found if isinstance(play, AccountPlay))
