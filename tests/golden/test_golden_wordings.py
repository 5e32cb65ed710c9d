"""The example grid understands what people and sites call the same thing, in French and in English."""

import json
from pathlib import Path
from typing import Any

import pytest

from scorer.files import score_lines
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.times import parse_time

_PLAN = Plan(load_grid(Path(__file__).parents[2] / "deploy" / "grids" / "b2b-fr.yml"))
_AT = "2026-10-05T09:00:00Z"
_SITE = "https://www.atelier-crm.example"


def _scored(*events: dict[str, Any], at: str = _AT) -> dict[str, Any]:
    given = ({"lead_id": "u-1", "time": _AT, **event} for event in events)
    lines = (("log", number, json.dumps(event).encode()) for number, event in enumerate(given, 1))
    [record] = score_lines(lines, _PLAN, parse_time(at))
    return record


def _counted(*events: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = _scored(*events)["contributions"]
    return found


def _viewed(path: str) -> dict[str, Any]:
    return {"type": "page_view", "properties": {"url": _SITE + path}}


def _person(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "traits": {"email": "anne@fonderies-castelnau.example", **traits}}


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Directeur Général",
            "DIRECTRICE GENERALE",
            "Président-directeur général",
            "PDG",
            "P.D.G.",
            "DG",
            "D.G.",
        ),
        *(
            "Gérant",
            "gérante associée",
            "Dirigeant",
            "Chef d’entreprise",
            "Cheffe d'entreprise",
            "Fondatrice",
        ),
        *(
            "CEO",
            "C.E.O.",
            "Founder & CEO",
            "Chief Executive Officer",
            "Managing Director",
            "General Manager",
        ),
    ],
)
def test_the_head_of_a_company_is_known_by_any_title(title: str) -> None:
    found = _counted(_person(title=title, employees=100), _viewed("/integration-crm"))
    assert found == {"ceo-reads-crm": 15, "decision-maker": 20, "company-size": 15}


@pytest.mark.parametrize(
    "title",
    [
        *("Secrétaire du directeur général", "Assistante du PDG", "Executive assistant to the CEO"),
        *(
            "Vice-président des ventes",
            "Chief of staff to the CEO",
            "Stagiaire auprès du DG",
            "Directeur commercial",
        ),
    ],
)
def test_whoever_works_for_the_head_of_a_company_is_not_taken_for_it(title: str) -> None:
    found = _counted(_person(title=title, employees=100), _viewed("/integration-crm"))
    assert "ceo-reads-crm" not in found


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/intégration-crm",
            "/int%C3%A9gration-crm",
            "/inte%CC%81gration-crm",
            "/integration-crm?utm_source=mail",
        ),
        *("/integration-crm/", "/fr/integration-crm", "/Integration_CRM.html", "/integrations/crm"),
        *("/crm-integration", "/en/crm-integrations", "/produit/integration-crm/salesforce"),
    ],
)
def test_the_crm_page_is_known_by_any_path(path: str) -> None:
    assert _counted(_person(title="PDG", employees=100), _viewed(path))["ceo-reads-crm"] == 15


@pytest.mark.parametrize(
    "path", ["/", "/crm", "/blog/integration-crm-5-erreurs", "/carrieres/chef-de-projet-integration-crm"]
)
def test_what_only_talks_of_the_crm_page_is_not_it(path: str) -> None:
    assert "ceo-reads-crm" not in _counted(_person(title="PDG", employees=100), _viewed(path))


@pytest.mark.parametrize(
    "path", ["/tarifs", "/fr/tarifs/", "/Tarifs.html", "/nos-tarifs", "/pricing", "/en/pricing"]
)
def test_the_pricing_page_is_known_by_any_path(path: str) -> None:
    time = {"type": "page_time", "properties": {"url": _SITE + path, "duration_s": 60}}
    assert _counted(_person(), _viewed(path), time) == {"pricing-page": 10, "pricing-time": 2}


@pytest.mark.parametrize("path", ["/", "/blog/pricing-saas", "/tariffs-worldwide"])
def test_another_page_is_not_the_pricing_page(path: str) -> None:
    assert _counted(_person(), _viewed(path)) == {}


@pytest.mark.parametrize(
    "properties",
    [
        *(
            {"asset": name}
            for name in ("Livre blanc : le CRM", "livres_blancs.pdf", "LIVREBLANC", "White Paper")
        ),
        {"title": "Whitepaper: CRM at work"},
        {"url": f"{_SITE}/ressources/livres-blancs/crm.pdf"},
    ],
)
def test_a_white_paper_is_known_by_name_title_or_path_and_is_no_guide(properties: dict[str, str]) -> None:
    assert _counted(_person(), {"type": "download", "properties": properties}) == {"whitepaper": 12}


@pytest.mark.parametrize(
    "campaign", ["demo", "demo2026", "Démo d’octobre", "invitation-demo", "Démonstration"]
)
def test_a_demo_email_is_known_by_any_name(campaign: str) -> None:
    opened = {"type": "email_open", "properties": {"campaign": campaign}}
    assert _counted(_person(), opened, {**opened, "time": "2026-10-04T09:00:00Z"}) == {"demo-mail-again": 20}


@pytest.mark.parametrize(
    "address", ["a@gmail.com", "a@orange.fr", "a@sfr.fr", "a@neuf.fr", "a@bbox.fr", "a@gmx.fr"]
)
def test_a_mailbox_that_a_provider_gives_away_is_no_work_email(address: str) -> None:
    assert _counted(_person(email=address)) == {"no-work-email": -10}


def test_who_comes_back_only_to_download_has_come_back() -> None:
    read = {**_viewed("/tarifs"), "time": "2026-10-02T09:00:00Z"}
    guide = {"type": "download", "properties": {"asset": "Guide : choisir son CRM"}}
    who = _person(title="Directeur des opérations", employees=180, industry="logistique", country="France")
    record = _scored(read, guide, who)
    assert record["contributions"]["back-soon"] == 10
    assert record["score"] >= 70
    assert record["tier"] == "hot"
