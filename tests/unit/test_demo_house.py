"""What the demonstration has besides its leads: it fits the sample grid, and scores as that does."""

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.office.team import load_team
from deploy import up
from deploy.demo import house
from deploy.greeting import greeting
from deploy.settings import DEFAULT_GRID, Settings
from scorer.grid import load_grid

pytestmark = pytest.mark.embedded


def test_its_grid_is_the_sample_one_and_a_play_of_accounts_more(tmp_path: Path) -> None:
    sample, found = load_grid(DEFAULT_GRID), load_grid(house.with_accounts(DEFAULT_GRID, tmp_path))
    assert [play.id for play in found.account_plays] == ["buying-committee"]
    assert [tier.id for tier in found.accounts.tiers] == [tier.id for tier in sample.tiers]
    told = dict(found.source)
    assert told.pop("accounts")["roll_up"] == "sum"
    assert told | {"plays": told["plays"][:-1]} == sample.source


def test_its_team_is_right() -> None:
    assert [person.name for person in load_team(house.TEAM).people.values()] == [
        "Marc Lefèvre",
        "Inès Caron",
        "Yann Prigent",
    ]


def test_a_demonstration_has_both_unless_others_are_named_and_says_where_the_grid_comes_from(
    tmp_path: Path,
) -> None:
    options = up.Options(load_grid(DEFAULT_GRID), demo=True)
    plain = Settings()
    machine = up._machine(plain, options, tmp_path)
    assert (machine.team, machine.grid) == (house.TEAM, tmp_path / "b2b-fr.yml")
    assert f"({DEFAULT_GRID}, and {house.ACCOUNTS})" in greeting(machine, options.grid, 1.0)

    no_demo = up._machine(plain, replace(options, demo=False), tmp_path)
    assert (no_demo.team, no_demo.grid) == (None, DEFAULT_GRID)
    assert f"({DEFAULT_GRID})" in greeting(no_demo, options.grid, 1.0)

    own = plain.model_copy(update={"team": Path("our-team.yml"), "grid": Path("our-grid.yml")})
    machine = up._machine(own, options, tmp_path)
    assert (machine.team, machine.grid) == (Path("our-team.yml"), Path("our-grid.yml"))
