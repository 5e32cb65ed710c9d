"""What a salesperson is told of an alert, in parts that each kind of channel puts together its own way."""

from dataclasses import dataclass
from typing import NamedTuple

from connectors.notify.config import Language
from connectors.office.team import Person


class Reason(NamedTuple):
    """What one criterion added."""

    points: str
    label: str


class Fact(NamedTuple):
    """Something that is known, under its name."""

    name: str
    value: str


class Link(NamedTuple):
    """Where to go, and what that is called."""

    label: str
    url: str


@dataclass(frozen=True)
class Message:
    """Every text is one line, without markup: what strangers typed is for each channel to escape."""

    language: Language
    title: str
    notices: tuple[str, ...] = ()
    """What comes before anything else: that it is late, or taken back."""
    recipient: str | None = None
    """For whom it is."""
    why: str = ""
    """What stands above the reasons."""
    reasons: tuple[Reason, ...] = ()
    facts: tuple[Fact, ...] = ()
    page: Link | None = None
    """The lead's page."""
    answers: tuple[Link, ...] = ()
    """By which the alert is answered."""
    assigned: Person | None = None

    @property
    def colon(self) -> str:
        """French has a space before it."""
        return " :" if self.language == "fr" else ":"

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands below the title, as plain text, without links."""
        found = [*self.notices]
        if self.recipient:
            found.append(self.recipient)
        if self.reasons:
            found.append(self.why + self.colon)
        found += [f"  {points}  {label}" for points, label in self.reasons]
        found += [f"{name}{self.colon} {value}" for name, value in self.facts]
        return tuple(found)

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, the lead's page first."""
        return (*((self.page,) if self.page else ()), *self.answers)

    @property
    def body(self) -> str:
        """Everything below the title, as plain text."""
        links = (f"{label}{self.colon} {url}" for label, url in self.links)
        return "\n".join((*self.lines, *links))
