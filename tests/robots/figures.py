"""How well the rules tell robots from people, on the traces: `make robots` prints the table."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from connectors.ingest.robots.judge import Judge
from connectors.ingest.robots.rules import Robots, load_rules
from scorer.times import SECOND, Micros, parse_time

TRACES: Final = Path(__file__).parent / "traces"
_TOLD_AFTER: Final = SECOND


@dataclass(frozen=True)
class Trace:
    """Events in order of arrival, and the ids of those that a robot, and a person, made."""

    name: str
    events: list[dict[str, Any]]
    robots: frozenset[str]
    people: frozenset[str]


@dataclass(frozen=True)
class Behaviour:
    """One file of traces."""

    name: str
    says: str
    traces: list[Trace]


@dataclass
class Figures:
    """What became of events, counted."""

    robots: int = 0
    caught: int = 0
    people: int = 0
    kept: int = 0
    traces: int = 0
    missed: list[str] = field(default_factory=list)
    wronged: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        self.robots += other.robots
        self.caught += other.caught
        self.people += other.people
        self.kept += other.kept
        self.traces += other.traces
        self.missed += other.missed
        self.wronged += other.wronged

    @property
    def people_kept(self) -> float:
        """Of people's events, the share that is left to count."""
        return self.kept / self.people if self.people else 1.0

    @property
    def recall(self) -> float:
        """Of robots' events, the share that was found."""
        return self.caught / self.robots if self.robots else 1.0

    @property
    def precision(self) -> float:
        """Of the events that were taken for robots', the share that was."""
        marked = self.caught + self.people - self.kept
        return self.caught / marked if marked else 1.0


def behaviours() -> list[Behaviour]:
    """Every file of traces."""
    return [_behaviour(path) for path in sorted(TRACES.glob("*.jsonl"))]


def _behaviour(path: Path) -> Behaviour:
    head, *traces = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert head["behaviour"] == path.stem
    return Behaviour(path.stem, head["says"], list(map(_trace, traces)))


def _trace(told: dict[str, Any]) -> Trace:
    makers = {event["id"]: event.get("by") for event in told["events"]}
    events = [{name: value for name, value in event.items() if name != "by"} for event in told["events"]]
    return Trace(
        told["trace"],
        events,
        frozenset(name for name, by in makers.items() if by == "robot"),
        frozenset(name for name, by in makers.items() if by == "person"),
    )


def arrivals(events: Iterable[dict[str, Any]]) -> Iterable[tuple[bytes, Micros]]:
    """Events one by one, each a second after it happened, or at once after a later one."""
    now = Micros(0)
    for event in events:
        now = Micros(max(now, parse_time(event["time"]) + _TOLD_AFTER))
        yield json.dumps(event).encode(), now


def found(events: Sequence[dict[str, Any]], judge: Judge) -> dict[str, tuple[str, ...]]:
    """The ids of events that are taken for robots', at once or later, with the reasons."""
    robots: dict[str, tuple[str, ...]] = {}
    for value, received in arrivals(events):
        judgement = judge.judge([value], received)
        for event in map(msgspec.json.decode, judgement.events):
            if event.get("context", {}).get("bot"):
                robots[event["id"]] = tuple(event["context"]["bot_reasons"])
        for original, value in judgement.retractions:
            robots[str(original.id)] = tuple(msgspec.json.decode(value)["properties"]["bot_reasons"])
    return robots


def figures_of(trace: Trace, rules: Robots) -> Figures:
    """What the rules make of one trace."""
    robots = found(trace.events, Judge(rules)).keys()
    return Figures(
        robots=len(trace.robots),
        caught=len(trace.robots & robots),
        people=len(trace.people),
        kept=len(trace.people - robots),
        traces=1,
        missed=sorted(trace.robots - robots),
        wronged=sorted(trace.people & robots),
    )


def measured(rules: Robots) -> dict[str, Figures]:
    """The figures of each behaviour, and of all under `all`."""
    total, table = Figures(), {}
    for behaviour in behaviours():
        figures = Figures()
        for trace in behaviour.traces:
            figures.add(figures_of(trace, rules))
        table[behaviour.name] = figures
        total.add(figures)
    return table | {"all": total}


def main() -> None:
    """Prints the table."""
    table = Table("behaviour", "traces", "robots' events", "found", "people's events", "kept", title="Robots")
    for name, one in measured(load_rules()).items():
        if name == "all":
            table.add_section()
        robots = f"{one.recall:.0%}" if one.robots else ""
        people = f"{one.people_kept:.1%}" if one.people else ""
        table.add_row(name, str(one.traces), str(one.robots), robots, str(one.people), people)
    console = Console()
    console.print(table)
    total = measured(load_rules())["all"]
    console.print(f"Of what was taken for a robot's, {total.precision:.1%} was.")
    for what, names in (("Robots missed", total.missed), ("People taken for robots", total.wronged)):
        console.print(f"{what}: {', '.join(names) or 'none'}.")


if __name__ == "__main__":
    main()
