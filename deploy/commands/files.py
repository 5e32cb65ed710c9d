"""The files that people write: which of them one is, by what it holds, and what it says once read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from scorer.errors import GridError
from scorer.yaml_file import YamlFile

Said = TypeVar("Said")
Kind = Literal["grid", "sequences", "team", "channels", "sync"]
_GRID: Final = frozenset({"grid", "scores", "criteria", "tiers"})
_SEQUENCES: Final = frozenset({"nurturing", "sequences", "surveys", "mails"})
_TEAM: Final = frozenset({"people", "teams"})


class WrongFileError(Exception):
    """A file that is wrong: all its problems, a line each."""


def kind_of(path: Path) -> Kind:
    """What a file is; what is none of the others, or can't be read, is for the grid's reader to refuse."""
    try:
        data = YamlFile(path.read_text(encoding="utf-8"), str(path)).data
    except (OSError, UnicodeDecodeError):
        return "grid"
    return kind_of_data(data)


def kind_of_data(data: Any) -> Kind:
    """The same of a file's values: the fields that a kind must have tell, else the form.

    >>> kind_of_data({"people": {"claire": {}}}), kind_of_data({"people": ["console"]})
    ('team', 'channels')
    >>> kind_of_data({"crm": {"kind": "dynamics"}}), kind_of_data({"grid": "b2b", "people": {}})
    ('sync', 'grid')
    """
    if not isinstance(data, dict):
        return "grid"
    if "nurturing" in data:
        return "sequences"
    if data.keys() & _GRID:
        return "grid"
    values = list(data.values())
    if data.keys() & _TEAM and not all(isinstance(value, list) for value in values):
        return "team"
    if any(isinstance(value, dict) and "kind" in value for value in values):
        return "sync"
    if data.keys() & _SEQUENCES and not all(isinstance(value, list) for value in values):
        return "sequences"
    if any(isinstance(value, list) or value == "console" for value in values):
        return "channels"
    return "grid"


def read(path: Path, kind: Kind) -> tuple[Any, str]:
    """What a file says, and how it is summed up; WrongFileError where it is wrong."""
    return _READERS[kind](path)


def _said(load: Callable[[Path], Said], path: Path, wrong: type[Exception]) -> Said:
    try:
        return load(path)
    except wrong as error:
        raise WrongFileError(str(error)) from None


def _grid(path: Path) -> tuple[Any, str]:
    from scorer.grid import load_grid

    grid = _said(load_grid, path, GridError)
    return grid, f"{grid.name}, version {grid.version}"


def _sequences(path: Path) -> tuple[Any, str]:
    from connectors.nurture.errors import PlanError
    from connectors.nurture.plan_reader import load_plan

    plan = _said(load_plan, path, PlanError)
    told = f"{len(plan.sequences)} sequences, {len(plan.surveys)} surveys, {len(plan.mails)} mails"
    return plan, f"{plan.name}, {told}"


def _team(path: Path) -> tuple[Any, str]:
    from connectors.office.errors import TeamError
    from connectors.office.team import load_team

    team = _said(load_team, path, TeamError)
    return team, f"{len(team.people)} people, {len(team.groups)} teams"


def _channels(path: Path) -> tuple[Any, str]:
    from connectors.notify.channels import load_channels
    from connectors.notify.errors import ChannelsError

    channels = _said(load_channels, path, ChannelsError)
    destinations = {one for many in channels.values() for one in many}
    return channels, f"{len(channels)} channels, {len(destinations)} destinations"


def _sync(path: Path) -> tuple[Any, str]:
    from connectors.sync.errors import SyncFileError
    from connectors.sync.sync_file import load_sync_file

    destinations = _said(lambda file: load_sync_file(file, None), path, SyncFileError)
    return destinations, f"CRMs: {', '.join(one.name for one in destinations)}"


_READERS: Final[Mapping[Kind, Callable[[Path], tuple[Any, str]]]] = {
    "grid": _grid,
    "sequences": _sequences,
    "team": _team,
    "channels": _channels,
    "sync": _sync,
}
