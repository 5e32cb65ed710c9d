"""The kinds of people who come to the site, and what each does in six weeks."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.demo import mailings, site
from deploy.demo.journey import Journey
from deploy.demo.people import RIVALS, Company, Likes
from scorer.times import SECOND

_MINUTE: Final = 60 * SECOND


_ANYBODY: Final = Likes()


@dataclass(frozen=True)
class Persona:
    """A kind of people: how many of them come to 300 leads, who they are, what they do."""

    name: str
    share: int
    does: Callable[[Journey], None]
    likes: Likes = _ANYBODY
    title: tuple[str, ...] = ()
    company: Company | None = None
    evening: bool = False


def _blog(rng: Random, most: int = 3) -> list[site.Page]:
    return rng.sample(site.BLOG, rng.randint(1, most))


def _visits(journey: Journey, least: int, most: int, since: float = 41.5, until: float = 0) -> list[int]:
    days = [journey.rng.uniform(until, since) for _ in range(journey.rng.randint(least, most))]
    return [int(at) for at in journey.days(*days)]


def _passer_by(journey: Journey) -> None:
    """Never says who it is."""
    for at in _visits(journey, 1, 4):
        extra = [site.PRICING] if journey.rng.random() < 0.12 else []
        journey.visit(at, [*_blog(journey.rng), *extra])


def _student(journey: Journey) -> None:
    """Reads the blog for a memoir, takes every guide, buys nothing."""
    visits = _visits(journey, 4, 9)
    for number, at in enumerate(visits):
        left = journey.visit(at, _blog(journey.rng, 4))
        if number == 1:
            journey.says_who(journey.downloads(left, journey.rng.choice(site.ASSETS)))


def _curious(journey: Journey) -> None:
    """Reads, takes a guide, stays at that."""
    visits = _visits(journey, 2, 7)
    tells = journey.rng.randrange(len(visits))
    for number, at in enumerate(visits):
        pages = [site.HOME] if journey.rng.random() < 0.3 else []
        left = journey.visit(at, [*pages, *_blog(journey.rng)])
        if number == tells:
            journey.says_who(journey.downloads(left, journey.rng.choice(site.ASSETS)))
        elif journey.rng.random() < 0.05:
            journey.visit(left, [site.PRICING])


def _subscriber(journey: Journey) -> None:
    """Was on a list, reads a mailing now and then."""
    journey.is_known(journey.days(journey.rng.uniform(40.5, 41.9))[0], by_browser=False)
    journey.reads_mail = 0.45


def _evaluator(journey: Journey) -> None:
    """Compares products over some weeks: customers, prices, a guide, perhaps a webinar."""
    rng = journey.rng
    since = rng.uniform(6, 41)
    visits = _visits(journey, 3, 7, since, max(0, since - 22))
    for number, at in enumerate(visits):
        pages = [rng.choice(site.CLIENTS), rng.choice((site.FEATURES, site.CRM, site.SECURITY))]
        if rng.random() < 0.25:
            pages.append(site.PRICING)
        left = journey.visit(at, [site.HOME, *pages])
        if number == min(1, len(visits) - 1):
            paper = rng.choice(site.WHITE_PAPERS if rng.random() < 0.4 else site.ASSETS)
            journey.visit(left, [site.GUIDES])
            journey.says_who(journey.downloads(left + 2 * _MINUTE, paper))
    if rng.random() < 0.25:
        journey.note(
            visits[-1] + 90 * _MINUTE, "webinar_attended", {"title": "Webinaire : relier CRM et ERP"}
        )


def buys(journey: Journey, since: float, until: float) -> None:
    """Wants it: prices again and again, a white paper, a demo."""
    rng = journey.rng
    visits = _visits(journey, 3, 5, since, until)
    for number, at in enumerate(visits):
        pages = [
            site.CRM,
            rng.choice(site.CLIENTS),
            *([site.PRICING] if number % 2 == 0 else [site.FEATURES]),
        ]
        left = journey.visit(at, pages)
        if number == 1:
            journey.visit(left, [site.GUIDES])
            journey.says_who(journey.downloads(left + 2 * _MINUTE, rng.choice(site.WHITE_PAPERS)))
    if rng.random() < 0.45:
        asked = journey.visit(visits[-1] + 40 * _MINUTE, [site.PRICING_LARGE, site.DEMO])
        journey.note(asked, "demo_requested", {"url": site.DEMO.url})
    journey.reads_mail = 0.6


def _buyer_now(journey: Journey) -> None:
    """Buys these days."""
    buys(journey, journey.rng.uniform(8, 18), 0)


def _buyer_then(journey: Journey) -> None:
    """Was about to buy some weeks ago; sales may know how it ended."""
    rng = journey.rng
    until = rng.uniform(10, 30)
    buys(journey, min(until + rng.uniform(6, 12), 41), until)
    journey.reads_mail = 0.15
    if rng.random() < 0.4:
        [at] = journey.days(until - 4)
        journey.concludes(at, rng.choice(("won", "lost", "lost")))


def _customer(journey: Journey) -> None:
    """Uses the product: logs in, asks for help, looks at a larger offer at times."""
    rng = journey.rng
    journey.is_known(journey.days(41)[0])
    for at in _visits(journey, 3, 8):
        larger = [site.PRICING_LARGE] if rng.random() < 0.12 else []
        journey.visit(at, [site.LOGIN, *rng.sample(site.HELP, rng.randint(1, 2)), *larger], "direct")
    if rng.random() < 0.5:
        rating = {"rating": rng.choice((6, 7, 8, 9, 9, 10))}
        journey.note(journey.days(rng.uniform(1, 35))[0], "nps", rating, "email")


def _rival(journey: Journey) -> None:
    """Works for a competitor: wants to know every price."""
    for number, at in enumerate(_visits(journey, 5, 9)):
        left = journey.visit(at, [site.PRICING, site.PRICING_LARGE, site.FEATURES, site.CRM])
        if number == 1:
            journey.says_who(journey.downloads(left, site.WHITE_PAPERS[0]))


def _bounced(journey: Journey) -> None:
    """Took a guide with an address that does not exist."""
    _curious(journey)
    mailings.bounces(journey)


def _unsubscribed(journey: Journey) -> None:
    """Took a guide, and had enough with the first mailing."""
    _curious(journey)
    mailings.leaves(journey)


def _job_seeker(journey: Journey) -> None:
    """Looks for work, and for what the company does."""
    for number, at in enumerate(_visits(journey, 2, 4)):
        left = journey.visit(at, [site.HOME, site.CAREERS, site.JOB])
        if number == 1:
            journey.says_who(left, "candidature")


_RIVAL = Company("CRM Rival", RIVALS[0], "services", 140, "Paris")

PERSONAS: Final = (
    Persona("passer-by", 68, _passer_by),
    Persona("curious", 67, _curious, Likes(decider=0.12, large=0.25, target=0.35, free_mail=0.2)),
    Persona("subscriber", 38, _subscriber, Likes(decider=0.15, large=0.3, target=0.4)),
    Persona("evaluator", 40, _evaluator, Likes(decider=0.3, large=0.4, target=0.55, abroad=0.08)),
    Persona("buyer-now", 7, _buyer_now, Likes(decider=0.75, large=0.7, target=0.8, abroad=0, free_mail=0)),
    Persona("buyer-then", 10, _buyer_then, Likes(decider=0.75, large=0.7, target=0.8, abroad=0, free_mail=0)),
    Persona("customer", 18, _customer, Likes(decider=0.15, large=0.4, target=0.6, free_mail=0)),
    Persona(
        "student",
        16,
        _student,
        Likes(free_mail=1),
        title=("Étudiant en master", "Étudiante en école de commerce", "Stagiaire marketing", "Doctorant"),
        evening=True,
    ),
    Persona("rival", 4, _rival, Likes(free_mail=0), company=_RIVAL),
    Persona("bounced", 8, _bounced, Likes(free_mail=0.3)),
    Persona("unsubscribed", 9, _unsubscribed),
    Persona(
        "job-seeker", 6, _job_seeker, Likes(free_mail=1), title=("Développeur", "Chargée de recrutement")
    ),
)
