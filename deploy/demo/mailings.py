"""Sends the mailings to everybody known at their time; people open, open again, click, bounce, leave."""

from random import Random
from typing import Final

from deploy.demo.hours import Hours
from deploy.demo.journey import Journey
from deploy.demo.site import DEMO, MAILINGS, Mailing
from scorer.times import DAY, SECOND, Micros

_MINUTE: Final = 60 * SECOND
_OPENS_WITHIN: Final = 30 * 60  # minutes: most open within half a day or two
_OPENS_AGAIN: Final = 0.12
_CLICKS: Final = 0.18


def send(journey: Journey) -> None:
    """Notes what the mailings made of one person."""
    for mailing in MAILINGS:
        at = _sent(mailing, journey.hours)
        if journey.known is None or journey.known > at or not journey.wants_mail:
            continue
        journey.mail(at, "email_delivered", mailing.campaign, title=mailing.title)
        if journey.rng.random() < journey.reads_mail:
            _opens(journey, mailing, at)


def bounces(journey: Journey) -> None:
    """The first mailing after they are known comes back; none follows."""
    journey.wants_mail = False
    after = [at for at, _ in _later(journey)]
    for at in after[:1]:
        journey.mail(at + 4 * SECOND, "email_bounce", _later(journey)[0][1].campaign)


def leaves(journey: Journey) -> None:
    """They unsubscribe with the first mailing after they are known."""
    journey.wants_mail = False
    for at, mailing in _later(journey)[:1]:
        journey.mail(at, "email_delivered", mailing.campaign, title=mailing.title)
        opened = at + journey.rng.randrange(5, 600) * _MINUTE
        journey.mail(opened, "email_open", mailing.campaign, title=mailing.title)
        journey.mail(opened + 40 * SECOND, "unsubscribe", mailing.campaign)


def _later(journey: Journey) -> list[tuple[Micros, Mailing]]:
    known = journey.known
    sent = [(_sent(mailing, journey.hours), mailing) for mailing in MAILINGS]
    return [] if known is None else [one for one in sent if one[0] > known]


def _sent(mailing: Mailing, hours: Hours) -> Micros:
    return hours.moment(Random(mailing.campaign), mailing.days_ago)


def _opens(journey: Journey, mailing: Mailing, sent: int) -> None:
    rng = journey.rng
    opened = sent + rng.randrange(2, _OPENS_WITHIN) * _MINUTE
    journey.mail(opened, "email_open", mailing.campaign, title=mailing.title)
    if rng.random() < _OPENS_AGAIN:
        again = opened + int(rng.uniform(0.2, 3) * DAY)
        journey.mail(again, "email_open", mailing.campaign, title=mailing.title)
    if rng.random() < _CLICKS:
        link = mailing.landing.url
        clicked = journey.mail(opened + 20 * SECOND, "email_click", mailing.campaign, link=link)
        journey.visit(clicked + SECOND, [mailing.landing] if mailing.landing is not DEMO else [DEMO], "email")
