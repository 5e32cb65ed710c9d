"""The demonstration's team: it is right, and gives way to one that is named."""

from pathlib import Path

import pytest

from connectors.office.team import load_team
from deploy import up
from deploy.demo.team import DEMO_TEAM
from deploy.settings import DEFAULT_GRID, Settings
from scorer.grid import load_grid

pytestmark = pytest.mark.embedded


def test_it_is_right() -> None:
    assert [person.name for person in load_team(DEMO_TEAM).people.values()] == [
        "Marc Lefèvre",
        "Inès Caron",
        "Yann Prigent",
    ]


@pytest.mark.parametrize(
    ("named", "demo", "taken"),
    [(None, True, DEMO_TEAM), (None, False, None), (Path("our-team.yml"), True, Path("our-team.yml"))],
)
def test_only_a_demonstration_without_another_has_it(
    named: Path | None, demo: bool, taken: Path | None, tmp_path: Path
) -> None:
    settings = Settings().model_copy(update={"team": named})
    assert up._machine(settings, up.Options(load_grid(DEFAULT_GRID), demo=demo), tmp_path).team == taken
