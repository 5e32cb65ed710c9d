"""Reads a file of sequences, and names everything that is wrong with it at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email

from connectors.nurture.errors import PlanError
from connectors.nurture.plan import (
    Branch,
    Cap,
    Condition,
    Consent,
    Instruction,
    Jump,
    Mail,
    Plan,
    Post,
    Sender,
    Sequence,
    Stop,
    Survey,
    View,
    Wait,
)
from connectors.nurture.templates import SCALE, Templates
from scorer.checked import Checked
from scorer.conditions import Conditions
from scorer.fields import trait_field
from scorer.hours import DAYS, Hours
from scorer.hours_reader import read_hours
from scorer.times import SECOND
from scorer.topics import EMAIL_CLICKS, OUTCOMES, SIGNALS, topic_of
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile

EVENT_TOPICS: Final = (EMAIL_CLICKS, OUTCOMES, SIGNALS)
"""Of the topics of events, those that are read."""
_TOP: Final = {
    "nurturing": True, "sender": True, "mails": True, "sequences": False, "surveys": False, "hours": False,
    "timezone": False,
    "at_most": False, "require_consent": False, "language": False, "role_addresses": False,
    "survey_every": False, "pixel": False,
}  # fmt: skip
_SENDER: Final = {"address": True, "name": False, "reply_to": False, "footer": True}
_USUAL_HOURS: Final = {"days": list(DAYS[:5]), "from": "09:00", "to": "18:00"}
_MAIL: Final = {"subject": True, "text": True, "html": False}
_SEQUENCE: Final = {"steps": True} | dict.fromkeys(
    ("priority", "if", "exit", "again", "at_most", "require_consent"), False
)
_EXIT: Final = {"tiers": False, "events": False}
_SURVEY: Final = {"mail": True} | dict.fromkeys(("on", "after", "if", "require_consent"), False)
_STEPS: Final = ("mail", "wait", "if", "stop")
_TYPE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\Z")
_CAP: Final = re.compile(r"([1-9][0-9]{0,3}) (?:a|in) (day|week|month|[0-9.]+[smhdw])\Z")
_STRETCHES: Final = {"day": "1d", "week": "7d", "month": "30d"}
_CONSENTS: Final[Mapping[Any, Consent]] = {True: "always", "private": "private", False: "never"}
_EVERY: Final = "90d"
_LANGUAGES: Final = ("fr", "en")
_KNOWN_BY_PLACE: Final[Mapping[str, Callable[[View], object]]] = {
    "tier": lambda view: view.tier,
    "score": lambda view: view.score,
    "opened": lambda view: view.opened,
    "clicked": lambda view: view.clicked,
    "event": lambda view: view.event,
}


def load_plan(path: Path) -> Plan:
    """The plan of a file; PlanError where it is none, all its problems at once."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise PlanError(f"{path}: no UTF-8 text: expected a YAML file of sequences") from None
    return parse_plan(text, str(path))


def parse_plan(text: str, file: str) -> Plan:
    """The plan in a file's text."""
    reader = _Reader(YamlFile(text, file))
    plan = reader.plan()
    if reader.problems:
        ordered = sorted(reader.problems, key=lambda one: (one.line, one.field))
        raise PlanError("\n".join(map(str, ordered)))
    return plan


class _Reader(Checked):
    """Goes through the file and notes every problem on its way."""

    def __init__(self, file: YamlFile) -> None:
        super().__init__(file)
        self._asked: set[str] = set()

    def plan(self) -> Plan:
        told = self.mapping(self.data, (), _TOP, "a file of sequences: nurturing, sender, sequences, mails")
        self._consent = self._consent_of(told, (), "private")
        mails = {name: self._mail(name, one) for name, one in self._named(told, "mails")}
        self._mails = mails
        sequences = {name: self._sequence(name, one) for name, one in self._named(told, "sequences")}
        surveys = {name: self._survey(name, one, told) for name, one in self._named(told, "surveys")}
        for name in sorted(sequences.keys() & surveys.keys()):
            self.report(("surveys", name), "a sequence has this name: expected another")
        return Plan(
            name=self.name(told.get("nurturing", "-"), ("nurturing",), "acme-fr"),
            sender=self._sender(told.get("sender")),
            sequences=sequences,
            surveys=surveys,
            mails=mails,
            hours=self._hours(told),
            cap=self._cap(told, ()),
            language=self._one_of(told, "language", _LANGUAGES, "fr"),
            roles=self._one_of(told, "role_addresses", ("refuse", "send"), "refuse") == "send",
            pixel=self._one_of(told, "pixel", ("consent", "always", "never"), "consent"),
            asked=frozenset(self._asked),
        )

    def _named(self, told: dict[str, Any], field: str) -> Iterator[tuple[str, Any]]:
        found = told.get(field)
        if found is None:
            return
        if not isinstance(found, dict) or not found:
            self.report((field,), "expected names with what each is")
            return
        for name, one in found.items():
            if not _NAME.match(name):
                self.report((field, name), f"{name[:60]!r} is no name: expected one such as keep-warm")
            yield name, one

    def _sender(self, told: Any) -> Sender:
        at: Where = ("sender",)
        if told is None:
            return Sender("")
        told = self.mapping(told, at, _SENDER, "whom mails are from: address, name, footer")
        address = self._address(told.get("address"), (*at, "address"))
        reply = self._address(told["reply_to"], (*at, "reply_to")) if "reply_to" in told else None
        name = self.text(told["name"], (*at, "name"), '"Claire Martin"') if "name" in told else ""
        if any(not sign.isprintable() for sign in name):
            self.report((*at, "name"), "expected one line")
        footer = self._texts(told, (*at, "footer"), "footer") if "footer" in told else {}
        return Sender(address, name, reply, footer)

    def _address(self, value: Any, at: Where) -> str:
        if value is None:
            return ""
        try:
            found = validate_email(
                str(value), check_deliverability=False, allow_smtputf8=False, test_environment=True
            )
        except EmailNotValidError:
            self.report(at, "no e-mail address: expected one such as claire@acme.example")
            return ""
        return found.ascii_email or ""

    def _hours(self, told: dict[str, Any]) -> Hours | None:
        zone = told.get("timezone", "UTC")
        if not isinstance(zone, str) or (zone != "UTC" and zone not in available_timezones()):
            self.report(("timezone",), "no time zone: expected one such as Europe/Paris")
            zone = "UTC"
        return read_hours(self, told.get("hours", _USUAL_HOURS), ("hours",), ZoneInfo(zone))

    def _cap(self, told: dict[str, Any], at: Where) -> Cap | None:
        if "at_most" not in told:
            return None
        found = _CAP.match(told["at_most"]) if isinstance(told["at_most"], str) else None
        if found is None:
            self.report(
                (*at, "at_most"), "expected a number of mails in a stretch, such as 2 a week, 3 in 10d"
            )
            return None
        stretch = _STRETCHES.get(found[2], found[2])
        return Cap(int(found[1]), int(self.duration(stretch, (*at, "at_most")) * SECOND))

    def _consent_of(self, told: dict[str, Any], at: Where, default: Consent) -> Consent:
        if "require_consent" not in told:
            return default
        value = told["require_consent"]
        if not isinstance(value, bool | str) or value not in _CONSENTS:
            self.report((*at, "require_consent"), "expected true, false or private (addresses of free mail)")
            return default
        return _CONSENTS[value]

    def _one_of(self, told: dict[str, Any], field: str, choices: tuple[str, ...], default: str) -> Any:
        value = told.get(field, default)
        if value not in choices:
            self.report((field,), self.choice(value, choices))
            return default
        return value

    def _texts(self, told: dict[str, Any], at: Where, field: str) -> dict[str, str]:
        """A text for each language; a plain one is for all."""
        value = told.get(field)
        if value is None:
            return {}
        if isinstance(value, str):
            return dict.fromkeys(_LANGUAGES, self.text(value, at, '"Bonjour"'))
        found = self.mapping(value, at, dict.fromkeys(_LANGUAGES, False), "a text, or {fr: …, en: …}")
        if not found:
            self.report(at, "expected a text, or {fr: …, en: …}")
        return {language: self.text(one, (*at, language), '"Bonjour"') for language, one in found.items()}

    def _mail(self, name: str, told: Any) -> Mail:
        at: Where = ("mails", name)
        told = self.mapping(told, at, _MAIL, "a mail: subject, text, and html if you like")
        parts = {part: self._texts(told, (*at, part), part) for part in _MAIL}
        mail = Mail(name, **parts)
        languages = set(mail.subject)
        for part in ("text", "html"):
            if parts[part] and languages and set(parts[part]) != languages:
                self.report((*at, part), "expected the same languages as the subject's")
        for part, language, said in Templates.problems(mail):
            there = (*at, part, language) if isinstance(told.get(part), dict) else (*at, part)
            self.report(there, said)
        return mail

    def _mail_named(self, value: Any, at: Where) -> str:
        if not isinstance(value, str) or value not in self._mails:
            self.report(at, f"no such mail below `mails`: {self.choice(value, self._mails)}")
            return ""
        return value

    def _sequence(self, name: str, told: Any) -> Sequence:
        at: Where = ("sequences", name)
        told = self.mapping(told, at, _SEQUENCE, "a sequence: steps, and how it is entered and left")
        steps = _Steps(self, self._mail_named)
        program = steps.read(told.get("steps"), (*at, "steps"))
        leave = self.mapping(told.get("exit", {}), (*at, "exit"), _EXIT, "what ends it: tiers, events")
        tiers = leave.get("tiers", ["hot"])
        if not isinstance(tiers, list) or any(not isinstance(tier, str) for tier in tiers):
            self.report((*at, "exit", "tiers"), "expected a list of tiers, such as [hot]")
            tiers = []
        again = told.get("again", _EVERY)
        return Sequence(
            id=name,
            program={one.id: one for one in program},
            order=tuple(one.id for one in program),
            priority=int(self.number(told.get("priority", 0), (*at, "priority"), "10")),
            only_if=self.condition(told["if"], (*at, "if"), ()) if "if" in told else None,
            exit_tiers=frozenset(tiers),
            exit_events=self._types(leave.get("events", []), (*at, "exit", "events")),
            again=None if again == "never" else int(self.duration(again, (*at, "again")) * SECOND),
            cap=self._cap(told, at),
            consent=self._consent_of(told, at, self._consent),
        )

    def _survey(self, name: str, told: Any, top: dict[str, Any]) -> Survey:
        at: Where = ("surveys", name)
        told = self.mapping(told, at, _SURVEY, "a survey: mail, and what starts it")
        mail = self._mail_named(told["mail"], (*at, "mail")) if "mail" in told else ""
        if mail and any(SCALE not in text for text in self._mails[mail].text.values()):
            self.report((*at, "mail"), f"{mail} doesn't ask: expected {{{{ {SCALE} }}}} in its text")
        return Survey(
            id=name,
            mail=mail,
            starts=self._types(told.get("on", []), (*at, "on")),
            delay=int(self.duration(told["after"], (*at, "after")) * SECOND) if "after" in told else 0,
            only_if=self.condition(told["if"], (*at, "if"), ()) if "if" in told else None,
            every=int(self.duration(top.get("survey_every", _EVERY), ("survey_every",)) * SECOND),
            consent=self._consent_of(told, at, "never"),
        )

    def _types(self, value: Any, at: Where) -> frozenset[str]:
        values = value if isinstance(value, list) else [value]
        if wrong := [one for one in values if not isinstance(one, str) or not _TYPE.match(one)]:
            self.report(at, f"{wrong[0]!r} is no type of event: expected one such as project_delivered")
            return frozenset()
        for one in values:
            if topic_of(one) not in EVENT_TOPICS:
                self.report(at, f"{one} is not read: expected an event of {', '.join(EVENT_TOPICS)}")
        return frozenset(values)

    def condition(self, told: Any, at: Where, steps: tuple[str, ...]) -> Condition:
        """A condition; `steps` are the mails of the sequence, which it may ask about."""
        self._check_names(told, at, steps)

        def field(name: str) -> Callable[[View], object]:
            if name in _KNOWN_BY_PLACE:
                return _KNOWN_BY_PLACE[name]
            if name.startswith("lead.") and len(name) > len("lead."):
                read = trait_field(name.removeprefix("lead."))
                return lambda view: read(view.traits)
            return lambda view: None

        return Conditions[View](field, self.report).parse(told, at)

    def _check_names(self, told: Any, at: Where, steps: tuple[str, ...]) -> None:
        if isinstance(told, list):
            for place, one in enumerate(told):
                self._check_names(one, (*at, place), steps)
            return
        for name, spec in told.items() if isinstance(told, dict) else ():
            if name in ("any", "all", "none"):
                self._check_names(spec, (*at, name), steps)
            elif name not in _KNOWN_BY_PLACE and not name.startswith("lead."):
                self.report((*at, name), "nothing to ask of: expected tier, score, opened, clicked, event, "
                                         "lead.TRAIT, or any, all, none")  # fmt: skip
            for value in _words(spec):
                if name in ("opened", "clicked") and value not in steps:
                    self.report((*at, name), f"no mail of this sequence: {self.choice(value, steps)}")
                elif name == "event":
                    self._asked |= self._types(value, (*at, name))


class _Steps:
    """Makes the program of a sequence out of its steps."""

    def __init__(self, reader: _Reader, mail_named: Callable[[Any, Where], str]) -> None:
        self._reader = reader
        self._mail_named = mail_named
        self._ids: dict[str, int] = {}
        self._last = "start"

    def read(self, told: Any, at: Where) -> list[Instruction]:
        if told is None:
            return []
        names = tuple(_mails_of(told))
        return [*self._list(told, at, names), Stop(self._new("end"))]

    def _new(self, wanted: str) -> str:
        """An id of its own: what is no mail is named after the mail before it, so few change with a file."""
        self._ids[wanted] = self._ids.get(wanted, 0) + 1
        return wanted if self._ids[wanted] == 1 else f"{wanted}~{self._ids[wanted]}"

    def _list(self, told: Any, at: Where, names: tuple[str, ...]) -> list[Instruction]:
        if not isinstance(told, list) or not told:
            self._reader.report(at, "expected a list of steps, such as [{mail: hello}, {wait: 3d}]")
            return []
        return [one for place, step in enumerate(told) for one in self._step(step, (*at, place), names)]

    def _step(self, told: Any, at: Where, names: tuple[str, ...]) -> list[Instruction]:
        kinds = [kind for kind in _STEPS if isinstance(told, dict) and kind in told]
        if len(kinds) != 1:
            self._reader.report(at, f"expected a step with one of {', '.join(_STEPS)}")
            return []
        [kind] = kinds
        more = {"if": ("then", "else"), "mail": ("id",)}.get(kind, ())
        told = self._reader.mapping(told, at, dict.fromkeys((kind, *more), False), "a step")
        if kind == "mail":
            mail = self._mail_named(told.get("mail"), (*at, "mail"))
            return [self._mail(told, at, mail)]
        if kind == "wait":
            seconds = self._reader.duration(told.get("wait"), (*at, "wait"))
            return [Wait(self._new(f"{self._last}+wait"), int(seconds * SECOND))]
        if kind == "stop":
            return [Stop(self._new(f"{self._last}+stop"))]
        return self._branch(told, at, names)

    def _mail(self, told: dict[str, Any], at: Where, mail: str) -> Instruction:
        wanted = told.get("id", mail)
        if not isinstance(wanted, str) or (mail and not _NAME.match(wanted)):
            self._reader.report((*at, "id"), "expected a name, such as hello-again")
        elif mail and wanted in self._ids:
            self._reader.report(at, f"{wanted} is sent twice: give one of them an id of its own")
        self._last = str(wanted)
        return Post(self._new(self._last), mail)

    def _branch(self, told: dict[str, Any], at: Where, names: tuple[str, ...]) -> list[Instruction]:
        condition = self._reader.condition(told.get("if"), (*at, "if"), names)
        if "then" not in told and "else" not in told:
            self._reader.report(at, "nothing depends on it: expected then, else, or both")
        begin = self._new(f"{self._last}+if")
        then = self._list(told["then"], (*at, "then"), names) if "then" in told else []
        other = self._list(told["else"], (*at, "else"), names) if "else" in told else []
        end = Jump(f"{begin}+end", "")
        label = Jump(f"{begin}+else", "")
        return [
            Branch(begin, condition, label.id),
            *then,
            Jump(f"{begin}+then", end.id),
            label,
            *other,
            end,
        ]


def _mails_of(told: Any) -> Iterator[str]:
    """The ids of all mails of some steps."""
    for step in told if isinstance(told, list) else ():
        if isinstance(step, dict):
            if "mail" in step:
                yield str(step.get("id", step["mail"]))
            yield from _mails_of(step.get("then"))
            yield from _mails_of(step.get("else"))


def _words(spec: Any) -> Iterator[str]:
    """The texts that a test compares with, as far as it names any."""
    if isinstance(spec, str):
        yield spec
    elif isinstance(spec, list):
        yield from (one for one in spec if isinstance(one, str))
    elif isinstance(spec, dict) and "not" in spec:
        yield from _words(spec["not"])
