"""Judges events as they come: which are robots', and which earlier ones that shows to be robots' too."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from connectors.ingest.robots.agents import UserAgents
from connectors.ingest.robots.hits import Hit, Hits, MailKey
from connectors.ingest.robots.marking import marked, retraction, stamped
from connectors.ingest.robots.networks import Networks
from connectors.ingest.robots.rules import Robots
from connectors.ingest.robots.together import address_signs, mail_signs
from scorer.event import RETRACT, Event, decode
from scorer.times import SECOND, Micros

_HITS: Final = frozenset({"email_open", "email_click"})
_DELIVERED: Final = "email_delivered"
_NOT_JUDGED: Final = frozenset(
    {"identify", "alias", "outcome", "nps", RETRACT, "email_bounce", "email_complaint", "unsubscribe"}
)
"""Nobody's doing, or what is not to be passed over whoever says it."""
_AHEAD: Final = 300 * SECOND
"""What says it happened more than this after it was received happened when it was received."""
_ALMOST: Final = 1e-9
"""By which a sum of decimal weights may fall short."""


@dataclass
class Judgement:
    """What came of some events: the same, some marked, and what takes earlier ones back."""

    events: list[bytes]
    retractions: list[tuple[Event, bytes]] = field(default_factory=list)
    reasons: list[tuple[str, ...]] = field(default_factory=list)
    """Of every event that was found to be a robot's, now or back then."""


class Judge:
    """The rules, and what they have seen lately. No clock, no I/O: `received` says when events come."""

    def __init__(self, robots: Robots) -> None:
        self._robots = robots
        self._rules = robots.rules
        self._weights = robots.rules.weights()
        self._agents = UserAgents(robots.agents.image_proxies)
        self._networks = Networks(robots.networks.values())
        self._hits = Hits(robots.window.lasts, robots.window.events)

    @property
    def remembered(self) -> int:
        """How many opens, clicks and deliveries are remembered."""
        return len(self._hits)

    def judge(self, events: Sequence[bytes], received: Micros) -> Judgement:
        """Judges events, each the JSON of one with an id, that come together at a moment."""
        self._hits.forget(received)
        found = Judgement(list(events))
        here: dict[Hit, list[int]] = {}
        mails: dict[MailKey, None] = {}
        for place, raw in enumerate(events):
            if b'"email_' not in raw and b'"user_agent"' not in raw:
                continue
            event = decode(raw)
            if event.type in _HITS:
                hit = self._hits.known(event)
                if hit is None:
                    hit = self._hit(event, raw, received)
                    found.events[place] = hit.raw
                    mails[hit.mail] = None
                here.setdefault(hit, []).append(place)
            elif event.type == _DELIVERED:
                key = _mail_of(event)
                self._hits.deliver(key, _moment(event, received), received)
                mails[key] = None
            elif event.type not in _NOT_JUDGED and (reasons := self._reasons(self._browsing(event))):
                found.events[place] = marked(raw, reasons, self._robots.edition)
                found.reasons.append(reasons)
        self._decide(mails, here, found, received)
        return found

    def _hit(self, event: Event, raw: bytes, received: Micros) -> Hit:
        moment = _moment(event, received)
        if moment != event.moment:
            raw = stamped(raw, moment)
        properties, context = event.properties or {}, event.context or {}
        hit = Hit(
            event,
            raw,
            moment,
            _mail_of(event),
            link=_text(properties.get("link") or properties.get("url")),
            address=_text(context.get("ip")),
            own=frozenset(self._own(event, properties, context)),
            robot=event.by_robot,
        )
        self._hits.add(hit, received)
        return hit

    def _decide(
        self, mails: Iterable[MailKey], here: dict[Hit, list[int]], found: Judgement, received: Micros
    ) -> None:
        """Judges the hits that new ones, or a delivery, may show in another light.

        The newest is taken back first: an alert stands as long as something after it holds the tier.
        """
        touched: dict[Hit, None] = dict.fromkeys(here)
        for key in mails:
            mail = self._hits.mail(key)
            signs = mail_signs(mail, self._rules)
            for hit in mail.hits:
                hit.of_mail = frozenset(signs.get(hit, ()))
                touched[hit] = None
        for address in {hit.address: None for hit in here if hit.address}:
            for hit, shown in address_signs(self._hits.from_address(address), self._rules).items():
                hit.of_address |= shown
                touched[hit] = None
        for hit in sorted(touched, key=lambda hit: -hit.moment):
            reasons = self._reasons(hit.own | hit.of_mail | hit.of_address)
            for place in here.get(hit, ()):
                if reasons or (hit.robot and not hit.event.by_robot):
                    found.events[place] = marked(found.events[place], reasons, self._robots.edition)
            if reasons and not hit.robot:
                hit.robot = True
                found.reasons.append(reasons)
                if hit not in here:
                    value = retraction(hit.event, hit.raw, reasons, self._robots.edition, received)
                    found.retractions.append((hit.event, value))

    def _reasons(self, signs: Collection[str]) -> tuple[str, ...]:
        """The signs that make an event a robot's, the weightiest first; none where they weigh too little."""
        weights = {sign: self._weights[sign] for sign in signs if self._weights[sign]}
        if sum(weights.values()) < self._robots.threshold - _ALMOST:
            return ()
        return tuple(sorted(weights, key=lambda sign: (-weights[sign], sign)))

    def _own(self, event: Event, properties: dict[str, Any], context: dict[str, Any]) -> Iterable[str]:
        """The signs that an open or a click shows by itself."""
        click = event.type == "email_click"
        agent = context.get("user_agent")
        if context.get("machine_open") is True:
            yield "machine-click" if click else "machine-open"
        if context.get("method") == "HEAD":
            yield "head-request"
        if agent in self._rules.apple_privacy_open.agents and not click:
            yield "apple-privacy-open"
        if agent == "":
            yield "empty-agent"
        if isinstance(agent, str):
            if self._agents(agent):
                yield "crawler-agent"
            if self._scans(agent):
                yield "scanner-agent"
        if click:
            if context.get("honeypot") is True or self._is_honeypot(properties.get("link")):
                yield "honeypot"
            kind = self._networks(_text(context.get("ip")))
            if kind in ("scanner", "cloud"):
                yield f"{kind}-network"

    def _browsing(self, event: Event) -> set[str]:
        """The signs of what is done on a site. Servers tell what people do by libraries: those are none."""
        agent = (event.context or {}).get("user_agent")
        found = set()
        if isinstance(agent, str):
            if self._agents(agent) == "robot":
                found.add("crawler-agent")
            if self._scans(agent):
                found.add("scanner-agent")
        return found

    def _scans(self, agent: str) -> bool:
        lower = agent.lower()
        return any(word in lower for word in self._rules.scanner_agent.words)

    def _is_honeypot(self, link: object) -> bool:
        return isinstance(link, str) and any(fnmatchcase(link, form) for form in self._rules.honeypot.links)


def _mail_of(event: Event) -> MailKey:
    properties = event.properties or {}
    return MailKey(event.key, _text(properties.get("message_id")) or _text(properties.get("campaign")))


def _moment(event: Event, received: Micros) -> Micros:
    """When a stream will take it to have happened."""
    if event.moment is None or event.moment > received + _AHEAD:
        return received
    return Micros(event.moment)


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
