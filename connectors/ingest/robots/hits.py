"""What people and robots did with e-mails lately, kept to be judged again by what comes after."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from scorer.event import Event
from scorer.times import Micros

MOST_TOGETHER: Final = 32
"""Newest hits of one mail, and of one address, that are looked at together; a rule asks for no more."""


class MailKey(NamedTuple):
    """One message to one lead."""

    lead: str
    message: str


@dataclass(slots=True, eq=False)
class Hit:
    """An open or a click: what the rules ask of it, and its bytes, should it have to be taken back."""

    event: Event
    raw: bytes
    moment: Micros
    mail: MailKey
    link: str
    address: str
    own: frozenset[str]
    """The signs that it shows by itself."""
    of_mail: frozenset[str] = frozenset()
    of_address: frozenset[str] = frozenset()
    robot: bool = False

    @property
    def click(self) -> bool:
        """Whether it is a click; else an open."""
        return self.event.type == "email_click"


@dataclass(slots=True)
class Mail:
    """What is known of one message to one lead."""

    delivered: Micros | None = None
    hits: list[Hit] = field(default_factory=list)
    items: int = 0
    """What the window still holds of it."""


class Hits:
    """A window over hits and deliveries in order of arrival, bounded by age and by number."""

    def __init__(self, lasts: int, most: int) -> None:
        self._lasts, self._most = lasts, most
        self._order: deque[tuple[Micros, MailKey, Hit | None]] = deque()
        self._mails: dict[MailKey, Mail] = {}
        self._addresses: dict[str, list[Hit]] = {}
        self._by_id: dict[tuple[str, str], Hit] = {}

    def __len__(self) -> int:
        return len(self._order)

    def forget(self, received: Micros) -> None:
        """Drops what came too long before a moment, and the oldest of too many."""
        while self._order and (self._order[0][0] < received - self._lasts or len(self._order) > self._most):
            _, key, hit = self._order.popleft()
            mail = self._mails[key]
            mail.items -= 1
            if not mail.items:
                del self._mails[key]
            if hit is not None:
                self._drop(mail, hit)

    def known(self, event: Event) -> Hit | None:
        """The hit that an event is a copy of."""
        return self._by_id.get((event.key, str(event.id)))

    def deliver(self, key: MailKey, moment: Micros, received: Micros) -> None:
        """Takes down a delivery; of several the first counts, or the clicks after it would come too soon."""
        mail = self._mail(key)
        mail.delivered = moment if mail.delivered is None else min(mail.delivered, moment)
        self._order.append((received, key, None))

    def add(self, hit: Hit, received: Micros) -> None:
        """Takes down a hit."""
        _append(self._mail(hit.mail).hits, hit)
        self._order.append((received, hit.mail, hit))
        self._by_id[hit.event.key, str(hit.event.id)] = hit
        if hit.address:
            _append(self._addresses.setdefault(hit.address, []), hit)

    def mail(self, key: MailKey) -> Mail:
        """What is known of one message to one lead."""
        return self._mails.get(key, Mail())

    def from_address(self, address: str) -> Iterable[Hit]:
        """The hits from one address."""
        return self._addresses.get(address, ())

    def _mail(self, key: MailKey) -> Mail:
        mail = self._mails.setdefault(key, Mail())
        mail.items += 1
        return mail

    def _drop(self, mail: Mail, hit: Hit) -> None:
        self._by_id.pop((hit.event.key, str(hit.event.id)), None)
        _remove(mail.hits, hit)
        if hit.address:
            there = self._addresses.get(hit.address, [])
            _remove(there, hit)
            if not there:
                self._addresses.pop(hit.address, None)


def _append(hits: list[Hit], hit: Hit) -> None:
    hits.append(hit)
    if len(hits) > MOST_TOGETHER:
        del hits[0]


def _remove(hits: list[Hit], hit: Hit) -> None:
    if hit in hits:
        hits.remove(hit)
