"""The leads that the board's tests look at: who they are and what they did, in hours before now."""

from dataclasses import dataclass
from typing import Any

Happening = tuple[float, str, dict[str, Any]]
"""Hours before now, type, properties."""


@dataclass(frozen=True)
class Sample:
    """A lead; a `known` of None stays anonymous, else tells when its form came in."""

    id: str
    traits: dict[str, Any]
    did: list[Happening]
    channel: str
    browser: str | None = None
    known: float | None = None


def page(hours: float, path: str, title: str) -> Happening:
    """Sees a page."""
    return hours, "page_view", {"url": f"https://www.exemple.fr{path}", "title": title}


def pricing(hours: float) -> Happening:
    """Sees the prices."""
    return page(hours, "/tarifs", "Tarifs")


def stays(hours: float, seconds: float) -> Happening:
    """Stays on the prices."""
    properties = {"url": "https://www.exemple.fr/tarifs", "title": "Tarifs", "duration_s": seconds}
    return hours, "page_time", properties


def guide(hours: float, name: str = "Choisir son CRM") -> Happening:
    """Takes a guide."""
    return hours, "download", {"asset": name}


def demo_mail(hours: float) -> Happening:
    """Opens the demo e-mail."""
    return hours, "email_open", {"campaign": "demo-20-min", "title": "Démo : 20 min pour voir"}


def click(hours: float) -> Happening:
    """Clicks in an e-mail."""
    return hours, "email_click", {"campaign": "cas-clients", "title": "Cas clients"}


def demo(hours: float) -> Happening:
    """Asks for a demo."""
    return hours, "demo_requested", {}


def webinar(hours: float) -> Happening:
    """Attends a webinar."""
    return hours, "webinar_attended", {}


def _traits(name: str, title: str, company: str, employees: int, city: str, industry: str) -> dict[str, Any]:
    first, last = name.split(" ", 1)
    domain = company.lower().replace(" ", "-").replace("é", "e").replace("ô", "o")
    return {
        "first_name": first,
        "last_name": last,
        "title": title,
        "company": company,
        "employees": employees,
        "city": city,
        "industry": industry,
        "email": f"{last.lower().replace(' ', '')}@{domain}.fr",
        "phone": "03 25 00 01 42",
        "country": "FR",
    }


_CLAIRE = [
    page(316, "/blog/piloter-son-carnet-de-commandes", "Piloter son carnet de commandes"),
    page(315.9, "/integration-crm", "Intégration CRM"),
    pricing(244.5),
    stays(244.4, 200),
    page(244.3, "/clients/metallurgie", "Clients : métallurgie"),
    page(148.2, "/guides/crm-industrie", "Guide CRM industrie"),
    guide(148.0, "Choisir son CRM industriel"),
    demo_mail(69),
    demo_mail(0.6),
    page(0.55, "/demo", "Demander une démo"),
    pricing(0.5),
    stays(0.45, 126),
    page(0.35, "/clients/fonderies", "Clients : fonderies"),
]
INJECTION = "<img src=x onerror=alert(1)>"
"""What a lead may type as its name."""

SAMPLES = [
    Sample(
        "u-2041",
        _traits(
            "Claire Delaunay", "Directrice générale", "Fonderies Castelnau", 240, "Saint-Dizier", "autre"
        ),
        _CLAIRE,
        "email",
        browser="a-7f3e",
        known=148.1,
    ),
    Sample(
        "u-1187",
        _traits("Karim Benali", "Directeur commercial", "Transports Quemener", 80, "Quimper", "logistique"),
        [click(170), pricing(49), pricing(1.6), stays(1.5, 222), demo(1.4)],
        "search",
    ),
    Sample(
        "u-0932",
        _traits("Sophie Marchetti", "CFO", "Hexalia Conseil", 60, "Lyon", "conseil"),
        [guide(122), guide(121), click(99), pricing(52), pricing(51.5), pricing(51.4), stays(51, 440)],
        "linkedin",
    ),
    Sample(
        "u-1740",
        _traits("Guillaume Tessier", "COO", "Biolande Nutrition", 310, "Rennes", "santé"),
        [webinar(70), demo_mail(30), demo_mail(2.1), pricing(2), stays(1.9, 270)],
        "event",
    ),
    Sample(
        "u-1522",
        _traits("Nadia Ferhat", "Directrice marketing", "Cartonnages du Rhone", 90, "Givors", "industrie"),
        [guide(72), guide(27), pricing(27), click(28), demo(26)],
        "search",
    ),
    Sample(
        "a-5b91c0",
        {},
        [
            guide(60),
            pricing(50),
            pricing(26),
            pricing(1.2),
            guide(1.6),
            demo(1.4),
            stays(1.1, 500),
            pricing(1.15),
        ],
        "search",
    ),
    Sample(
        "u-0711",
        _traits("Thomas Le Goff", "Directeur industriel", "Mecanord", 150, "Valenciennes", "services"),
        [webinar(250), guide(200), click(30), pricing(30)],
        "email",
    ),
    Sample(
        "u-1904",
        _traits("Isabelle Vasseur", "DG adjointe", "Logis Armor", 120, "Saint-Brieuc", "services"),
        [click(160), page(62, "/integration-crm", "Intégration CRM")],
        "linkedin",
    ),
    Sample(
        "u-2077",
        _traits("Fatou Diallo", "Responsable ADV", "Pharmatis Ouest", 110, "Angers", "services"),
        [pricing(3.4), guide(3.2), guide(3, "ROI d’un CRM")],
        "search",
    ),
    Sample("a-c04e17", {}, [pricing(5.1), pricing(5), guide(5.2), stays(4.9, 360)], "ads"),
    Sample(
        "u-1311",
        _traits("Hélène Castaing", "Acheteuse", "Delmas Emballages", 40, "Agen", "industrie"),
        [webinar(600)],
        "event",
    ),
    Sample(
        "u-2099",
        {"first_name": "Mathieu", "last_name": "Roux", "title": "Étudiant", "email": "m.roux@gmail.com"},
        [guide(20), page(20.2, "/blog/crm", "Blog : CRM")],
        "search",
    ),
    Sample(
        "u-0666", {"first_name": INJECTION, "company": INJECTION, "title": INJECTION}, [guide(9)], "direct"
    ),
]
