"""Writes what a salesperson reads: who, what happened, why, for whom, what to do by when, how to answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from connectors.answer_links import LASTS_US, AnswerLink, AnswerLinks
from connectors.notify.alert import Alert
from connectors.notify.config import Language
from connectors.notify.message import Fact, Link, Message, Reason
from connectors.notify.texts import TEXTS
from connectors.notify.wording import line, moment, number, points, span, tier
from connectors.office.team import Person, Team
from scorer.durations import parse_duration
from scorer.times import Micros, format_time, micros, parse_time

_PROFILE: Final = ("email", "phone", "industry", "employees", "city", "country")
"""Traits that are told besides name, job and company."""
_MOST_URL: Final = 2_000
"""Characters of an address: of what is longer, mail programs and chats make something else."""
_CALL: Final = "call"
_MOST_LEADS: Final = 5


class Writer:
    """Writes messages; links lead to `board_url`, moments are on the team's clock."""

    def __init__(
        self,
        language: Language,
        board_url: str | None = None,
        links: AnswerLinks | None = None,
        team: Team | None = None,
    ) -> None:
        self._language = language
        self._texts = TEXTS[language]
        self._board_url = board_url.rstrip("/") if board_url else None
        self._links = links or AnswerLinks()
        self._team = team or Team()

    def write(
        self, alert: Alert, now: Micros | None = None, channel: str = "", person: Person | None = None
    ) -> Message:
        """What is to be read of an alert; `now` tells whether it comes late, `person` has the lead."""
        person = person or self._team.people.get(alert.person or "")
        page = answers = None
        if self._board_url is not None:
            path, of = ("leads", alert.lead_id) if alert.account is None else ("accounts", alert.account)
            page = Link(self._texts["page"], f"{self._board_url}/{path}/{quote(of, safe='')}")
            answers = self._answers(alert, self._board_url, now, person.id if person else channel)
        asks = alert.withdrawn is None
        return Message(
            self._language,
            self._title(alert),
            notices=tuple(self._notices(alert, now)),
            recipient=self._texts["for"].format(name=line(person.name)) if person and asks else None,
            why=self._texts["why"],
            reasons=tuple(self._reasons(alert)) if asks else (),
            facts=tuple(self._facts(alert, person)) if asks else (),
            page=page if page and len(page.url) <= _MOST_URL else None,
            answers=answers or (),
            assigned=person,
        )

    def _answers(self, alert: Alert, board: str, now: Micros | None, by: str) -> tuple[Link, ...]:
        if not self._links or alert.withdrawn or now is None:
            return ()
        link = AnswerLink(alert.answered, alert.lead_id, by, Micros(now + LASTS_US))
        found = self._links.addresses(board, link)
        if any(len(url) > _MOST_URL for url in found.values()):
            return ()
        return tuple(Link(self._texts[choice], url) for choice, url in found.items())

    def _title(self, alert: Alert) -> str:
        kind, more = self._kind(alert)
        return self._texts[kind].format(
            **{
                "who": who(alert),
                "to": tier(alert.to, self._language),
                "left": tier(alert.from_ or "", self._language),
                "score": number(alert.score, self._language),
                **more,
            }
        )

    def _kind(self, alert: Alert) -> tuple[str, Mapping[str, str]]:
        """Which title, and what it says besides."""
        when = alert.when
        if alert.withdrawn:
            return "withdrawn", {}
        if alert.escalates:
            at = self._moment(alert.at)
            if alert.task in (None, _CALL):
                return "overdue_call", {"at": at}
            return "overdue", {"at": at, "task": line(alert.task)}
        if alert.account is not None:
            verb = next((verb for verb in ("leaves", "stays") if verb in when), None)
            return (f"account_{verb}" if verb else "account"), {}
        if "leaves" in when:
            return "leaves", {}
        if isinstance(crossing := when.get("score"), dict):
            way = "rises_to" if "rises_to" in crossing else "falls_below"
            of = self._texts["of"].format(of=line(crossing["of"])) if "of" in crossing else ""
            return way, {"bound": number(float(crossing.get(way, 0)), self._language), "of": of}
        if "happens" in when:
            return "happens", {"label": self._label(when.get("label"), str(when["happens"]))}
        if "gains" in when:
            within = span(micros(parse_duration(str(when.get("within", "1d")))), self._language)
            return "gains", {"gains": number(float(when["gains"]), self._language), "within": within}
        stays = "stays" in when or (not when and alert.from_ == alert.to)
        return ("stays" if stays else "enters"), {}

    def _notices(self, alert: Alert, now: Micros | None) -> Iterator[str]:
        if now is not None and alert.expires_at is not None and now > alert.expires_at:
            age = span(now - parse_time(alert.at), self._language)
            yield self._texts["expired"].format(age=age, until=self._moment(str(alert.expires)))
        if alert.withdrawn:
            yield self._texts["robot"]

    def _reasons(self, alert: Alert) -> Iterator[Reason]:
        for reason in alert.reasons:
            label = self._label(reason.label, reason.criterion)
            yield Reason(points(reason.points, self._language), label)

    def _facts(self, alert: Alert, person: Person | None) -> Iterator[Fact]:
        texts = self._texts
        told = (self._to_do(alert, verb, what) for verb, what in alert.actions if verb != "alert")
        hidden = "assign" if person else None
        if to_do := [text for verb, text in told if verb != hidden]:
            yield Fact(texts["do"], ", ".join(to_do))
        if alert.leads:
            leads = (
                f"{line(one.name or one.lead_id)} {number(one.score, self._language)} "
                f"({tier(one.tier, self._language)})"
                for one in alert.leads[:_MOST_LEADS]
            )
            yield Fact(texts["leads"], ", ".join(leads))
        for name in _PROFILE:
            value = alert.traits.get(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and (text := line(value)):
                yield Fact(texts[name], text)
        if alert.next_tier:
            at, fallen = self._moment(alert.next_tier["at"]), tier(alert.next_tier["tier"], self._language)
            yield Fact(texts["next"], texts["cools"].format(tier=fallen, at=at))

    def _to_do(self, alert: Alert, verb: str, what: Any) -> tuple[str, str]:
        """An action in words, after its verb."""
        fields = what if isinstance(what, dict) else {}
        if verb == "task" and fields.get("within"):
            since = alert.due_at or parse_time(alert.at)
            due = format_time(Micros(since + micros(parse_duration(str(fields["within"])))))
            named = self._named(verb, fields)
            return verb, self._texts["before"].format(task=named, at=self._moment(due))
        return verb, self._named(verb, what)

    def _named(self, verb: str, what: Any) -> str:
        if isinstance(what, dict):
            names = (what[name] for name in ("do", "call", "by", "start", "move", "stop") if name in what)
            what = next(names, "")
        if verb == "task" and what == _CALL:
            return self._texts["call"]
        if verb not in self._texts:
            return f"{line(verb)} “{line(what)}”"
        return self._texts[verb].format(name=line(what))

    def _label(self, label: Any, criterion: str) -> str:
        if isinstance(label, dict):
            label = label.get(self._language) or next(iter(label.values()), "")
        return line(label or criterion)

    def _moment(self, text: str) -> str:
        return moment(text, self._team.timezone)


def who(alert: Alert) -> str:
    """Name, job and company as far as they are known; else the address, else the id.

    >>> ada = {"first_name": "Ada", "last_name": "Lovelace", "title": "CEO", "company": "Acme"}
    >>> who(Alert("1", "call-now", "u-42", "hot", 73.2, "2026-11-01T09:00:00Z", traits=ada))
    'Ada Lovelace, CEO (Acme)'
    """
    if alert.account is not None:
        return line(alert.company or alert.account)
    named = {name: line(value) for name, value in alert.traits.items() if isinstance(value, str)}
    name = f"{named.get('first_name', '')} {named.get('last_name', '')}".strip()
    found = name or named.get("email") or line(alert.lead_id)
    if named.get("title"):
        found += f", {named['title']}"
    return f"{found} ({named['company']})" if named.get("company") else found
