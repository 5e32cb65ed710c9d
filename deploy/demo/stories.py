"""The people of the demonstration who have a story: each shows one thing that the example grid is for."""

from collections.abc import Callable, Iterator
from math import exp2
from random import Random
from typing import Final

from deploy.demo import site
from deploy.demo.hours import Hours
from deploy.demo.journey import Journey
from deploy.demo.people import Company, Person
from scorer.times import DAY, SECOND

_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE

COOLS_AFTER: Final = 3 * _MINUTE
"""How long after the end of the demonstration one hot lead cools, with no event near it."""

_FOUNDRY: Final = Company(
    "Fonderies Castelnau", "fonderies-castelnau.example", "industrie", 100, "Saint-Dizier"
)
_FLEET: Final = Company("Transports Quéméner", "transports-quemener.example", "logistique", 180, "Quimper")
_NUTRITION: Final = Company("Biolande Santé", "biolande-sante.example", "santé", 310, "Rennes")
_BOXES: Final = Company("Cartonnages du Rhône", "cartonnages-du-rhone.example", "industrie", 260, "Givors")
_CLINIC: Final = Company("Cliniques du Bocage", "cliniques-du-bocage.example", "santé", 900, "Cholet")


def _person(first: str, last: str, title: str, address: str, company: Company | None, phone: str) -> Person:
    domain = company.domain if company else "gmail.com"
    return Person(first, last, title, f"{address}@{domain}", f"06 39 98 {phone}", company)


def _managing_director(journey: Journey) -> None:
    """Heads a company of 100, reads about the integration, opens the demo e-mail again: hot today."""
    first, then = journey.days(15, 11)
    now = journey.hours.end
    left = journey.visit(first, [site.BLOG[1], site.CRM], "search")
    journey.says_who(journey.downloads(left, site.ASSETS[0]))
    journey.wants_mail = False
    journey.mail(then, "email_delivered", "demo-20-min", title="Démo : 20 min pour voir")
    for opened in (now - 26 * _HOUR, now - 40 * _MINUTE):
        journey.mail(opened, "email_open", "demo-20-min", title="Démo : 20 min pour voir")
    journey.visit(now - 38 * _MINUTE, [site.CRM, site.CLIENTS[0], site.PRICING], "email")


def _comes_back(journey: Journey) -> None:
    """Unknown, reads the prices; back three days later takes a guide, says who it is: hot at once."""
    back = journey.hours.end - 30 * _MINUTE
    journey.visit(back - 3 * DAY, [site.PRICING])
    left = journey.visit(back, [site.GUIDES])
    journey.says_who(journey.downloads(left, site.ASSETS[0]))


def _left_alone(journey: Journey) -> None:
    """Asked for a demo two weeks before the end, then silence: hot, cooled by time, sent to nurturing."""
    [asked] = journey.days(14)
    journey.says_who(journey.visit(asked, [site.DEMO]), "demo")
    journey.note(asked + 2 * _MINUTE, "demo_requested", {"url": site.DEMO.url})
    journey.wants_mail = False


def _cools_while_watched(journey: Journey) -> None:
    """Hot for two weeks: cools some minutes after the end, while somebody looks and nothing happens.

    The minutes on the prices are reckoned so that the score passes 65 (hot, less the hysteresis) just then:
    45 of fit, 30 for the demo (half-life 14 d), 10 for the prices and 2 a minute on them (half-life 7 d).
    """
    hours = journey.hours
    journey.wants_mail = False
    cools = hours.end + COOLS_AFTER
    for ago in (13, 14, 15, 12):
        [asked] = journey.days(ago)
        age = (cools - asked) / DAY
        missing = (65 - 45 - 30 * exp2(-age / 14)) / exp2(-age / 7) - 10
        if 0 < missing < 20:
            break
    properties = {"url": site.PRICING.url, "title": site.PRICING.title}
    journey.note(asked, "page_view", properties)
    journey.stays(asked, site.PRICING, missing / 2 * 60)
    journey.note(asked, "demo_requested", {"url": site.DEMO.url})
    journey.says_who(asked + 1, "demo")


def _student(journey: Journey) -> None:
    """Reads the blog every few days and takes a white paper: cold all along."""
    visits = journey.days(38, 35, 31, 24, 17, 11, 6, 2)
    for number, at in enumerate(visits):
        left = journey.visit(
            at, [site.BLOG[number % len(site.BLOG)], site.BLOG[(number + 3) % len(site.BLOG)]]
        )
        if number == 2:
            journey.says_who(journey.downloads(left, site.WHITE_PAPERS[0]))


def _committee(journey: Journey) -> None:
    """One of three colleagues who look at the same product in the same days."""
    visits = journey.days(12, 7, 3, journey.rng.uniform(0.1, 1.2))
    for number, at in enumerate(visits):
        left = journey.visit(
            at, [site.CLIENTS[2], (site.SECURITY, site.CRM, site.FEATURES, site.PRICING)[number]]
        )
        if number == 1:
            journey.says_who(journey.downloads(left, site.WHITE_PAPERS[1]))
    journey.reads_mail = 0.6


Story = Callable[[Journey], None]

_CAST: Final[tuple[tuple[Story, Person, str], ...]] = (
    (
        _managing_director,
        _person("Claire", "Delaunay", "Directrice générale", "claire.delaunay", _FOUNDRY, "01 42"),
        "search",
    ),
    (
        _comes_back,
        _person("Karim", "Benali", "Directeur des opérations", "karim.benali", _FLEET, "18 07"),
        "search",
    ),
    (_left_alone, _person("Guillaume", "Tessier", "COO", "guillaume.tessier", _NUTRITION, "27 33"), "event"),
    (
        _cools_while_watched,
        _person("Nadia", "Ferhat", "Directrice marketing", "nadia.ferhat", _BOXES, "35 60"),
        "ads",
    ),
    (_student, _person("Mathieu", "Roux", "Étudiant en master", "mathieu.roux", None, "44 18"), "search"),
    (
        _committee,
        _person("Hélène", "Castaing", "Directrice générale", "helene.castaing", _CLINIC, "52 71"),
        "linkedin",
    ),
    (
        _committee,
        _person("Rachid", "Haddad", "Responsable informatique", "rachid.haddad", _CLINIC, "52 72"),
        "search",
    ),
    (
        _committee,
        _person("Maëlle", "Le Bihan", "Acheteuse", "maelle.le-bihan", _CLINIC, "52 73"),
        "search",
    ),
)

COUNT: Final = len(_CAST)
LEFT_ALONE: Final = next(place for place, (story, *_) in enumerate(_CAST) if story is _left_alone)
"""The place in the cast of the one who cooled."""


def journeys(seed: int, hours: Hours, first_number: int) -> Iterator[Journey]:
    """The journeys of those who have a story."""
    for number, (story, person, channel) in enumerate(_CAST, first_number):
        journey = Journey(number, Random(f"{seed}-story-{number}"), hours, person, channel)
        journey.evening = person.company is None
        story(journey)
        yield journey
