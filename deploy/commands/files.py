"""The files that people write: which of them one is, by what it holds, and what it says once read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from scorer.errors import GridError
from scorer.yaml_file import YamlFile

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


def _grid(path: Path) -> tuple[Any, str]:
    from scorer.grid import load_grid

    try:
        grid = load_grid(path)
    except GridError as error:
        raise WrongFileError("\n".join(map(str, error.problems))) from None
    return grid, f"{grid.name}, version {grid.version}"


def _sequences(path: Path) -> tuple[Any, str]:
    from connectors.nurture.errors import PlanError
    from connectors.nurture.plan_reader import load_plan

    try:
        plan = load_plan(path)
    except PlanError as error:
        raise WrongFileError(str(error)) from None
    told = f"{len(plan.sequences)} sequences, {len(plan.surveys)} surveys, {len(plan.mails)} mails"
    return plan, f"{plan.name}, {told}"


def _team(path: Path) -> tuple[Any, str]:
    from connectors.office.errors import TeamError
    from connectors.office.team import load_team

    try:
        team = load_team(path)
    except TeamError as error:
        raise WrongFileError(str(error)) from None
    return team, f"{len(team.people)} people, {len(team.groups)} teams"


def _channels(path: Path) -> tuple[Any, str]:
    from connectors.notify.channels import load_channels
    from connectors.notify.errors import ChannelsError

    try:
        channels = load_channels(path)
    except ChannelsError as error:
        raise WrongFileError(str(error)) from None
    destinations = {one for many in channels.values() for one in many}
    return channels, f"{len(channels)} channels, {len(destinations)} destinations"


def _sync(path: Path) -> tuple[Any, str]:
    from connectors.sync.errors import SyncFileError
    from connectors.sync.sync_file import load_sync_file

    try:
        destinations = load_sync_file(path, None)
    except SyncFileError as error:
        raise WrongFileError(str(error)) from None
    return destinations, f"CRMs: {', '.join(one.name for one in destinations)}"


_READERS: Final[Mapping[Kind, Callable[[Path], tuple[Any, str]]]] = {
    "grid": _grid,
    "sequences": _sequences,
    "team": _team,
    "channels": _channels,
    "sync": _sync,
}
