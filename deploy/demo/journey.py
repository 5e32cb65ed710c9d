"""What one person does, noted as events: visits, mails, downloads, and the moment they say who they are."""

from collections.abc import Iterable
from random import Random
from typing import Any, Final

from deploy.demo.hours import Hours
from deploy.demo.people import Person
from deploy.demo.site import Page
from scorer.times import SECOND, Micros, format_time

Event = dict[str, Any]
Played = tuple[Micros, Event]
"""An event and the moment at which it happens."""

_LONGEST_STAY_S: Final = 900.0
_CLICK_S: Final = 2.0  # between leaving a page and seeing the next


class Journey:
    """Notes what a person does; `events` gives it once all is noted."""

    def __init__(self, number: int, rng: Random, hours: Hours, person: Person, channel: str) -> None:
        self.lead_id = f"u-{number:04}"
        self.rng = rng
        self.hours = hours
        self.person = person
        self.channel = channel
        self.known: Micros | None = None
        self.reads_mail = 0.35  # how likely they open a mailing
        self.wants_mail = True
        self.evening = False
        self._anonymous_id = f"a-{rng.getrandbits(32):08x}"
        self._noted: list[tuple[Micros, bool, Event]] = []

    def days(self, *days_ago: float) -> list[Micros]:
        """A moment on each of these days before the end, earliest first."""
        return sorted(self.hours.moment(self.rng, ago, self.evening) for ago in days_ago)

    def visit(self, at: int, pages: Iterable[Page], channel: str | None = None) -> Micros:
        """Sees pages one after the other, staying a while on each; when they leave."""
        said = channel or self.channel
        for page in pages:
            seconds = min(round(page.seconds * self.rng.lognormvariate(0, 0.6), 1), _LONGEST_STAY_S)
            self.note(at, "page_view", {"url": page.url, "title": page.title}, said)
            at += int(seconds * SECOND)
            self.stays(at, page, seconds, said)
            at += int(_CLICK_S * SECOND)
        return Micros(at)

    def stays(self, at: int, page: Page, seconds: float, channel: str | None = None) -> None:
        """Has stayed on a page."""
        properties = {"url": page.url, "title": page.title, "duration_s": seconds}
        self.note(at, "page_time", properties, channel or self.channel)

    def downloads(self, at: int, asset: str) -> Micros:
        """Takes a guide."""
        return self.note(at, "download", {"asset": asset})

    def says_who(self, at: int, form: str = "guide") -> Micros:
        """Sends a form: from here on they are known."""
        self.note(at, "form_submit", {"form": form})
        return self.is_known(at)

    def is_known(self, at: int, traits: dict[str, Any] | None = None, by_browser: bool = True) -> Micros:
        """Becomes known, with or without what their browser did before."""
        event = {"type": "identify", "lead_id": self.lead_id, "traits": traits or self.person.traits()}
        if by_browser:
            event["anonymous_id"] = self._anonymous_id
        self._noted.append((Micros(at), False, event))
        self.known = Micros(at)
        return self.known

    def note(self, at: int, kind: str, properties: dict[str, Any], channel: str | None = None) -> Micros:
        """Does something in the browser."""
        event = {"type": kind, "properties": properties, "context": {"channel": channel or self.channel}}
        self._noted.append((Micros(at), True, event))
        return Micros(at)

    def mail(self, at: int, kind: str, campaign: str, **more: str) -> Micros:
        """Something happens to an e-mail to them, or to what is known of them elsewhere."""
        event = {"type": kind, "lead_id": self.lead_id, "properties": {"campaign": campaign, **more}}
        self._noted.append((Micros(at), False, {**event, "context": {"channel": "email"}}))
        return Micros(at)

    def concludes(self, at: int, outcome: str) -> None:
        """Sales says how it ended."""
        properties = {"outcome": outcome}
        self._noted.append(
            (Micros(at), False, {"type": "outcome", "lead_id": self.lead_id, "properties": properties})
        )

    def events(self) -> list[Played]:
        """All that happened up to the end, in order of time, each under the ids it had then."""
        within = [noted for noted in self._noted if self.hours.starts <= noted[0] <= self.hours.end]
        found = []
        for number, (at, in_browser, event) in enumerate(sorted(within, key=lambda noted: noted[0])):
            if not in_browser:
                ids = {}
            elif self.known is None or at < self.known:
                ids = {"anonymous_id": self._anonymous_id}
            else:
                ids = {"lead_id": self.lead_id, "anonymous_id": self._anonymous_id}
            stamp = {"id": f"{self.lead_id[2:]}-{number}", "time": format_time(at)}
            found.append((at, {**stamp, **event, **ids}))
        return found
