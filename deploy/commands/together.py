"""What one of the files that people write names, and another of them lacks."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from deploy.commands.files import Kind
from scorer.grid import Grid

if TYPE_CHECKING:
    from connectors.notify.channels import Channels
    from connectors.nurture.plan import Plan
    from connectors.office.team import Team


def apart(one: Kind, said: Any, other: Kind, also: Any) -> Iterator[str]:
    """The problems between a file of one kind and a file of another."""
    found = _PAIRS.get((one, other))
    return iter(()) if found is None else found(said, also)


def _actions(grid: Grid) -> Iterator[tuple[str, str, Any]]:
    """Of each action of a play: the play, the verb, its object."""
    plays = [(play.id, play.do) for play in grid.plays] + [(play.id, play.do) for play in grid.account_plays]
    for name, do in plays:
        for action in do:
            for verb, what in action.items():
                yield name, verb, what


def _sequences(grid: Grid, plan: "Plan") -> Iterator[str]:
    from connectors.nurture.happenings import actions_of

    for play, verb, what in _actions(grid):
        for how, name in actions_of([{verb: what}]):
            there = plan.surveys if how == "survey" else plan.sequences
            if name not in there and (how, name) != ("stop", "all"):
                kind = "survey" if how == "survey" else "sequence"
                yield f"the play {play} names the {kind} {name}, which is not there"
    tiers = {tier.id for tier in grid.tiers}
    for sequence in plan.sequences.values():
        for tier in sorted(sequence.exit_tiers - tiers):
            yield f"the sequence {sequence.id} ends at the tier {tier}, which the grid lacks"


def _channels(grid: Grid, channels: "Channels") -> Iterator[str]:
    from connectors.notify.channels import OWNER

    for play, verb, what in _actions(grid):
        name = what.get("escalate") if verb == "task" and isinstance(what, dict) else None
        if verb == "webhook" or (verb == "alert" and what != OWNER):
            name = what
        if name is not None and name not in channels:
            yield f"the play {play} names the channel {name}, which is not there"


def _teams(grid: Grid, team: "Team") -> Iterator[str]:
    for play, verb, what in _actions(grid):
        name = what.get("team") if verb == "assign" and isinstance(what, dict) else None
        if name is not None and team.group(name) is None:
            yield f"the play {play} names the team {name}, which is not there"


def _owners(team: "Team", channels: "Channels") -> Iterator[str]:
    for person in team.people.values():
        if person.channel is not None and person.channel not in channels:
            yield f"{person.id} has the channel {person.channel}, which is not there"


_PAIRS: Final[Mapping[tuple[Kind, Kind], Callable[[Any, Any], Iterator[str]]]] = {
    ("grid", "sequences"): _sequences,
    ("grid", "channels"): _channels,
    ("grid", "team"): _teams,
    ("team", "channels"): _owners,
}
