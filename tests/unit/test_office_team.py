"""The team file: what it says, and that everything wrong with it is named at once, with its line."""

from datetime import date

import pytest

from connectors.office.errors import TeamError
from connectors.office.team import EVERYBODY, parse_team
from scorer.times import parse_time

_TEAM = """
timezone: Europe/Paris
people:
  claire: {name: Claire Martin, email: claire@acme.fr, channel: claire, capacity: 15}
  paul: {away: [{from: 2026-12-21, to: 2027-01-02}]}
  zoé: {}
teams:
  sales:
    people: [claire, paul]
    territories:
      - {lead: {country: {words: [be, belgique]}}, people: [paul]}
  partners: {people: [zoé]}
"""


def test_a_team_is_read() -> None:
    team = parse_team(_TEAM, "team.yml")
    assert list(team.people) == ["claire", "paul", "zoé"]
    assert team.person(" CLAIRE@acme.fr ") is team.people["claire"] is team.person("Claire Martin")
    assert team.person("nobody") is team.person(None) is None
    first, named, everybody = team.group(None), team.group("partners"), team.group(EVERYBODY)
    assert first is not None and first.people == ("claire", "paul")
    assert named is not None and named.people == ("zoé",)
    assert everybody is not None and everybody.people == ("claire", "paul", "zoé")
    assert team.group("nobody's") is None
    assert first.territories[0].holds({"country": "Belgique"})
    paul = team.people["paul"]
    assert not paul.is_there(date(2026, 12, 21)) and not paul.is_there(date(2027, 1, 2))
    assert paul.is_there(date(2027, 1, 3))
    assert team.day(parse_time("2026-12-20T23:30:00Z")) == date(2026, 12, 21)


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(TeamError) as refused:
        parse_team(
            "timezone: Europe/Pari\n"
            "people:\n"
            "  claire: {nam: Claire, capacity: -1}\n"
            "  paul: {away: [{from: 2026-12-21, to: 2026-12-01}, {from: monday, to: friday}]}\n"
            "teams:\n"
            "  sales:\n"
            "    people: [clair]\n"
            "    territories: [{lead: {}, people: []}]\n",
            "team.yml",
        )
    told = str(refused.value).splitlines()
    assert [line.split(": ")[0:2] for line in told] == [
        ["team.yml:1", "timezone"],
        ["team.yml:3", "people.claire.capacity"],
        ["team.yml:3", "people.claire.nam"],
        ["team.yml:4", "people.paul.away[0].to"],
        ["team.yml:4", "people.paul.away[1]"],
        ["team.yml:7", "teams.sales.people[0]"],
        ["team.yml:8", "teams.sales.territories[0].lead"],
        ["team.yml:8", "teams.sales.territories[0].people"],
    ]
    assert "did you mean claire?" in told[5]
