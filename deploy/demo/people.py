"""Made-up people and companies: French names and titles, addresses that are nobody's."""

import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

_NAMES: Final[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "names.yml").read_text(encoding="utf-8")
)
RIVALS: Final = ("crm-rival.example", "pipeline-facile.example")  # as in the example grid


@dataclass(frozen=True)
class Company:
    """Where somebody works."""

    name: str
    domain: str
    industry: str
    employees: int
    city: str
    country: str = "FR"


@dataclass(frozen=True)
class Person:
    """Somebody, as a form would tell."""

    first_name: str
    last_name: str
    title: str
    email: str
    phone: str | None
    company: Company | None

    def traits(self) -> dict[str, Any]:
        """The traits of an `identify`."""
        told: dict[str, Any] = {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "title": self.title,
            "email": self.email,
        }
        if self.phone:
            told["phone"] = self.phone
        if self.company:
            told |= {
                "company": self.company.name,
                "employees": self.company.employees,
                "industry": self.company.industry,
                "city": self.company.city,
                "country": self.company.country,
            }
        return told


@dataclass(frozen=True)
class Likes:
    """How likely people of a persona are to be what the grid looks for."""

    decider: float = 0.25
    large: float = 0.35
    target: float = 0.45
    abroad: float = 0.04
    free_mail: float = 0.08


def company(rng: Random, likes: Likes) -> Company:
    """A company."""
    targeted = rng.random() < likes.target
    industry = rng.choice([name for name in _NAMES["trades"] if (name in _NAMES["targets"]) == targeted])
    name = f"{rng.choice(_NAMES['trades'][industry])} {rng.choice(_NAMES['houses'])}"
    low, high = (100, 2_400) if rng.random() < likes.large else (6, 98)
    employees = round(math.exp(rng.uniform(math.log(low), math.log(high))))
    country = rng.choice(_NAMES["abroad"]) if rng.random() < likes.abroad else "FR"
    return Company(name, f"{slug(name)}.example", industry, employees, rng.choice(_NAMES["cities"]), country)


def person(rng: Random, likes: Likes, at: Company | None = None, title: str | None = None) -> Person:
    """Somebody who works somewhere; `title` stands for nobody's employee where given without a company."""
    woman = rng.random() < 0.5
    first, last = rng.choice(_NAMES["women"] if woman else _NAMES["men"]), rng.choice(_NAMES["last"])
    works_at = at if at is not None or title is not None else company(rng, likes)
    pair = rng.choice(_NAMES["deciders"] if rng.random() < likes.decider else _NAMES["others"])
    domain = works_at.domain if works_at and rng.random() >= likes.free_mail else rng.choice(_NAMES["free"])
    # 06 39 98 is set aside for fiction by the French regulator: nobody's phone rings
    phone = f"06 39 98 {rng.randrange(100):02} {rng.randrange(100):02}" if rng.random() < 0.7 else None
    return Person(
        first,
        last,
        title or pair[0 if woman else 1],
        f"{slug(first)}.{slug(last)}@{domain}",
        phone,
        works_at,
    )


def slug(text: str) -> str:
    """The text as a part of an address.

    >>> slug("Transports Quéméner"), slug("Mécanique d’Artois")
    ('transports-quemener', 'mecanique-d-artois')
    """
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign)).lower()
    return "-".join("".join(sign if sign.isalnum() else " " for sign in bare).split())
